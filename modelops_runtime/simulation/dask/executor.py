"""Runs groups of items isolated, inside the workers of a Dask cluster, as futures."""

from __future__ import annotations

import asyncio
import logging
import pickle
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from distributed import Client, KilledWorker
from distributed.comm.core import CommClosedError

from modelops_runtime.contracts.errors import ModelOpsError, Unreachable
from modelops_runtime.contracts.failures import Failure, FailureKind
from modelops_runtime.simulation.dask import worker as dask_worker
from modelops_runtime.simulation.dask.connection import RECONNECT_S, Connection, LoopThread
from modelops_runtime.simulation.dask.scheduler_address import SchedulerAddress
from modelops_runtime.simulation.dask.worker import Package, RootedJob
from modelops_runtime.simulation.pool.job import ItemOutcome, describe_plainly, one_line
from modelops_runtime.simulation.pool.limits import Limits

_log = logging.getLogger("modelops.dask")

_SLOTS_EVERY_S = 1.0
_NO_WORKERS_S = 5.0
_TRIES_MOST = 100
_TRY_AGAIN_S = 1.0


class _Lost(Exception):
    """A task that the cluster did not finish; the text says why."""


class _Disconnected(_Lost):
    """The connection to the cluster broke; the job is not to blame and may be sent again."""


class _Call:
    """Makes the call when it is unpickled.

    The scheduler unpickles the functions of tasks. As an argument of `pickle.loads`, ours stays opaque to it, so that a
    scheduler's image needs no more than Dask.
    """

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self._call = function, args

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._call


@dataclass(frozen=True, slots=True, kw_only=True)
class DaskJob:
    """An executor's record of a job."""

    package: Package
    archive: bytes


