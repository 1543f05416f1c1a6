"""The speed of a search on a workspace beside that of the same slots here; both are told, neither is asserted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import ours
from tests.bench.report import median
from tests.bench.workload import Workload
from tests.cluster.conftest import Cluster, Tell, bind_to_workspace, new_namespace, values_of
from tests.cluster.runs import CHART, completed, psql
from tests.support.sizes import size

pytestmark = pytest.mark.cluster

SLOTS = 3
REPEATS = size(1, full=3)
WORKLOAD = Workload(seconds=0.001, trials=size(40, full=200), model="ward")
RATE = (
    "SELECT (SELECT count(*) FROM modelops.replicate)"
    " / extract(epoch FROM max(finished_at) - min(proposed_at)) FROM modelops.trial WHERE phase = 'search'"
)
"""Simulations a second from the first proposal to the last end."""


def test_a_search_on_a_workspace_beside_the_same_slots_here(
    cluster: Cluster, workspace: str, tmp_path: Path, tell: Tell
) -> None:
    here, there, inside = [], [], []
    for turn in range(REPEATS):
        folder = tmp_path / str(turn)
        folder.mkdir()
        spec = ours.write_project(folder, WORKLOAD)
        run = ours.run(spec, slots=SLOTS)
        here.append(len(run.replicates) / run.wall_s)
        there.append(_on_the_cluster(cluster, spec, workspace))
        inside.append(_on_the_cluster(cluster, spec, None))
    over = [there / here for there, here in zip(there, here, strict=True)]
    alone = [inside / here for inside, here in zip(inside, here, strict=True)]
    tell(
        f"simulations a second of 1 ms with {SLOTS} slots, medians of {REPEATS}: {median(here):.0f} here, "
        f"{median(there):.0f} on a workspace ({median(over):.2f}), "
        f"{median(inside):.0f} in the run's own pod ({median(alone):.2f})"
    )


def _on_the_cluster(cluster: Cluster, spec: Path, workspace: str | None) -> float:
    """The run in a namespace of its own, on the workspace or with the slots of its own pod."""
    files = [("--set-file", f"run.spec={spec}")]
    for file in spec.parent.iterdir():
        if file.suffix in {".py", ".csv"}:
            files.append(("--set-file", f"run.files.{file.name.replace('.', chr(92) + '.')}={file}"))
    with new_namespace(cluster, "speed") as namespace:
        where = bind_to_workspace(cluster, workspace, namespace) if workspace else ("--set", f"workers.slots={SLOTS}")
        flags = [flag for pair in files for flag in pair]
        cluster.helm("install", "run", CHART, "-n", namespace, *values_of("run"), *flags, *where)
        cluster.wait("the run's end", lambda: completed(cluster, namespace))
        simulations = float(psql(cluster, namespace, "run", RATE))
        cluster.helm("uninstall", "run", "-n", namespace, "--wait", "--timeout", "600s")
    return simulations
