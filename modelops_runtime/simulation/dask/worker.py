"""The part inside a Dask worker: one isolated executor for each combination of model and limits in use.

A plugin of the worker keeps everything and ends with it. A killed worker leaves nothing behind either: the executor's
processes end with the one that started them.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import shutil
import tempfile
import threading
import time
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any, Protocol

from distributed import Worker, WorkerPlugin, get_worker

from modelops_runtime.contracts.errors import ModelOpsError
from modelops_runtime.simulation.pool.executor import PRELOAD, IsolatedExecutor
from modelops_runtime.simulation.pool.job import ItemOutcome, Job
from modelops_runtime.simulation.pool.limits import Limits
from modelops_runtime.simulation.pool.tasks import KnownJob

if TYPE_CHECKING:
    from modelops_runtime.bundles.snapshot import Snapshot

DONE, MISSING, BROKEN, CANCELLED = "done", "missing", "broken", "cancelled"
"""How a task ends: with outcomes; with the address of a worker that lacks its package; with a reason; cancelled."""

IDLE_S = 120.0
"""Seconds after which an unused executor is closed; it is started again when needed."""

_LOOK_S = 0.2
_PLUGIN = "modelops-simulations"


class RootedJob(Job, Protocol):
    """A job whose code is in a folder."""

    @property
    def root(self) -> str: ...

    def at(self, root: str, snapshot: Snapshot | None) -> Job:
        """The same with its folder elsewhere, made of the snapshot."""
        ...

    def packed(self) -> bytes:
        """An archive of the folder."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What a worker is sent once; the folder's content is sent separately, since packages may share it."""

    digest: str
    """Of the job, the limits and the folder."""
    folder_digest: str
    pickled: bytes
    """Of (RootedJob, Limits)."""


@dataclass(slots=True)
class _Site:
    """A package on this worker."""

    job: Job
    root: Path
    """Its working folder."""
    limits: Limits
    users: set[str] = field(default_factory=set)
    executor: IsolatedExecutor | None = None
    known: KnownJob | None = None
    busy: int = 0
    last_used: float = 0.0


