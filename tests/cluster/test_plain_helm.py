"""The charts with plain `helm install`, without our command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.conftest import ROOT, Cluster, bind_to_workspace, values_of
from tests.cluster.runs import CHART, completed, trials

pytestmark = pytest.mark.cluster
SCHOOL = ROOT / "examples/boarding-school"
FILES = [
    *values_of("run"),
    *("--set-file", f"run.spec={SCHOOL / 'adaptive.yaml'}"),
    *("--set-file", f"run.files.model\\.py={SCHOOL / 'model.py'}"),
    *("--set-file", f"run.files.influenza\\.csv={SCHOOL / 'influenza.csv'}"),
]


def test_a_run_with_its_own_postgres_ends_and_an_upgrade_keeps_its_data(cluster: Cluster, namespace: str) -> None:
    cluster.helm("install", "run-abc", CHART, "-n", namespace, *FILES)
    cluster.wait("the run's end", 240, lambda: completed(cluster, namespace))
    assert trials(cluster, namespace, "run-abc") == (300, 0, 0)
    cluster.helm("test", "run-abc", "-n", namespace)
    secret = ("-n", namespace, "get", "secret", "run-abc-postgres", "-o", "jsonpath={.data}")
    before = cluster.kubectl(*secret)
    cluster.helm("upgrade", "run-abc", CHART, "-n", namespace, *FILES, "--set", "workers.slots=2")
    cluster.wait("the upgraded run's end", 60, lambda: completed(cluster, namespace))
    assert cluster.kubectl(*secret) == before
    assert trials(cluster, namespace, "run-abc") == (300, 0, 0)


def test_two_workers_share_a_run_on_a_workspace(cluster: Cluster, namespace: str, workspace: str) -> None:
    cluster.helm("test", "ws", "-n", workspace)
    dask = bind_to_workspace(cluster, workspace, namespace)
    cluster.helm("install", "pair", CHART, "-n", namespace, *FILES, "--set", "workers.replicas=2", *dask)
    cluster.wait("the run's end", 240, lambda: completed(cluster, namespace))
    assert trials(cluster, namespace, "pair") == (300, 0, 0)
    cluster.helm("test", "pair", "-n", namespace)


def test_values_that_cannot_work_are_refused_together(cluster: Cluster, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("centralStore: {mode: external}\ndask: {address: 'tls://ws:8786'}\n")
    with pytest.raises(AssertionError) as refused:
        cluster.helm("template", "x", CHART, "-f", str(values))
    for key in ("run.spec is empty", "centralStore.existingSecret is empty", "dask.existingSecret is empty"):
        assert key in str(refused.value)
