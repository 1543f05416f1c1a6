"""The charts with plain `helm install`, without our command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cluster.conftest import ROOT, Cluster, bind_to_workspace, values_of

pytestmark = pytest.mark.cluster
SCHOOL = ROOT / "examples/boarding-school"
CHART = ROOT / "charts/adaptive-run"
FILES = [
    *values_of("run"),
    *("--set-file", f"run.spec={SCHOOL / 'adaptive.yaml'}"),
    *("--set-file", f"run.files.model\\.py={SCHOOL / 'model.py'}"),
    *("--set-file", f"run.files.influenza\\.csv={SCHOOL / 'influenza.csv'}"),
]


def _completed(cluster: Cluster, namespace: str) -> bool:
    jobs = json.loads(cluster.kubectl("-n", namespace, "get", "jobs", "-o", "json"))["items"]
    states = [c["type"] for job in jobs for c in job["status"].get("conditions", []) if c["status"] == "True"]
    assert "Failed" not in states, cluster.kubectl("-n", namespace, "logs", "-l", "app.kubernetes.io/component=worker")
    return bool(jobs) and states.count("Complete") == len(jobs)


def _trials(cluster: Cluster, namespace: str, release: str) -> tuple[int, int, int]:
    """Finished trials of the search, trials in any other state, and replicates recorded more than once."""
    query = (
        "SELECT count(*) FILTER (WHERE phase = 'search' AND status = 'COMPLETED'),"
        " count(*) FILTER (WHERE status NOT IN ('COMPLETED', 'FAILED', 'TIMEOUT', 'WITHDRAWN')),"
        " (SELECT count(*) - count(DISTINCT (run_key, number, idx)) FROM modelops.replicate) FROM modelops.trial"
    )
    psql = "PATH=$(echo /usr/lib/postgresql/*/bin):$PATH psql -h /run/postgresql -U postgres -d modelops -tAc"
    said = cluster.kubectl("-n", namespace, "exec", f"{release}-postgres-0", "--", "sh", "-c", f'{psql} "{query}"')
    first, second, third = said.strip().split("|")
    return int(first), int(second), int(third)


def test_a_run_with_its_own_postgres_ends_and_an_upgrade_keeps_its_data(cluster: Cluster, namespace: str) -> None:
    cluster.helm("install", "run-abc", str(CHART), "-n", namespace, *FILES)
    cluster.wait("the run's end", 240, lambda: _completed(cluster, namespace))
    assert _trials(cluster, namespace, "run-abc") == (300, 0, 0)
    cluster.helm("test", "run-abc", "-n", namespace)
    secret = ("-n", namespace, "get", "secret", "run-abc-postgres", "-o", "jsonpath={.data}")
    before = cluster.kubectl(*secret)
    cluster.helm("upgrade", "run-abc", str(CHART), "-n", namespace, *FILES, "--set", "workers.slots=2")
    cluster.wait("the upgraded run's end", 60, lambda: _completed(cluster, namespace))
    assert cluster.kubectl(*secret) == before
    assert _trials(cluster, namespace, "run-abc") == (300, 0, 0)


def test_two_workers_share_a_run_on_a_workspace(cluster: Cluster, namespace: str, workspace: str) -> None:
    cluster.helm("test", "ws", "-n", workspace)
    dask = bind_to_workspace(cluster, workspace, namespace)
    cluster.helm("install", "pair", str(CHART), "-n", namespace, *FILES, "--set", "workers.replicas=2", *dask)
    cluster.wait("the run's end", 240, lambda: _completed(cluster, namespace))
    assert _trials(cluster, namespace, "pair") == (300, 0, 0)
    cluster.helm("test", "pair", "-n", namespace)


def test_values_that_cannot_work_are_refused_together(cluster: Cluster, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("centralStore: {mode: external}\ndask: {address: 'tls://ws:8786'}\n")
    with pytest.raises(AssertionError) as refused:
        cluster.helm("template", "x", str(CHART), "-f", str(values))
    for key in ("run.spec is empty", "centralStore.existingSecret is empty", "dask.existingSecret is empty"):
        assert key in str(refused.value)