class Sites(WorkerPlugin):
    """All packages on one worker. Tasks call it from the worker's threads, the rest from its event loop."""

    def __init__(self, folder: Path, slots: int) -> None:
        self._folder = folder
        self._slots = slots
        self._lock = threading.Lock()
        self._snapshots: dict[str, Snapshot] = {}
        """By the digest of the folder: as it was sent."""
        self._sites: dict[str, _Site] = {}
        self._idle: asyncio.Task[None] | None = None
        self.unpacked = 0
        """Number of folders that were sent here."""

    def setup(self, worker: Worker) -> None:
        self._idle = asyncio.get_running_loop().create_task(self._close_idle())

    def teardown(self, worker: Worker) -> None:
        if self._idle is not None:
            self._idle.cancel()
        with self._lock:
            executors = [site.executor for site in self._sites.values() if site.executor is not None]
            self._sites.clear()
        for executor in executors:
            executor.close(now=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _close_idle(self) -> None:
        while True:
            await asyncio.sleep(IDLE_S / 4)
            await asyncio.to_thread(self.close_idle, time.monotonic() - IDLE_S)

    def close_idle(self, since: float) -> None:
        """Close the executors that were not used since then (monotonic clock)."""
        with self._lock:
            idle = [site for site in self._sites.values() if not site.busy and site.last_used <= since]
            executors = [site.executor for site in idle if site.executor is not None]
            for site in idle:
                site.executor = None
        for executor in executors:
            executor.close(now=True)

    def install(self, package: Package, archive: bytes | None) -> bool:
        """Register a package in its own folder. False if its content (`archive`) is needed too."""
        with self._lock:
            snapshot = self._snapshots.get(package.folder_digest)
            if snapshot is None:
                if archive is None:
                    return False
                snapshot = self._snapshots[package.folder_digest] = self._unpacked(archive)
            if package.digest not in self._sites:
                job, limits = pickle.loads(package.pickled)
                root = Path(tempfile.mkdtemp(prefix="model-", dir=self._folder))
                snapshot.lay_out(root)
                self._sites[package.digest] = _Site(job.at(str(root), snapshot), root, limits)
            return True

    def _unpacked(self, archive: bytes) -> Snapshot:
        from modelops_runtime.bundles.archive import unpack
        from modelops_runtime.bundles.cache import ContentStore
        from modelops_runtime.bundles.snapshot import take

        sent = Path(tempfile.mkdtemp(prefix="sent-", dir=self._folder))
        unpack(archive, sent)
        self.unpacked += 1
        return take(sent, ContentStore(self._folder / "files"))

    def take(self, digest: str, user: str) -> _Site | None:
        """A package with its executor running, to be returned with `give_back`; None if it is unknown here."""
        with self._lock:
            site = self._sites.get(digest)
            if site is None:
                return None
            if site.executor is None:
                site.executor = IsolatedExecutor(self._slots, site.limits, preload=(*PRELOAD, "pandas"))
                site.known = site.executor.add_job(site.job)
            site.users.add(user)
            site.busy += 1
            return site

    def give_back(self, site: _Site, *, broken: bool) -> None:
        with self._lock:
            site.busy -= 1
            site.last_used = time.monotonic()
            executor = site.executor if broken else None
            if broken:
                site.executor = None
        if executor is not None:
            executor.close(now=True)

    def leave(self, user: str) -> None:
        """Close what only this service used, after its end."""
        for digest, site in list(self._sites.items()):
            with self._lock:
                site.users.discard(user)
                ends = not site.users and not site.busy
                if ends:
                    self._sites.pop(digest, None)
            if ends and site.executor is not None:
                site.executor.close(now=True)
            if ends:
                shutil.rmtree(site.root, ignore_errors=True)


def run_items(digest: str, user: str, items: list[Any], *, fresh: bool = False) -> tuple[str, Any]:
    """The task: (DONE, pickled outcomes), (MISSING, this worker's address), (BROKEN, reason) or (CANCELLED, None)."""
    worker = get_worker()
    sites = worker.plugins.get(_PLUGIN)
    site = None
    try:
        site = sites.take(digest, user) if isinstance(sites, Sites) else None
        if site is None or not isinstance(sites, Sites):
            return MISSING, worker.address
        broken = False
        try:
            outcomes = _outcomes(worker, site, items, fresh=fresh)
        except ModelOpsError:
            broken = True
            raise
        finally:
            sites.give_back(site, broken=broken)
    except ModelOpsError as error:
        return BROKEN, f"Dask worker {worker.address}: {error}"
    if outcomes is None:
        return CANCELLED, None
    return DONE, pickle.dumps(outcomes, pickle.HIGHEST_PROTOCOL)


def run_items_fresh(digest: str, user: str, items: list[Any]) -> tuple[str, Any]:
    """The same in a process that has run nothing before."""
    return run_items(digest, user, items, fresh=True)


def _outcomes(worker: Worker, site: _Site, items: list[Any], *, fresh: bool) -> list[ItemOutcome] | None:
    """Run items; None if the task was cancelled or its client is gone."""
    assert site.executor is not None
    assert site.known is not None
    key = worker.get_current_task()
    future = site.executor.submit(site.known, items, fresh=fresh)
    while True:
        try:
            return future.result(_LOOK_S)
        except TimeoutError:
            state = worker.state.tasks.get(key)
            if state is None or state.state in ("cancelled", "resumed"):
                future.cancel()
                return None
        except CancelledError:
            return None


async def install(package: Package, archive: bytes | None, dask_worker: Worker) -> tuple[bool, dict[str, str]]:
    """Run on a worker by a client: whether the package is known now, and the versions found there."""
    sites = dask_worker.plugins.get(_PLUGIN)
    if not isinstance(sites, Sites):
        folder = Path(tempfile.mkdtemp(prefix="modelops-", dir=dask_worker.local_directory))
        sites = Sites(folder, dask_worker.state.nthreads)
        await dask_worker.plugin_add(sites, name=_PLUGIN, catch_errors=False)
    return await asyncio.to_thread(sites.install, package, archive), versions()


async def leave(user: str, dask_worker: Worker) -> None:
    """Run on a worker by a client that ends."""
    sites = dask_worker.plugins.get(_PLUGIN)
    if isinstance(sites, Sites):
        await asyncio.to_thread(sites.leave, user)


def unpacked_here(dask_worker: Worker) -> int:
    """Run on a worker by a client: how many folders were brought there."""
    sites = dask_worker.plugins.get(_PLUGIN)
    return sites.unpacked if isinstance(sites, Sites) else 0


def versions() -> dict[str, str]:
    """Versions that decide whether two machines give the same numbers."""
    found = {"python": python_version()}
    for name in ("modelops", "numpy", "pyarrow"):
        with contextlib.suppress(Exception):
            found[name] = version(name)
    return found
