"""Builds an aligner (for workers) and a scorer (for the runner) from targets and their data, reporting every mistake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.contracts.observations import Key, Observations, TargetObservations
from modelops_runtime.contracts.space import RealParameter
from modelops_runtime.evaluation import keys
from modelops_runtime.evaluation.align import Aligner
from modelops_runtime.evaluation.keys import KeyMismatch
from modelops_runtime.evaluation.observation_times import observation_times
from modelops_runtime.evaluation.observed_keys import observed_keys
from modelops_runtime.evaluation.particle_filter import ParticleFilter
from modelops_runtime.evaluation.score import ScoredTarget, Scorer
from modelops_runtime.evaluation.target_aligner import TargetAligner
from modelops_runtime.losses.loss import Observed, OptionProblem, Term
from modelops_runtime.losses.nuisance import open_numbers
from modelops_runtime.losses.registry import loss_named, term_of
from modelops_runtime.specs.targets import TargetSpec
from modelops_runtime.statistics.array import Array


class TargetProblem(ValueError):
    """A mistake in a target: `TargetProblem(path, wrong, right)`, the path dotted: `targets.in_bed.match`."""

    @property
    def path(self) -> str:
        return self.args[0]

    @property
    def wrong(self) -> str:
        return self.args[1]

    @property
    def right(self) -> str:
        return self.args[2]

    def __str__(self) -> str:
        return f"{self.path}: {self.wrong}; {self.right}"


class TargetProblems(ValueError):
    """All mistakes of all targets: `TargetProblems([problem, ...])`."""

    @property
    def problems(self) -> list[TargetProblem]:
        return self.args[0]

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvaluationPlan:
    """How outputs are matched with the observations, and scored."""

    aligner: Aligner
    scorer: Scorer
    kept: Mapping[str, ObservedRows]
    particle_filter: ParticleFilter | None = None
    """Computes the likelihood of a restartable model, where the spec asks for it."""

    def observations(self) -> Observations:
        """What the aligned vector means."""
        found: dict[str, TargetObservations] = {}
        for aligned, scored in zip(self.aligner.targets, self.scorer.targets, strict=True):
            data = self.kept[scored.name]
            columns = {name: keys.flat(data.table.column(name)) for name in data.key_names}
            dates = (name for name, column in columns.items() if keys.type_of(column) is keys.KeyType.INSTANT)
            option = scored.term.loss.per_observation
            kept = option and option not in scored.term.unknown
            found[scored.name] = TargetObservations(
                keys={name: tuple(map(_cell, column.to_pylist())) for name, column in columns.items()},
                dates=tuple(dates),
                observed=tuple(scored.term.y.tolist()),
                weight=scored.weight,
                loss=scored.term.kind,
                family=scored.term.loss.family,
                min_coverage=aligned.min_coverage,
                left_out=data.left_out,
                start=scored.start,
                stop=scored.stop,
                of_loss={option: tuple(scored.term.a.tolist())} if kept else {},
            )
        return Observations(found)


@dataclass(frozen=True, slots=True, eq=False)
class ObservedRows:
    """A target's data without its missing observations."""

    table: pa.Table
    y: Array
    left_out: int
    """Observations that are missing (empty or NaN)."""
    key_names: tuple[str, ...]


