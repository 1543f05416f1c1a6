"""The charts with plain `helm install`, without our command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.command_line import SCHOOL, overlap, quick_school, summary_of_a_run_here
from tests.cluster.conftest import Cluster, bind_to_workspace, values_of
from tests.cluster.runs import CHART, completed, trials
from tests.support.pods import log_lines

pytestmark = pytest.mark.cluster


def _files(folder: Path) -> list[str]:
    """The boarding school, as flags of Helm."""
    spec = folder / "adaptive.yaml"
    spec.write_text(quick_school())
    return [
        *values_of("run"),
        *("--set-file", f"run.spec={spec}"),
        *("--set-file", f"run.files.model\\.py={SCHOOL / 'model.py'}"),
        *("--set-file", f"run.files.influenza\\.csv={SCHOOL / 'influenza.csv'}"),
    ]


def test_a_run_with_its_own_postgres_ends_and_an_upgrade_keeps_its_data(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    files = _files(tmp_path)
    cluster.helm("install", "run-abc", CHART, "-n", namespace, *files)
    cluster.wait("the run's end", lambda: completed(cluster, namespace))
    assert trials(cluster, namespace, "run-abc") == (300, 0, 0)
    cluster.helm("test", "run-abc", "-n", namespace)
    secret = ("-n", namespace, "get", "secret", "run-abc-postgres", "-o", "jsonpath={.data}")
    before = cluster.kubectl(*secret)
    cluster.helm("upgrade", "run-abc", CHART, "-n", namespace, *files, "--set", "workers.slots=2")
    cluster.wait("the upgraded run's end", lambda: completed(cluster, namespace))
    assert cluster.kubectl(*secret) == before
    assert trials(cluster, namespace, "run-abc") == (300, 0, 0)


def test_two_workers_on_a_workspace_find_what_a_run_here_finds(
    cluster: Cluster, namespace: str, workspace: str, tmp_path: Path
) -> None:
    cluster.helm("test", "ws", "-n", workspace)
    dask = bind_to_workspace(cluster, workspace, namespace)
    cluster.helm("install", "pair", CHART, "-n", namespace, *_files(tmp_path), "--set", "workers.replicas=2", *dask)
    cluster.wait("the run's end", lambda: completed(cluster, namespace))
    assert trials(cluster, namespace, "pair") == (300, 0, 0)
    cluster.helm("test", "pair", "-n", namespace)
    logs = cluster.kubectl("-n", namespace, "logs", "-l", "app.kubernetes.io/component=worker", "--tail=-1")
    there = [line["summary"] for line in log_lines(logs) if line.get("event") == "run_ended"]
    assert overlap(there[0], summary_of_a_run_here(tmp_path / "near"))


def test_values_that_cannot_work_are_refused_together(cluster: Cluster, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("centralStore: {mode: external}\ndask: {address: 'tls://ws:8786'}\n")
    with pytest.raises(AssertionError) as refused:
        cluster.helm("template", "x", CHART, "-f", str(values))
    for key in ("run.spec is empty", "centralStore.existingSecret is empty", "dask.existingSecret is empty"):
        assert key in str(refused.value)