class DaskExecutor:
    """Like IsolatedExecutor, with the threads of all workers of a cluster as slots.

    A job's folder goes to each worker once, by its digest. Work lost with a worker returns as failures of the kind
    LOST. Work lost with the scheduler is sent again once it is back within `reconnect_s` seconds. Raises
    Unreachable when it cannot be reached, and so do all futures from then on.
    """

    def __init__(self, target: SchedulerAddress, limits: Limits, *, reconnect_s: float = RECONNECT_S) -> None:
        self._limits = limits
        self._user = uuid.uuid4().hex
        self._connection = Connection(target, reconnect_s=reconnect_s)
        self._installs: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._warned: set[str] = set()
        self._futures: set[Future[Any]] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._slots = 0
        self._archives: dict[str, tuple[str, bytes]] = {}
        self._loop = LoopThread("modelops-dask")
        try:
            self._loop.start(self._begin()).result()
        except BaseException:
            self._loop.close()
            raise

    @property
    def slots(self) -> int:
        """Threads of all workers, updated each second; 0 while there is no worker."""
        return self._slots

    def add_job(self, job: RootedJob) -> DaskJob:
        """Register a job and pack its folder. Raises UserError if that is too large or holds files that are not sent."""
        folder_digest, archive = self._packed(job)
        # Pickled twice, so that equal jobs of two processes pickle equally and share an executor.
        pickled = pickle.dumps((job.at("", None), self._limits), pickle.HIGHEST_PROTOCOL)
        pickled = pickle.dumps(pickle.loads(pickled), pickle.HIGHEST_PROTOCOL)
        digest = blake2b(pickled + folder_digest.encode(), digest_size=16).hexdigest()
        return DaskJob(package=Package(digest=digest, folder_digest=folder_digest, pickled=pickled), archive=archive)

    def _packed(self, job: RootedJob) -> tuple[str, bytes]:
        """Packed once, for workers that join later too."""
        from modelops_runtime.bundles.archive import digest

        if job.root not in self._archives:
            archive = job.packed()
            self._archives[job.root] = digest(archive), archive
        return self._archives[job.root]

    def submit(
        self,
        job: DaskJob,
        items: Sequence[Any],
        convert: Callable[[list[ItemOutcome]], Any] = list,
        *,
        fresh: bool = False,
    ) -> Future[Any]:
        """A future of `convert(outcomes)`, one outcome an item, in their order. Cancelling it stops its items.

        With `fresh` their process has run nothing before.
        """
        with self._lock:
            if self._closed:
                raise ModelOpsError("the simulation service is closed")
            future = self._loop.start(self._run(job, list(items), convert, fresh=fresh))
            self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return future

    def close(self, *, now: bool = False) -> None:
        """Cancel what runs (without `now`: wait for it), close our executors on the workers, and disconnect."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        unfinished = list(self._futures)
        if now:
            for future in unfinished:
                future.cancel()
        wait(unfinished, timeout=10 if now else None)
        self._loop.start(self._end()).result()
        self._loop.close()

    # in the loop

    async def _begin(self) -> None:
        client = await self._connection.client()
        self._slots = await _threads(client)
        self._watch = asyncio.create_task(self._watch_slots())

    async def _end(self) -> None:
        self._watch.cancel()
        client = self._connection.connected
        try:
            if client is not None:
                async with asyncio.timeout(5):
                    await client.run(dask_worker.leave, self._user, on_error="ignore")
        except (OSError, TimeoutError, CommClosedError, RuntimeError):
            _log.debug("the workers could not be told of the end", exc_info=True)
        await self._connection.close()

    async def _watch_slots(self) -> None:
        """Keep the number of slots up to date, and warn when there is no worker."""
        without = 0.0
        while True:
            await asyncio.sleep(_SLOTS_EVERY_S)
            try:
                self._slots = await _threads(await self._connection.client())
            except (OSError, CommClosedError, ModelOpsError, RuntimeError):
                continue  # tasks submitted meanwhile report it
            without = 0.0 if self._slots else without + _SLOTS_EVERY_S
            if _NO_WORKERS_S <= without < _NO_WORKERS_S + _SLOTS_EVERY_S:
                _log.warning("the Dask scheduler at %s has no workers; waiting for some", self._connection.address)

    async def _run(
        self, job: DaskJob, items: list[Any], convert: Callable[[list[ItemOutcome]], Any], *, fresh: bool
    ) -> Any:
        run = dask_worker.run_items_fresh if fresh else dask_worker.run_items
        call = _Call(run, job.package.digest, self._user, items)
        payload = pickle.dumps(call, pickle.HIGHEST_PROTOCOL)
        try:
            outcomes = await self._outcomes(job, payload) if items else []
        except _Lost as error:
            failure = Failure(FailureKind.LOST, one_line(str(error)))
            outcomes = [ItemOutcome(0.0, failure=failure) for _ in items]
        return convert(outcomes)

    async def _outcomes(self, job: DaskJob, payload: bytes) -> list[ItemOutcome]:
        """Submit until a worker has the package and finishes the task. Raises _Lost."""
        for _ in range(_TRIES_MOST):
            try:
                status, body = await self._attempt(payload)
            except _Disconnected as error:
                self._warn(f"{error}; what it ran is sent again")
                await asyncio.sleep(_TRY_AGAIN_S)
                continue
            if status == dask_worker.DONE:
                return pickle.loads(body)
            if status != dask_worker.MISSING:
                raise _Lost(body or "the Dask worker was told to stop")
            await self._installed(job, body)
        raise _Lost("the Dask workers come and go faster than the model can be brought to them")

    async def _attempt(self, payload: bytes) -> tuple[str, Any]:
        """One task of its own key. Raises _Lost."""
        try:
            client = await self._connection.client()
            future = client.submit(pickle.loads, payload, key=f"modelops-{uuid.uuid4().hex}", pure=False, retries=0)
        except (RuntimeError, OSError) as error:
            raise _Disconnected(str(error)) from error
        try:
            return await future
        except KilledWorker as error:
            raise _Lost("the Dask worker that ran it was killed") from error
        except CancelledError as error:
            raise _Disconnected("the connection to the Dask scheduler was lost") from error
        except ModuleNotFoundError as error:
            raise _Lost(_lacking(error)) from error
        except Exception as error:
            broke = isinstance(error, OSError) and future.status != "error"  # while the result was fetched
            raise (_Disconnected if broke else _Lost)(f"Dask: {describe_plainly(error)[0]}") from error
        finally:
            future.release()

    async def _installed(self, job: DaskJob, address: str) -> None:
        """Send a package to a worker; tasks that wait for the same one share the transfer. A worker that is gone is no error."""
        key = job.package.digest, address
        task = self._installs.get(key)
        if task is None:
            task = self._installs[key] = asyncio.create_task(self._install(job, address))
            task.add_done_callback(lambda _: self._installs.pop(key, None))
        await asyncio.shield(task)

    async def _install(self, job: DaskJob, address: str) -> None:
        try:
            client = await self._connection.client()
            for archive in (None, job.archive):
                answers = await client.run(dask_worker.install, job.package, archive, workers=[address])
                is_known, versions = answers[address]
                if is_known:
                    self._compare(versions)
                    return
        except ModuleNotFoundError as error:
            raise _Lost(_lacking(error)) from error
        except (KeyError, OSError, CommClosedError) as error:
            _log.debug("%s went away: %s", address, error)
        except Unreachable:
            raise
        except Exception as error:
            raise _Lost(f"the model could not be brought to {address}: {describe_plainly(error)[0]}") from error

    def _compare(self, theirs: dict[str, str]) -> None:
        """Warn, once, of versions that differ."""
        here = dask_worker.versions()
        differences = [
            f"{name} {theirs.get(name, 'none')} there, {here[name]} here"
            for name in here
            if theirs.get(name) != here[name]
        ]
        if differences:
            self._warn(f"a Dask worker differs from this machine, and so may its results: {'; '.join(differences)}")

    def _warn(self, text: str) -> None:
        """Say it, once."""
        if text not in self._warned:
            self._warned.add(text)
            _log.warning(text)


async def _threads(client: Client) -> int:
    return sum((await client.ncores()).values())


def _lacking(error: ModuleNotFoundError) -> str:
    if (error.name or "").split(".")[0] == "modelops_runtime":
        return f"a Dask worker has no modelops: its image needs modelops {dask_worker.versions().get('modelops', '')}"
    return f"a Dask worker lacks a package: {error}"
