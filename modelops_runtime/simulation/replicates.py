"""What runs in a simulation's process: simulate, align, digest."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from modelops_runtime.bundles.archive import files_of, pack
from modelops_runtime.bundles.secrets import refuse_unsendable
from modelops_runtime.bundles.snapshot import Snapshot
from modelops_runtime.contracts.failures import BadOutput, Complaint, FailureKind, SimulationError
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.simulation import ReplicateOutcome, Tables
from modelops_runtime.models.errors import describe_error
from modelops_runtime.models.loading import ModelDescription, ModelSource
from modelops_runtime.models.source import COMMAND_PATH, ENTRYPOINT_PATH
from modelops_runtime.simulation.pool.job import ItemOutcome
from modelops_runtime.simulation.recorded_imports import import_recorded

if TYPE_CHECKING:
    from modelops_runtime.models.restartable import Restartable

Item = tuple[Any, ...]
"""Plain data, the kind first; the functions below make them."""


class OutputAligner(Protocol):
    """Matches a simulation's tables with the observations. Picklable."""

    def align(self, tables: Mapping[str, Any]) -> Any:
        """A float64 array [observations]. Raises BadOutput."""
        ...

    def align_arrays(self, arrays: Mapping[str, Any]) -> Any:
        """The same for a single output of plain numpy columns whose keys were learnt; None: use `align`."""
        ...

    def learn(self, arrays: Mapping[str, Any]) -> None:
        """Called after `align` of the table of these columns has succeeded."""
        ...

    def times(self) -> Sequence[Any]:
        """The times through which a restartable model is advanced; empty where the observations have none."""
        ...


class Filter(Protocol):
    """A particle filter. Picklable."""

    def run(self, model: Restartable, params: Any, seed: int, *, keep_rows: bool) -> tuple[Any, Any]:
        """A float64 array [2 * observations], and with `keep_rows` the rows of one particle. Raises BadOutput."""
        ...


def replicate_items(parameter_set: UniqueParameterSet, seeds: Mapping[int, int]) -> list[Item]:
    """One item a replicate, in the order of `seeds`."""
    return [replicate_item(parameter_set.params, seed) for seed in seeds.values()]


def replicate_item(params: Mapping[str, Scalar], seed: int) -> Item:
    """An item for the aligned values of one simulation."""
    return "replicate", dict(params), seed


def tables_item(params: Mapping[str, Scalar], seed: int) -> Item:
    """An item for the output tables of one simulation, as Arrow IPC."""
    return "tables", dict(params), seed


def description_item() -> Item:
    """The model's description of itself."""
    return ("describe",)


def derived_item(params: Mapping[str, Scalar]) -> Item:
    """The quantities derived from `params`."""
    return "derive", dict(params)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicateJob:
    """One model and its requests; loaded once a process. It runs in the model's folder."""

    source: ModelSource
    aligner: OutputAligner | None
    """None if no replicates will be requested."""
    keep_tables: bool = False
    """Whether outcomes include the replicates' tables."""
    particle_filter: Filter | None = None
    """With it a replicate is a run of the filter, and its tables are those of one particle."""
    snapshot: Snapshot | None = None
    """The snapshot that the folder was made of, to check it in each process; None for a folder that is used directly."""

    def load(self) -> Callable[[Item], Any]:
        from modelops_runtime.models.arrays import are_arrays, digest_of_arrays
        from modelops_runtime.models.loading import load_model
        from modelops_runtime.models.tables import digest_of, to_ipc, to_tables

        root, aligner, keep_tables = self.source.root, self.aligner, self.keep_tables
        path = _named_by(self.source)
        if self.snapshot is not None:
            self.snapshot.lay_out(Path(root))
            import_recorded(self.snapshot, root)
        _go_to(root)
        model = load_model(self.source, *(() if aligner is None else (aligner.times,)))

        def filtered(params: Mapping[str, Scalar], seed: int) -> tuple[bytes, str, Tables | None]:
            assert self.particle_filter is not None
            values, rows = self.particle_filter.run(*model.restarted(params, seed), keep_rows=keep_tables)
            data = values.astype("<f8", copy=False).tobytes()
            tables = to_ipc(to_tables(rows)) if keep_tables else None
            return data, blake2b(data, digest_size=16).hexdigest(), tables

        def replicate(params: Mapping[str, Scalar], seed: int) -> tuple[bytes, str, Tables | None]:
            assert aligner is not None
            try:
                result = model.run(params, seed)
                arrays = result if not keep_tables and are_arrays(result) else None
                if arrays is not None and (known := aligner.align_arrays(arrays)) is not None:
                    return known.astype("<f8", copy=False).tobytes(), digest_of_arrays(arrays), None
                tables = to_tables(result)
            except BadOutput as error:
                raise BadOutput.of(
                    [replace(each, path=each.path or path) for each in error.complaints]
                ) from error.__cause__
            aligned = aligner.align(tables).astype("<f8", copy=False).tobytes()
            if arrays is not None:
                aligner.learn(arrays)
            return aligned, digest_of(tables), to_ipc(tables) if keep_tables else None

        questions: dict[str, Callable[..., Any]] = {
            "replicate": replicate if self.particle_filter is None else filtered,
            "tables": lambda params, seed: to_ipc(model.simulate(params, seed)),
            "describe": lambda: model.description,
            "derive": lambda params: dict(model.derived(params)),
        }

        def answer(item: Item) -> Any:
            if not _go_to(root) and self.snapshot is not None:  # the model has removed it
                self.snapshot.lay_out(Path(root))
                _go_to(root)
            return questions[item[0]](*item[1:])

        return answer

    def describe(self, error: BaseException) -> tuple[str, str]:
        return describe_error(error, self.source.root)

    @property
    def root(self) -> str:
        """The folder of the model's code."""
        return self.source.root

    def at(self, root: str, snapshot: Snapshot | None) -> ReplicateJob:
        """The same with its folder elsewhere."""
        return replace(self, source=replace(self.source, root=root), snapshot=snapshot)

    def packed(self) -> bytes:
        """An archive of the folder, as it was recorded. Raises UserError, ModelChanged."""
        if self.snapshot is not None:
            return self.snapshot.pack()
        root = Path(self.root)
        refuse_unsendable(root, files_of(root), "the Dask workers")
        return pack(root)

    def as_named(self, text: str) -> str:
        """A text with the paths of the folder that was recorded, instead of those of its copy."""
        return self.snapshot.as_named(text, Path(self.root)) if self.snapshot is not None else text

    def of(self, entrypoint: str, root: str) -> ReplicateJob:
        """The same for another entry point, without targets."""
        source = replace(self.source, entrypoint=entrypoint, command=None, root=root)
        return ReplicateJob(source=source, aligner=None, snapshot=self.snapshot if root == self.root else None)


