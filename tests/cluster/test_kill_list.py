"""What may happen to a cluster while a run works on it, and the counts that must come out all the same.

Harm comes by the run's own progress, so that a slow machine is harmed at the same points as a fast one.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.conftest import Cluster, Tell
from tests.cluster.slow_run import CONFIRM_REPLICATES, CONFIRMED, REPLICATES, TRIALS, SlowRun, slow_run
from tests.support.patience import PATIENCE_S
from tests.support.sizes import size

pytestmark = pytest.mark.cluster

BETWEEN = 25
"""Trials that are finished between one harm and the next: all is well again by then."""

AWAY_S = size(10, full=30)
DRAINED_S = size(20, full=60)


def postgres_is_away(run: SlowRun) -> None:
    name = f"{run.release}-postgres"
    run.kubectl("scale", "statefulset", name, "--replicas=0")
    run.kubectl("wait", "--for=delete", f"pod/{name}-0", "--timeout=600s")
    time.sleep(AWAY_S)
    run.kubectl("scale", "statefulset", name, "--replicas=1")


def an_adaptive_worker_is_killed(run: SlowRun) -> None:
    pod = run.pods("modelops.io/ledger")[0]
    run.kubectl("delete", "pod", pod, "--grace-period=0", "--force")


def a_dask_worker_is_killed(run: SlowRun) -> None:
    pod = run.pods("app.kubernetes.io/name=dask-workspace,app.kubernetes.io/component=worker")[0]
    run.cluster.kubectl("-n", run.workspace, "delete", "pod", pod, "--grace-period=0", "--force")


def the_dask_scheduler_is_killed(run: SlowRun) -> None:
    (pod,) = run.pods("app.kubernetes.io/component=scheduler")
    run.cluster.kubectl("-n", run.workspace, "delete", "pod", pod, "--grace-period=0", "--force")


def the_node_of_the_ledger_is_drained(run: SlowRun) -> None:
    """Of all pods of the run and its workspace; those of others stay. The ledger's volume is bound to that node."""
    pod = json.loads(run.kubectl("get", "pod", f"{run.release}-postgres-0", "-o", "json"))
    node = pod["spec"]["nodeName"]
    try:
        flags = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=600s")
        run.cluster.kubectl("drain", node, f"--pod-selector={run.selector}", *flags)
        time.sleep(DRAINED_S)
    finally:
        run.cluster.kubectl("uncordon", node)


HARMS: list[Callable[[SlowRun], None]] = [
    postgres_is_away,
    an_adaptive_worker_is_killed,
    a_dask_worker_is_killed,
    the_dask_scheduler_is_killed,
    the_node_of_the_ledger_is_drained,
]


def test_a_run_survives_the_kill_list(cluster: Cluster, tmp_path: Path, tell: Tell) -> None:
    began = time.monotonic()
    told = []
    with slow_run(cluster, tmp_path, f"kill-{uuid.uuid4().hex[:6]}") as run:
        for harm in HARMS:
            at = after_more_trials(run)
            before = time.monotonic()
            harm(run)
            told.append((harm.__name__.replace("_", " "), at, time.monotonic() - before))
        assert not run.is_over(), "the run was over before all harm was done"
        wait_for_the_end(run)
        counts = run.counts()
        tell(shown(told, counts, time.monotonic() - began))
        assert wrong(counts) == []
        for spoiling in SPOILINGS:
            assert wrong(run.counts(spoiling)), f"the counts do not show it: {spoiling}"


EXPECTED = {
    "finished": TRIALS,
    "completed": TRIALS,
    "confirmed": CONFIRMED,
    "left over": 0,
    "replicates": TRIALS * REPLICATES,
    "confirming replicates": CONFIRMED * CONFIRM_REPLICATES,
    "failed replicates": 0,
    "recorded again": 0,
}
SPOILINGS = [
    "UPDATE modelops.trial SET status = 'LEASED' WHERE number = 7",
    "UPDATE modelops.trial SET status = 'FAILED' WHERE number = 7",
    "DELETE FROM modelops.replicate WHERE number = 7 AND idx = 0",
    "UPDATE modelops.replicate SET attempt = 2 WHERE number = 7 AND idx = 0",
    "UPDATE modelops.replicate SET status = 'FAILED' WHERE number = 7 AND idx = 0",
    "UPDATE modelops.trial SET worker = 'one'",
]
"""Each makes a ledger that a survived kill list may not leave behind."""


def wrong(counts: dict[str, int]) -> list[str]:
    """What of the counts is not as it must be after all that harm; two workers began, and each loss brings another.

    How many trials are taken over is chance: a worker that has a second to end in gives its trials back.
    """
    found = [f"{name}: {counts[name]}, not {number}" for name, number in EXPECTED.items() if counts[name] != number]
    if counts["workers"] <= 2:
        found.append(f"{counts['workers']} workers, so no killed one was replaced")
    return found


def after_more_trials(run: SlowRun) -> int:
    """How many trials are finished, as soon as BETWEEN more are than at first sight."""
    seen: list[int] = []

    def are_more() -> bool:
        assert not run.is_over(), f"the run was over before all harm was done: {run.story()}"
        finished = run.finished()
        seen.extend([finished] if finished >= 0 else [])
        return bool(seen) and seen[-1] >= seen[0] + BETWEEN

    run.cluster.wait(f"{BETWEEN} more trials", are_more)
    return seen[-1]


def wait_for_the_end(run: SlowRun) -> None:
    """For as long as it goes on: fails when PATIENCE_S seconds bring no further trial."""
    last, since = run.finished(), time.monotonic()
    while not run.is_over():
        if (now := run.finished()) != last:
            last, since = now, time.monotonic()
        assert time.monotonic() - since < PATIENCE_S, f"no trial after {last} of them: {run.story()}"
        time.sleep(2)


def shown(told: list[tuple[str, int, float]], counts: dict[str, int], seconds: float) -> str:
    lines = [f"{'harm':<36}{'at trial':>10}{'took, s':>10}"]
    lines += [f"{name:<36}{at:>10}{took:>10.0f}" for name, at, took in told]
    lines += ["", f"{'counted in the ledger at the end':<36}{'found':>10}"]
    lines += [f"{name:<36}{count:>10}" for name, count in counts.items()]
    return "\n".join(["", *lines, f"{seconds:.0f} s in all"])
