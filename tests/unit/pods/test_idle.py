"""When a workspace's workers are scaled to none, and when back."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from distributed import Client
from hypothesis import given
from hypothesis import strategies as st

from modelops_runtime.contracts.errors import ModelOpsError, Unreachable
from modelops_runtime.pods.idle import Decision, Memory, Use, decide, main, use_of
from modelops_runtime.pods.scale import Cluster as KubernetesCluster
from tests.support.dask_cluster import Cluster, make_certificates
from tests.support.patience import PATIENCE_S, eventually

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
AFTER_S = 1800.0
NOBODY = Use(clients=0, tasks=0, connections=4, workers=3)
A_RUN = Use(clients=2, tasks=30, connections=6, workers=3)


def decided(memory: Memory, use: Use, *, replicas: int = 3, wanted: int = 3, at: datetime = NOW) -> Decision:
    return decide(memory, use, replicas=replicas, wanted=wanted, after_s=AFTER_S, now=at)


def idle_for(seconds: float) -> Memory:
    return Memory(idle_since=NOW - timedelta(seconds=seconds), connections=NOBODY.connections)


def asleep() -> Memory:
    return replace(idle_for(AFTER_S + 60), asleep_since=NOW - timedelta(seconds=60))


def test_a_workspace_sleeps_when_its_time_without_a_client_is_over() -> None:
    first = decided(Memory(), NOBODY)
    assert (first.replicas, first.memory.idle_since) == (None, NOW)
    assert decided(first.memory, NOBODY, at=NOW + timedelta(seconds=AFTER_S - 1)).replicas is None
    later = NOW + timedelta(seconds=AFTER_S)
    last = decided(first.memory, NOBODY, at=later)
    assert (last.replicas, last.memory.asleep_since) == (0, later)


@pytest.mark.parametrize(
    "use",
    [A_RUN, replace(A_RUN, tasks=0), replace(NOBODY, tasks=1)],
    ids=["a run at work", "a run that asks", "work of one that is gone"],
)
def test_who_uses_it_keeps_it_awake_and_its_time_begins_anew(use: Use) -> None:
    kept = decided(idle_for(AFTER_S * 9), use)
    assert kept.replicas is None
    assert kept.memory.idle_since is None


def test_a_run_between_two_looks_is_not_overlooked() -> None:
    seen = decided(idle_for(AFTER_S * 9), replace(NOBODY, connections=NOBODY.connections + 1))
    assert seen.replicas is None
    assert seen.memory.idle_since == NOW


def test_a_run_that_comes_wakes_it_once_its_workers_have_ended() -> None:
    assert decided(asleep(), NOBODY, replicas=0).replicas is None
    ending = decided(asleep(), A_RUN, replicas=0)
    assert (ending.replicas, ending.memory) == (None, asleep())
    woken = decided(asleep(), replace(A_RUN, workers=0), replicas=0, wanted=7)
    assert woken.replicas == 7
    assert woken.memory.asleep_since is None


def test_workers_that_somebody_scaled_to_none_stay_so() -> None:
    assert decided(Memory(), replace(A_RUN, workers=0), replicas=0).replicas is None
    assert decided(asleep(), replace(A_RUN, workers=0), replicas=0, wanted=0).replicas is None


def test_one_that_somebody_woke_has_its_whole_time_again() -> None:
    woken = decided(asleep(), NOBODY, replicas=3)
    assert woken.replicas is None
    assert woken.memory == Memory(idle_since=NOW, connections=NOBODY.connections)


def test_a_clock_that_went_back_does_not_put_it_to_sleep() -> None:
    assert decided(idle_for(-60), NOBODY).memory.idle_since == NOW


times = st.none() | st.datetimes(timezones=st.just(UTC))
memories = st.builds(Memory, idle_since=times, asleep_since=times, connections=st.integers(min_value=0))
uses = st.builds(Use, **dict.fromkeys(("clients", "tasks", "connections", "workers"), st.integers(0, 9)))


@given(memories, uses, st.integers(0, 9), st.integers(0, 9), st.datetimes(timezones=st.just(UTC)))
def test_workers_go_only_when_nobody_is_there_and_come_only_for_somebody(
    memory: Memory, use: Use, replicas: int, wanted: int, now: datetime
) -> None:
    made = decide(memory, use, replicas=replicas, wanted=wanted, after_s=AFTER_S, now=now)
    assert made.replicas in (None, 0, wanted)
    if made.replicas == 0:
        assert use.is_idle
        assert replicas > 0
        assert made.memory.asleep_since == now
        assert memory.idle_since is not None
        assert now - memory.idle_since >= timedelta(seconds=AFTER_S)
    elif made.replicas is not None:
        assert not use.is_idle
        assert replicas == 0
        assert memory.asleep_since is not None


@given(memories)
def test_what_is_remembered_comes_back(memory: Memory) -> None:
    assert Memory.of(memory.as_data()) == memory


@pytest.mark.parametrize("data", [{}, {"idleSince": "", "connections": ""}, {"idleSince": "soon", "connections": "x"}])
def test_what_cannot_be_read_is_not_known(data: dict[str, str]) -> None:
    assert Memory.of(data) == Memory()


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as cluster:
        cluster.add_worker()
        yield cluster


def test_a_real_schedulers_metrics_tell_who_uses_it(dask: Cluster) -> None:
    with Client(dask.address, set_as_default=False) as client:
        client.wait_for_workers(1, timeout=PATIENCE_S)
        url = f"http://127.0.0.1:{client.scheduler_info()['services']['dashboard']}/metrics"

        def use() -> Use:
            with urllib.request.urlopen(url) as answer:
                return use_of(answer.read().decode())

        assert use() == Use(clients=1, tasks=0, connections=1, workers=1)
        impossible = client.submit(str, 1, resources={"GPU": 1})
        assert eventually(lambda: use().tasks == 1)
        impossible.release()
        assert eventually(lambda: use().tasks == 0)
    assert eventually(lambda: use() == Use(clients=0, tasks=0, connections=1, workers=1))


def test_other_metrics_are_not_taken_for_a_schedulers() -> None:
    with pytest.raises(Unreachable, match="no dask_scheduler_clients"):
        use_of("python_info 1.0\n")


def test_outside_of_a_pod_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--metrics", "http://127.0.0.1:9", "--namespace", "n", "--deployment", "d", "--state", "s"]
    assert main([*where, "--replicas", "1", "--after", "1"]) == 1
    assert capsys.readouterr().err.startswith("idle: this is no pod with a service account: ")


def test_a_token_shows_nowhere(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of-the-pod\n")
    with pytest.raises(ModelOpsError, match="no pod with a service account"):
        KubernetesCluster.from_inside("n", "d", "s", account=tmp_path)
    (tmp_path / "ca.crt").write_bytes(make_certificates(tmp_path).ca.read_bytes())
    cluster = KubernetesCluster.from_inside("n", "d", "s", account=tmp_path, address="https://127.0.0.1:9")
    with pytest.raises(Unreachable, match=r"https://127\.0\.0\.1:9") as refused:
        cluster.replicas()
    assert "of-the-pod" not in f"{cluster!r} {refused.value}"