def _go_to(folder: str) -> bool:
    try:
        os.chdir(folder)
    except OSError:
        return False
    return True


def with_own_names(job: ReplicateJob, outcomes: Sequence[ItemOutcome]) -> list[ItemOutcome]:
    """The outcomes with the user's paths."""
    return [_named(job, outcome) if outcome.log or outcome.failure else outcome for outcome in outcomes]


def _named(job: ReplicateJob, outcome: ItemOutcome) -> ItemOutcome:
    failure = outcome.failure
    if failure is not None:
        complaints = tuple(
            replace(each, wrong=job.as_named(each.wrong), right=job.as_named(each.right)) for each in failure.complaints
        )
        failure = replace(failure, message=job.as_named(failure.message), complaints=complaints)
    return replace(outcome, log=job.as_named(outcome.log), failure=failure)


def replicate_outcomes(seeds: Mapping[int, int], outcomes: Sequence[ItemOutcome]) -> list[ReplicateOutcome]:
    """Converts the executor's outcomes for these seeds to the contract's, by index."""
    return [
        _replicate_outcome(index, seed, outcome) for (index, seed), outcome in zip(seeds.items(), outcomes, strict=True)
    ]


def _replicate_outcome(index: int, seed: int, outcome: ItemOutcome) -> ReplicateOutcome:
    if outcome.failure is not None:
        return ReplicateOutcome(
            index=index, seed=seed, seconds=outcome.seconds, log=outcome.log, failure=outcome.failure
        )
    aligned, digest, tables = outcome.value
    return ReplicateOutcome(
        index=index,
        seed=seed,
        seconds=outcome.seconds,
        aligned=aligned,
        digest=digest,
        log=outcome.log,
        tables=tables,
    )


def only_value(outcomes: Sequence[ItemOutcome]) -> Any:
    """The value of a single item. Raises SimulationError."""
    (outcome,) = outcomes
    if outcome.failure is not None:
        raise SimulationError(outcome.failure)
    return outcome.value


def _named_by(source: ModelSource) -> str:
    """The key of the spec that names the model."""
    return COMMAND_PATH if source.command else ENTRYPOINT_PATH


def description_of(job: ReplicateJob, outcomes: Sequence[ItemOutcome]) -> ModelDescription:
    """The answer to `description_item`. A failure of the model has the path where the spec names it."""
    (outcome,) = outcomes
    failure = outcome.failure
    if failure is not None and not failure.path and failure.kind is not FailureKind.LOST:
        about = failure.complaints[0] if failure.complaints else Complaint(failure.message)
        raise SimulationError(replace(failure, complaints=(replace(about, path=_named_by(job.source)),)))
    return only_value(outcomes)