def plan_targets(
    targets: Mapping[str, TargetSpec],
    observed: Mapping[str, pa.Table],
    *,
    root: Path,
    particles: int | None = None,
    nuisance: tuple[RealParameter, ...] = (),
) -> EvaluationPlan:
    """The plan of these targets; `observed` holds each target's data, `root` is the folder of custom functions.

    `particles`: the likelihood is that of a particle filter. `nuisance` are the numbers of the observation that the losses leave
    open. Raises TargetProblems with every mistake found.
    """
    problems: list[TargetProblem] = []
    aligners: list[TargetAligner] = []
    scored: list[ScoredTarget] = []
    kept: dict[str, ObservedRows] = {}
    start = 0
    for name, spec in targets.items():
        try:
            data = _observed_rows(name, spec, observed[name])
            aligners.append(_aligner(name, spec, data))
            term = _term(name, spec, data, root)
        except TargetProblem as problem:
            problems.append(problem)
            continue
        stop = start + len(data.y)
        scored.append(ScoredTarget(name=name, start=start, stop=stop, weight=spec.weight, term=term))
        kept[name], start = data, stop
    problems.extend(_mixed(targets) if particles is None else _unfit_for_filter(targets, aligners))
    if problems or not scored:
        raise TargetProblems(problems or [TargetProblem("targets", "there is no target", "name at least one")])
    aligner = Aligner(tuple(aligners))
    return EvaluationPlan(
        aligner=aligner,
        scorer=Scorer(tuple(scored), of_filter=particles is not None, nuisance=nuisance),
        kept=kept,
        particle_filter=None if particles is None else ParticleFilter(aligner, scored, particles),
    )


def _observed_rows(name: str, spec: TargetSpec, table: pa.Table) -> ObservedRows:
    """The rows of a target's data that hold an observation. Raises TargetProblem."""
    table = _tidy(table)
    path, known = f"targets.{name}", ", ".join(table.schema.names)
    key_names = (spec.match.on, *spec.match.by)
    for column, key in ((spec.observed_column, "value"), *((key_name, "match") for key_name in key_names)):
        if column not in table.schema.names:
            raise TargetProblem(f"{path}.{key}", f"no column {column!r} in {spec.observed}", f"its columns: {known}")
    values = keys.flat(table.column(spec.observed_column))
    if not keys.is_numeric(values.type):
        wrong = f"column {spec.observed_column!r} of {spec.observed} holds {values.type}"
        raise TargetProblem(f"{path}.value", wrong, "observations are numbers, missing ones empty or NaN")
    y = keys.as_float(values)
    there = ~np.isnan(y)
    if not there.any():
        raise TargetProblem(f"{path}.observed", f"{spec.observed} holds no observation", "at least one is needed")
    if np.isinf(y).any():
        raise TargetProblem(
            f"{path}.observed", f"{spec.observed} holds an infinite observation", "observations are finite"
        )
    table = table.filter(pc.invert(values.is_null(nan_is_null=True)))  # pyright: ignore[reportAttributeAccessIssue]
    for key_name in key_names:
        _check_key(path, spec, key_name, keys.flat(table.column(key_name)))
    return ObservedRows(table, y[there], int((~there).sum()), key_names)


def _tidy(table: pa.Table) -> pa.Table:
    """Column names without the byte-order mark and blanks of spreadsheets."""
    return table.rename_columns([name.removeprefix("\ufeff").strip() for name in table.schema.names])


def _check_key(path: str, spec: TargetSpec, name: str, column: pa.Array) -> None:
    try:
        kind = keys.type_of(column)
        missing = column.null_count
        if kind is not keys.KeyType.TEXT:
            missing = int(np.isnan(keys.numbers(column, kind)).sum())
    except (KeyMismatch, ValueError) as error:
        wrong = f"column {name!r} of {spec.observed}: {error}"
        raise TargetProblem(f"{path}.match", wrong, "match by numbers, text, or dates such as 1978-01-22") from error
    if missing:
        wrong = f"{missing} observations in {spec.observed} have no {name!r}"
        raise TargetProblem(f"{path}.match", wrong, "fill it in, or leave their value empty")


def _aligner(name: str, spec: TargetSpec, data: ObservedRows) -> TargetAligner:
    match = spec.match
    ordered = match.kind in ("asof", "interpolate") or match.period is not None
    try:
        observed = observed_keys(data.table, on=match.on, by=match.by, ordered=ordered)
    except KeyMismatch as error:
        wrong = f"column {match.on!r} of {spec.observed} {error}"
        raise TargetProblem(f"targets.{name}.match", wrong, "match text with exact, or sum without a period") from error
    return TargetAligner(
        name=name,
        output=spec.output,
        value=spec.simulated_column,
        kind=match.kind,
        keys=observed,
        min_coverage=spec.min_coverage,
        tolerance=match.tolerance,
        period=match.period,
    )


