"""The common part of the services: the contract on top of an executor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from typing import Any, Protocol

from modelops_runtime.contracts.errors import ModelChanged
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.simulation import ReplicateOutcome, Tables
from modelops_runtime.models.loading import ModelDescription
from modelops_runtime.simulation import replicates
from modelops_runtime.simulation.pool.job import ItemOutcome
from modelops_runtime.simulation.replicates import ReplicateJob


class Executor(Protocol):
    """Runs groups of items, here or elsewhere: IsolatedExecutor and DaskExecutor."""

    @property
    def slots(self) -> int: ...

    def add_job(self, job: ReplicateJob) -> Any:
        """Register a job; the result is passed to `submit`."""
        ...

    def submit(
        self, job: Any, items: Sequence[Any], convert: Callable[[list[ItemOutcome]], Any], *, fresh: bool = False
    ) -> Future[Any]:
        """A future of `convert(outcomes)`, one outcome an item; `fresh`: in a process that has run nothing before."""
        ...

    def close(self, *, now: bool = False) -> None: ...


class ExecutorService:
    """A ReplicateService on an executor that it owns."""

    def __init__(self, executor: Executor, job: ReplicateJob) -> None:
        self._executor = executor
        self._job = job
        self._known = executor.add_job(job)
        self._others: dict[tuple[str, str], Any] = {}

    @property
    def slots(self) -> int:
        return self._executor.slots

    def submit(self, fn_ref: str, params: Mapping[str, Scalar], seed: int, *, bundle_ref: str = "") -> Future[Tables]:
        """`bundle_ref` is a folder here; that of the service's own model when empty."""
        known = self._others.get((fn_ref, bundle_ref))
        if known is None:
            job = self._job.of(fn_ref, bundle_ref or self._job.root)
            known = self._others[fn_ref, bundle_ref] = self._executor.add_job(job)
        return self._submit([replicates.tables_item(params, seed)], replicates.only_value, known=known)

    def gather(self, futures: Iterable[Future[Tables]]) -> list[Tables]:
        return [future.result() for future in futures]

    def as_completed(self, futures: Iterable[Future[Tables]]) -> Iterator[Future[Tables]]:
        return as_completed(futures)

    def submit_replicates(
        self, parameter_set: UniqueParameterSet, seeds: Mapping[int, int]
    ) -> Future[Sequence[ReplicateOutcome]]:
        seeds = dict(seeds)
        items = replicates.replicate_items(parameter_set, seeds)
        return self._submit(items, lambda outcomes: replicates.replicate_outcomes(seeds, outcomes))

    def submit_in_turn(self, calls: Sequence[tuple[UniqueParameterSet, int]]) -> Future[Sequence[ReplicateOutcome]]:
        items = [replicates.replicate_item(parameter_set.params, seed) for parameter_set, seed in calls]
        seeds = {place: seed for place, (_, seed) in enumerate(calls)}
        return self._submit(items, lambda outcomes: replicates.replicate_outcomes(seeds, outcomes), fresh=True)

    def describe(self) -> ModelDescription:
        items = [replicates.description_item()]
        return self._submit(items, lambda outcomes: replicates.description_of(self._job, outcomes)).result()

    def derive(self, params: Mapping[str, Scalar]) -> dict[str, float]:
        return self._submit([replicates.derived_item(params)], replicates.only_value).result()

    def _submit(
        self,
        items: Sequence[Any],
        convert: Callable[[Sequence[ItemOutcome]], Any],
        *,
        known: Any = None,
        fresh: bool = False,
    ) -> Future[Any]:
        """Of a job that is `known`, by default the service's own."""
        return self._executor.submit(
            self._known if known is None else known, items, lambda outcomes: convert(self._named(outcomes)), fresh=fresh
        )

    def _named(self, outcomes: Sequence[ItemOutcome]) -> list[ItemOutcome]:
        """Outcomes with the user's paths. Raises ModelChanged if a process did not find the recorded files."""
        for outcome in outcomes:
            if outcome.failure is not None and outcome.failure.changed_file is not None:
                raise ModelChanged(*outcome.failure.changed_file)
        return replicates.with_own_names(self._job, outcomes)

    def close(self, *, now: bool = False) -> None:
        self._executor.close(now=now)
