"""On Dask: what travels, what is lost with whom, and what a user reads when nothing answers."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aligning import TakeY

from modelops_runtime.bundles.archive import pack
from modelops_runtime.contracts.errors import ModelOpsError, Unreachable, UserError
from modelops_runtime.contracts.failures import FailureKind
from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.models.loading import ModelSource
from modelops_runtime.simulation.dask import worker as dask_worker
from modelops_runtime.simulation.dask.connection import Connection, LoopThread
from modelops_runtime.simulation.dask.executor import DaskExecutor
from modelops_runtime.simulation.dask.scheduler_address import SchedulerAddress
from modelops_runtime.simulation.dask.service import DaskSimulationService
from modelops_runtime.simulation.pool.limits import Limits
from modelops_runtime.simulation.replicates import ReplicateJob, replicate_items
from tests.support.dask_cluster import Cluster, make_certificates
from tests.support.patience import PATIENCE_S, eventually
from tests.support.ports import free_port

HERE = Path(__file__).parent
IMPORTABLE = {"PYTHONPATH": str(HERE)}
ROOT = HERE / "model"
A_SET = UniqueParameterSet.of({"a": 1.0})


def service_on(target: SchedulerAddress, *, root: Path = ROOT, timeout_s: float = 1_000.0) -> DaskSimulationService:
    job = ReplicateJob(source=ModelSource(entrypoint="model.py:simulate", root=str(root)), aligner=TakeY())
    return DaskSimulationService(target, job, root=root, limits=Limits(timeout_s=timeout_s))


def hanging(folder: Path, n: int) -> UniqueParameterSet:
    """A simulation that says that it has begun, and never ends."""
    return UniqueParameterSet.of({"a": float(n), "mood": "hang", "started": str(folder / f"started-{n}")})


def hang(service: DaskSimulationService, folder: Path, n: int):
    future = service.submit_replicates(hanging(folder, n), {0: n})
    assert eventually((folder / f"started-{n}").exists)
    return future


def simulations_of(worker_pid: int) -> list[int]:
    """Processes of simulations that this Dask worker's executors have started."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,comm"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    fork_servers = {pid for pid, parent, name in rows if int(parent) == worker_pid and name.startswith("modelops")}
    return [int(pid) for pid, parent, _ in rows if parent in fork_servers]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Of this test alone: two workers of one thread."""
    with Cluster(tmp_path, env=IMPORTABLE) as cluster:
        cluster.add_worker()
        cluster.add_worker()
        yield cluster


def unpacked(target: SchedulerAddress) -> list[int]:
    """How many folders each worker was sent."""

    async def ask() -> list[int]:
        connection = Connection(target)
        client = await connection.client()
        counts = await client.run(dask_worker.unpacked_here)
        await connection.close()
        return list(counts.values())

    loop = LoopThread("count")
    try:
        return loop.start(ask()).result(PATIENCE_S)
    finally:
        loop.close()


def test_the_folder_reaches_each_worker_once_whoever_asks(cluster, tmp_path):
    first, second = service_on(cluster.target), service_on(cluster.target, timeout_s=50)
    assert eventually(lambda: first.slots == 2)
    futures = [each.submit_replicates(A_SET, {n: n}) for n in range(20) for each in (first, second)]
    assert [future.result(PATIENCE_S)[0].failure for future in futures] == [None] * 40
    assert unpacked(cluster.target) == [1, 1]
    first.close()
    assert second.submit_replicates(A_SET, {0: 0}).result(PATIENCE_S)[0].failure is None
    second.close()
    assert eventually(lambda: not any(simulations_of(worker.pid) for worker in cluster.workers))


@pytest.mark.chaos
def test_a_killed_worker_costs_only_what_it_was_running(cluster, tmp_path):
    service = service_on(cluster.target)
    assert eventually(lambda: service.slots == 2)
    futures = [hang(service, tmp_path, n) for n in range(2)]
    doomed = cluster.workers[0]
    processes = simulations_of(doomed.pid)
    assert processes
    Cluster.end(doomed, signal.SIGKILL)
    assert eventually(lambda: any(future.done() for future in futures))
    (lost,) = [future for future in futures if future.done()]
    (outcome,) = lost.result()
    assert outcome.failure.kind is FailureKind.LOST
    assert "worker" in outcome.failure.message
    assert eventually(lambda: alive(processes) == [])
    assert eventually(lambda: service.slots == 1)
    (kept,) = [future for future in futures if not future.done()]
    kept.cancel()
    assert service.submit_replicates(A_SET, {0: 1}).result(PATIENCE_S)[0].failure is None
    cluster.add_worker()
    assert eventually(lambda: service.slots == 2)
    service.close(now=True)


@pytest.mark.chaos
def test_a_scheduler_that_comes_back_is_sent_again_what_it_ran(cluster):
    service = service_on(cluster.target)
    assert eventually(lambda: service.slots == 2)
    slow = UniqueParameterSet.of({"a": 1.0, "mood": "sleep", "seconds": 5})
    under_way = [service.submit_replicates(slow, {n: n}) for n in range(2)]
    assert eventually(lambda: all(simulations_of(worker.pid) for worker in cluster.workers))
    Cluster.end(cluster.scheduler, signal.SIGKILL)
    for worker in cluster.workers:  # as Kubernetes would
        Cluster.end(worker)
    cluster.start_scheduler()
    cluster.add_worker()
    outcomes = [*under_way, *(service.submit_replicates(A_SET, {n: n}) for n in range(4))]
    assert [future.result(PATIENCE_S)[0].failure for future in outcomes] == [None] * 6
    service.close()


@pytest.mark.chaos
def test_a_scheduler_that_stays_away_is_no_failure_of_a_simulation(cluster):
    executor = DaskExecutor(cluster.target, Limits(timeout_s=60), reconnect_s=3)
    source = ModelSource(entrypoint="model.py:simulate", root=str(ROOT))
    known = executor.add_job(ReplicateJob(source=source, aligner=TakeY()))
    Cluster.end(cluster.scheduler, signal.SIGKILL)
    with pytest.raises(Unreachable, match="no Dask scheduler answers"):
        executor.submit(known, replicate_items(A_SET, {0: 1})).result(120)
    executor.close(now=True)


CLIENT = """
import sys, time
from pathlib import Path
from test_dask import hang, service_on
from modelops_runtime.simulation.dask.scheduler_address import SchedulerAddress
service = service_on(SchedulerAddress(address=sys.argv[1]))
hang(service, Path(sys.argv[2]), 0)
print("runs", flush=True)
time.sleep(1000)
"""


@pytest.mark.chaos
def test_what_a_killed_client_had_running_is_stopped(cluster, tmp_path):
    command = [sys.executable, "-c", CLIENT, cluster.address, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(HERE)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"runs\n"
        busy = [pid for worker in cluster.workers for pid in simulations_of(worker.pid)]
        client.kill()
    # The process that ran it is killed: it is not the same any more.
    assert eventually(lambda: len(alive(busy)) < len(busy))


@pytest.fixture(scope="module")
def nanny_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler that has nothing but Dask, and a worker under a nanny."""
    env = IMPORTABLE | {"DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "no_modelops"}
    with Cluster(tmp_path_factory.mktemp("nanny"), env=env) as cluster:
        cluster.add_worker(options=("--nanny",))
        yield cluster


def test_a_worker_under_a_nanny_isolates_too(nanny_cluster):
    service = service_on(nanny_cluster.target)
    crash = UniqueParameterSet.of({"a": 1.0, "mood": "segfault"})
    (outcome,) = service.submit_replicates(crash, {0: 1}).result(PATIENCE_S)
    assert outcome.failure.kind is FailureKind.MODEL_ERROR
    assert service.submit_replicates(A_SET, {0: 1}).result(PATIENCE_S)[0].failure is None
    service.close()


def test_a_schedulers_image_needs_no_modelops(nanny_cluster):
    service = service_on(nanny_cluster.target)
    assert service.submit_replicates(A_SET, {0: 1}).result(PATIENCE_S)[0].failure is None
    service.close()


def test_a_worker_without_modelops_is_told_in_one_line(tmp_path):
    with Cluster(tmp_path, env=IMPORTABLE) as cluster:
        cluster.add_worker(DASK_DISTRIBUTED__WORKER__PRELOAD="no_modelops")
        service = service_on(cluster.target)
        (outcome,) = service.submit_replicates(A_SET, {0: 1}).result(PATIENCE_S)
        assert outcome.failure.kind is FailureKind.LOST
        assert outcome.failure.message == "a Dask worker has no modelops: its image needs modelops 0.1.0"
        service.close()


def told(target: SchedulerAddress) -> str:
    """What is said when it cannot be reached."""
    loop = LoopThread("told")
    try:
        with pytest.raises(ModelOpsError) as caught:
            loop.start(Connection(target, connect_s=2.0).client()).result(PATIENCE_S)
    finally:
        loop.close()
    return str(caught.value)


def test_an_address_where_nobody_answers_is_told_in_one_line():
    text = told(SchedulerAddress(address=f"tcp://127.0.0.1:{free_port()}"))
    assert text.startswith("no Dask scheduler answers at tcp://127.0.0.1:")
    assert "\n" not in text


def test_a_plain_address_of_a_tls_scheduler_is_told_with_a_hint(tls_cluster):
    plain = SchedulerAddress(address=tls_cluster.address.replace("tls://", "tcp://"))
    assert "perhaps it speaks TLS" in told(plain)


def test_a_tls_address_of_a_plain_scheduler_is_told_in_one_line(plain_cluster, certificates):
    files = {"ca": certificates.ca, "cert": certificates.cert, "key": certificates.key}
    text = told(SchedulerAddress(address=plain_cluster.address.replace("tcp://", "tls://"), **files))
    assert text.startswith("no Dask scheduler answers at tls://")
    assert "\n" not in text


def test_a_certificate_of_another_ca_is_refused_with_a_hint(tls_cluster, tmp_path):
    other = make_certificates(tmp_path)
    text = told(SchedulerAddress(address=tls_cluster.address, ca=other.ca, cert=other.cert, key=other.key))
    assert "another CA" in text
    assert "\n" not in text


@pytest.mark.parametrize("address", ["nonsense", "http://127.0.0.1:8787", "127.0.0.1"])
def test_what_is_no_address_is_told_in_one_line(address):
    text = told(SchedulerAddress(address=address))
    assert address in text
    assert "\n" not in text


def test_certificate_files_are_looked_for_before_anything_is_tried(tmp_path):
    with pytest.raises(UserError, match="ca, cert, key is not given"):
        service_on(SchedulerAddress(address="tls://127.0.0.1:1"))
    absent = tmp_path / "absent.pem"
    with pytest.raises(UserError, match=r"no certificate file .*absent\.pem"):
        service_on(SchedulerAddress(address="tls://127.0.0.1:1", ca=absent, cert=absent, key=absent))
    with pytest.raises(UserError, match="use tls://"):
        service_on(SchedulerAddress(address="tcp://127.0.0.1:1", ca=absent))


def test_a_folder_that_is_too_large_is_refused_before_anything_runs(plain_cluster, tmp_path):
    (tmp_path / "large.bin").write_bytes(os.urandom(9 * 2**20))
    with pytest.raises(UserError, match=r"large\.bin"):
        service_on(plain_cluster.target, root=tmp_path)


def test_executors_that_nobody_uses_are_closed_and_come_back(tmp_path):
    sites = dask_worker.Sites(tmp_path, 1)
    job = ReplicateJob(source=ModelSource(entrypoint="model.py:simulate", root=""), aligner=TakeY())
    package = dask_worker.Package(digest="d", folder_digest="f", pickled=pickle.dumps((job, Limits(timeout_s=10.0))))
    assert sites.take("d", "user") is None
    assert not sites.install(package, None)
    assert sites.install(package, pack(ROOT))
    site = sites.take("d", "user")
    assert site is not None
    sites.close_idle(time.monotonic())
    assert site.executor is not None  # in use
    sites.give_back(site, broken=False)
    sites.close_idle(time.monotonic())
    assert site.executor is None
    assert sites.take("d", "another") is site
    assert site.executor is not None
    sites.give_back(site, broken=False)
    sites.leave("another")
    assert sites.take("d", "user") is site  # the other service still uses it
    sites.give_back(site, broken=False)
    sites.leave("user")
    assert sites.take("d", "user") is None
    assert not sites._sites