def _term(name: str, spec: TargetSpec, data: ObservedRows, root: Path) -> Term:
    path = f"targets.{name}.loss"
    numeric = [column for column in data.table.schema.names if keys.is_numeric(data.table.schema.field(column).type)]
    columns = {column: keys.as_float(keys.flat(data.table.column(column))) for column in numeric}
    try:
        return term_of(spec.loss, Observed(data.y, columns, root))
    except OptionProblem as problem:
        key, wrong, right = problem.args
        raise TargetProblem(f"{path}.{key}" if key else path, wrong, right) from problem


def _mixed(targets: Mapping[str, TargetSpec]) -> list[TargetProblem]:
    """A mistake for each target whose loss cannot be added to the first one's."""
    kinds = {name: is_likelihood(spec) for name, spec in targets.items()}
    if len(set(kinds.values())) < 2:
        return []
    first, wanted = next(iter(kinds.items()))
    what = "a likelihood" if wanted else "no likelihood"
    right = "use likelihoods for all targets, or for none: they cannot be added up"
    return [
        TargetProblem(f"targets.{name}.loss", f"{targets[name].loss.kind}, while {first} has {what}", right)
        for name, kind in kinds.items()
        if kind is not wanted
    ]


def _unfit_for_filter(targets: Mapping[str, TargetSpec], aligners: Sequence[TargetAligner]) -> list[TargetProblem]:
    """What a particle filter cannot do with these targets."""
    found: list[TargetProblem] = []
    for name, spec in targets.items():
        path = f"targets.{name}"
        if not is_likelihood(spec):
            wrong = f"{spec.loss.kind} is a distance, and a particle filter weighs by a likelihood"
            right = "take poisson, negative_binomial, binomial, beta_binomial or normal"
            found.append(TargetProblem(f"{path}.loss", wrong, right))
        for option, name in open_numbers(spec.loss).items():
            wrong = f"{name} is a nuisance parameter: it is found after simulating, and a particle filter weighs while it does"
            found.append(TargetProblem(f"{path}.loss.{option}", wrong, "give a number"))
        if spec.match.kind == "interpolate":
            wrong = "a particle filter cannot interpolate: at an observation, nothing after it is simulated yet"
            found.append(TargetProblem(f"{path}.match.interpolate", wrong, "match with exact, asof or sum"))
        if spec.weight != 1:
            wrong = f"weight is {spec.weight:g}, and a particle filter's likelihood is not weighted"
            found.append(TargetProblem(f"{path}.weight", wrong, "leave it out"))
        if spec.min_coverage != 1:
            wrong = f"min_coverage is {spec.min_coverage:g}, and a particle filter needs every observation matched"
            found.append(TargetProblem(f"{path}.min_coverage", wrong, "leave it out"))
    try:
        observation_times(aligners)
    except BadOutput as error:
        found.append(TargetProblem(error.path, str(error), "match by numbers, or by dates, all targets alike"))
    return found


def is_likelihood(spec: TargetSpec) -> bool:
    """Whether a target's loss is an observation model."""
    return loss_named(spec.loss.kind).is_likelihood


def _cell(value: object) -> Key:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)  # pyright: ignore[reportAttributeAccessIssue]


def with_values(table: pa.Table, column: str, values: Array) -> pa.Table:
    """The table with `values` [N] in place of its N observations; missing ones stay missing, and NaN becomes missing."""
    there = ~np.isnan(keys.as_float(keys.flat(table.column(column))))
    filled = np.full(len(table), np.nan)
    filled[there] = values
    return table.set_column(table.column_names.index(column), column, pa.array(filled, pa.float64(), from_pandas=True))
