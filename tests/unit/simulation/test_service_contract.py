"""What contracts/simulation.py promises, held against every service."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from aligning import TakeY

from modelops_runtime.contracts.errors import ModelOpsError
from modelops_runtime.contracts.failures import FailureKind, SimulationError
from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.models.loading import ModelSource
from modelops_runtime.simulation.dask.service import DaskSimulationService
from modelops_runtime.simulation.local import LocalSimulationService
from modelops_runtime.simulation.pool.limits import Limits
from modelops_runtime.simulation.replicates import ReplicateJob
from modelops_runtime.simulation.service import ReplicateService
from tests.support.patience import PATIENCE_S, eventually

ROOT = Path(__file__).parent / "model"
Make = Callable[..., ReplicateService]


@pytest.fixture(scope="module", params=["local", "dask", "dask over TLS"])
def make(request: pytest.FixtureRequest) -> Make:
    """A service of the kind, by limits and what the job is to have."""

    def of_kind(*, timeout_s: float = 300.0, keep_tables: bool = False, **source: object) -> ReplicateService:
        asked = {"entrypoint": "model.py:simulate", "root": str(ROOT), **source}
        job = ReplicateJob(source=ModelSource(**asked), aligner=TakeY(), keep_tables=keep_tables)
        limits = Limits(timeout_s=timeout_s, memory_bytes=2**30, env={"MY_FLAG": "1"})
        if request.param == "local":
            return LocalSimulationService(job, slots=2, limits=limits)
        cluster = request.getfixturevalue("plain_cluster" if request.param == "dask" else "tls_cluster")
        service = DaskSimulationService(cluster.target, job, root=Path(job.root), limits=limits)
        assert eventually(lambda: service.slots == 2)
        return service

    return of_kind


@pytest.fixture(scope="module")
def service(make: Make) -> Iterator[ReplicateService]:
    service = make()
    yield service
    service.close()


def a_set(**params: object) -> UniqueParameterSet:
    return UniqueParameterSet.of({"a": 1.0, **params})


def values_of(outcome) -> list[float]:
    return np.frombuffer(outcome.aligned, "<f8").tolist()


def expected(a: float, seed: int) -> list[float]:
    return (a * np.random.default_rng(seed).random(3) + 10.0).tolist()


def test_replicates_come_back_aligned_each_from_its_seed(service):
    outcomes = service.submit_replicates(a_set(a=2.0), {4: 40, 2: 20}).result(PATIENCE_S)
    assert [(outcome.index, outcome.seed) for outcome in outcomes] == [(4, 40), (2, 20)]
    assert [values_of(outcome) for outcome in outcomes] == [expected(2.0, 40), expected(2.0, 20)]
    assert [outcome.log for outcome in outcomes] == ["seed 40\n", "seed 20\n"]
    assert all(outcome.failure is None and outcome.seconds > 0 and outcome.tables is None for outcome in outcomes)


def test_the_same_seed_gives_the_same_digest(service):
    first, second = (service.submit_replicates(a_set(), {0: 7, 1: 8}).result(PATIENCE_S) for _ in range(2))
    assert [outcome.digest for outcome in first] == [outcome.digest for outcome in second]
    assert first[0].digest != first[1].digest
    assert len(first[0].digest) == 32


def test_calls_in_turn_run_in_their_order_in_one_process_that_has_run_nothing_before(make):
    service = make(entrypoint="model.py:counting")
    service.describe()
    used = {values_of(o)[0] for n in range(4) for o in service.submit_replicates(a_set(), {n: n}).result(PATIENCE_S)}
    for _ in range(2):
        outcomes = service.submit_in_turn([(a_set(a=a), seed) for a, seed in ((2.0, 5), (3.0, 5), (2.0, 5))]).result(
            PATIENCE_S
        )
        assert [(outcome.index, outcome.seed) for outcome in outcomes] == [(0, 5), (1, 5), (2, 5)]
        pids, calls, products = zip(*map(values_of, outcomes), strict=True)
        assert (calls, products) == ((1, 2, 3), (10, 15, 10))
        assert len(set(pids)) == 1
        assert not used & set(pids)
        used |= set(pids)
    service.close()


def test_one_replicate_that_fails_fails_alone(service):
    before, failed, after = service.submit_replicates(a_set(mood="fail 2"), {0: 1, 1: 2, 2: 3}).result(PATIENCE_S)
    assert failed.failure.kind is FailureKind.MODEL_ERROR
    assert failed.failure.message == "ZeroDivisionError: too few people (model.py:14)"
    assert "simulate" in failed.log
    assert "modelops_runtime" not in failed.log
    assert before.failure is None
    assert values_of(after) == expected(1.0, 3)


@pytest.mark.parametrize(
    ("mood", "kind"),
    [
        ("exit", FailureKind.MODEL_ERROR),
        ("segfault", FailureKind.MODEL_ERROR),
        ("eat", FailureKind.OUT_OF_MEMORY),
        ("wrong", FailureKind.BAD_OUTPUT),
    ],
)
def test_failures_are_values(service, mood, kind):
    (outcome,) = service.submit_replicates(a_set(mood=mood), {0: 1}).result(PATIENCE_S)
    assert outcome.failure.kind is kind
    assert outcome.aligned == b""
    assert (outcome.failure.path == "targets.t.value") == (mood == "wrong")


def test_what_takes_too_long_is_a_timeout(make, tmp_path):
    service = make(timeout_s=1.0)
    service.describe()
    hanging, after = service.submit_replicates(a_set(mood="hang", started=str(tmp_path / "s")), {0: 1, 1: 2}).result(
        PATIENCE_S
    )
    assert hanging.failure.kind is after.failure.kind is FailureKind.TIMEOUT
    service.close()


def test_submit_gives_tables_as_arrow_streams(service):
    tables = service.submit("model.py:other", {"a": 3}, 5).result(PATIENCE_S)
    assert {name: pa.ipc.open_stream(data).read_all().to_pydict() for name, data in tables.items()} == {
        "first": {"x": [5]},
        "second": {"y": [3.0]},
    }


def test_submit_raises_what_went_wrong(service):
    future = service.submit("model.py:simulate", {"a": 1.0, "mood": "fail"}, 1)
    with pytest.raises(SimulationError, match="MODEL_ERROR: ZeroDivisionError"):
        future.result(PATIENCE_S)
    with pytest.raises(SimulationError, match="nothing_of_this_name"):
        service.submit("model.py:nothing_of_this_name", {}, 1).result(PATIENCE_S)


def test_submit_finds_the_code_of_a_bundle(service, tmp_path):
    (tmp_path / "model.py").write_text("def simulate(params, seed):\n    return {'z': [params['a'] + seed]}\n")
    tables = service.submit("model.py:simulate", {"a": 1}, 2, bundle_ref=str(tmp_path)).result(PATIENCE_S)
    assert pa.ipc.open_stream(tables["output"]).read_all().to_pydict() == {"z": [3]}
    assert values_of(service.submit_replicates(a_set(), {0: 1}).result(PATIENCE_S)[0]) == expected(1.0, 1)


def test_gather_keeps_the_order_and_raises_the_first_error(service):
    futures = [service.submit("model.py:other", {"a": n}, n) for n in range(6)]
    gathered = service.gather(futures)
    columns = [pa.ipc.open_stream(tables["first"]).read_all()["x"].to_pylist() for tables in gathered]
    assert columns == [[n] for n in range(6)]
    bad = service.submit("model.py:simulate", {"a": 1.0, "mood": "fail"}, 1)
    with pytest.raises(SimulationError, match="too few people"):
        service.gather([futures[0], bad])


def test_as_completed_gives_each_future_once_the_quick_before_the_slow(service, tmp_path):
    slow = service.submit("model.py:simulate", {"a": 1.0, "mood": "wait", "until": str(tmp_path / "go")}, 1)
    quick = service.submit("model.py:other", {"a": 1}, 1)
    completed = service.as_completed([slow, quick])
    assert next(completed) is quick
    (tmp_path / "go").touch()
    assert list(completed) == [slow]


def test_cancelling_stops_a_simulation_and_frees_its_slot(make, tmp_path):
    service = make(timeout_s=1_000.0)
    hanging = [service.submit_replicates(a_set(mood="hang", started=str(tmp_path / str(n))), {0: n}) for n in range(2)]
    assert all(eventually((tmp_path / str(n)).exists) for n in range(2))
    assert all(future.cancel() for future in hanging)
    with pytest.raises(CancelledError):
        hanging[0].result(PATIENCE_S)
    assert values_of(service.submit_replicates(a_set(), {0: 1}).result(PATIENCE_S)[0]) == expected(1.0, 1)
    assert set(service.as_completed(hanging)) == set(hanging)
    service.close()


def test_closing_at_once_does_not_wait(make, tmp_path):
    service = make(timeout_s=1_000.0)
    hanging = service.submit_replicates(a_set(mood="hang", started=str(tmp_path / "s")), {0: 1})
    assert eventually((tmp_path / "s").exists)
    service.close(now=True)
    assert hanging.cancelled()
    with pytest.raises(ModelOpsError, match="closed"):
        service.submit_replicates(a_set(), {0: 1})


def test_closing_waits_for_what_was_submitted(make):
    service = make()
    futures = [service.submit_replicates(a_set(), {0: n}) for n in range(5)]
    service.close()
    service.close()
    assert [values_of(future.result(0)[0]) for future in futures] == [expected(1.0, n) for n in range(5)]


def test_tables_travel_when_they_are_kept(make):
    service = make(keep_tables=True)
    (outcome,) = service.submit_replicates(a_set(), {0: 3}).result(PATIENCE_S)
    assert pa.ipc.open_stream(outcome.tables["output"]).read_all()["y"].to_pylist() == expected(1.0, 3)
    service.close()


def test_a_simulation_runs_in_the_models_folder(service):
    (outcome,) = service.submit_replicates(a_set(mood="where"), {0: 3}).result(PATIENCE_S)
    assert os.path.basename(outcome.log.splitlines()[0]).startswith("model")


def test_the_model_describes_itself_and_derives(service):
    assert service.describe().has_derived
    assert service.derive({"a": 21.0}) == {"double": 42.0}


@pytest.mark.parametrize("entrypoint", ["model.py:nobody", "absent.py:simulate", "no_such_module:fn"])
def test_a_model_that_cannot_be_loaded_is_told_with_the_specs_key(make, entrypoint):
    service = make(entrypoint=entrypoint)
    with pytest.raises(SimulationError) as caught:
        service.describe()
    assert caught.value.failure.path == "model.entrypoint"
    service.close()


def test_a_crash_while_loading_is_told_with_the_specs_key(make, tmp_path):
    (tmp_path / "model.py").write_text("import os\nos._exit(3)\n")
    service = make(root=str(tmp_path))
    with pytest.raises(SimulationError, match="exit code 3 while the model was loading") as caught:
        service.describe()
    assert caught.value.failure.path == "model.entrypoint"
    service.close()
