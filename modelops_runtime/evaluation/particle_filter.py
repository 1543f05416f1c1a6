"""The bootstrap particle filter: an unbiased estimate of p(y | theta) of a model that can be restarted.

P particles are simulated from one observation time to the next. There each is weighted by the density of the observations that
its simulated values have under the targets' losses, and P of them go on, drawn by their weights. The estimate is the product over
times of the mean weight (Gordon, Salmond and Smith, IEE Proceedings F 140, 1993). It is unbiased for any P (Del Moral,
Feynman-Kac Formulae, 2004, 7.4.1), and so is its mean over several runs of the filter.

One run of the filter is one replicate. Its aligned values are 2 N numbers: those of one particle's whole path, drawn by its
weight at the end (its values given all the data), and log p(y_i | the observations before y_i) of each observation, which add up
to the run's log-likelihood. Observations of one time count one after another, in the order of the targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.evaluation.align import Aligner
from modelops_runtime.evaluation.match import Rows
from modelops_runtime.evaluation.observation_times import ObservationTimes, observation_times
from modelops_runtime.evaluation.score import ScoredTarget
from modelops_runtime.evaluation.step_rows import OtherKeys, StepRows, learn_rows
from modelops_runtime.losses.loss import LossError, Rng, Term
from modelops_runtime.models.restartable import Params, Restartable, copied, joined
from modelops_runtime.models.tables import to_tables
from modelops_runtime.statistics.array import Array
from modelops_runtime.statistics.resampling import systematic, weigh

_RESAMPLING = 1
"""Tells the stream of the resampling from the model's, of the same seed."""


class _FailedSimulation(Exception):
    """One simulation failed, or had a value that is not finite: that says nothing of the keys of others."""


class _Values(Protocol):
    """The simulated values of all particles."""

    def take(self, step: int, rows: Any) -> None:
        """Add a step's rows: a list of P, or one for all. Raises OtherKeys, BadOutput."""
        ...

    def complete(self, step: int) -> Array:
        """Those of the observations that are complete after the step [P, n]."""
        ...

    def choose(self, step: int, chosen: Rows) -> None:
        """Go on with these particles [P]."""
        ...


class ParticleFilter:
    """Runs filters of one model, one after another. Picklable, without what it has learnt. Not thread-safe."""

    def __init__(self, aligner: Aligner, targets: Sequence[ScoredTarget], particles: int) -> None:
        self._aligner = aligner
        self._targets = tuple(targets)
        self._particles = particles
        self._times: ObservationTimes | None = None
        self._parts: list[_DueStep] = []
        self._learnt: StepRows | None = None
        self._is_irregular = False
        self._is_checked = False

    def __reduce__(self) -> tuple[type[ParticleFilter], tuple[Any, ...]]:
        return ParticleFilter, (self._aligner, self._targets, self._particles)

    def run(self, model: Restartable, params: Params, seed: int, *, keep_rows: bool = False) -> tuple[Array, Any]:
        """The aligned values [2 N] of one run of the filter, and with `keep_rows` the rows of the drawn particle (else None).

        The same numbers come from the same model, params and seed, whatever has run before. Raises what the model
        raises, and BadOutput for rows that do not match, values that are not finite or that the loss refuses.
        """
        if self._times is None:
            self._times = observation_times(self._aligner.targets)
            self._parts = [_DueStep(self._aligner, self._targets, self._times.steps, k) for k in range(self._count)]
        if not (keep_rows or self._is_irregular):
            for learnt in (self._learnt, None):
                try:
                    if learnt is None:
                        learnt = self._learn(model, params, seed)
                    return self._filter(model, params, seed, _CommonRows(learnt, self._parts, self._shape)), None
                except _FailedSimulation:
                    break
                except OtherKeys:
                    self._learnt = None
            else:
                self._is_irregular = True
        own = _OwnRows(self._parts, self._particles)
        found = self._filter(model, params, seed, own)
        return found, joined(own.rows(own.drawn)) if keep_rows else None

    @property
    def _count(self) -> int:
        assert self._times is not None
        return len(self._times.untils)

    @property
    def _shape(self) -> tuple[int, int]:
        return self._aligner.size, self._particles

    def _learn(self, model: Restartable, params: Params, seed: int) -> StepRows:
        """Raises OtherKeys or _FailedSimulation if it cannot be learnt from; BadOutput if output and spec disagree."""
        assert self._times is not None
        try:
            rows = model.rows_of(params, seed, self._times.untils)
            self._learnt = learn_rows(self._aligner, rows, self._times.steps)
        except BadOutput as error:
            if error.path:
                raise
            raise _FailedSimulation from error
        except (MemoryError, OtherKeys):
            raise
        except Exception as error:  # this one simulation may fail where those of the filter do not
            raise _FailedSimulation from error
        return self._learnt

    def _filter(self, model: Restartable, params: Params, seed: int, values: _Values) -> Array:
        assert self._times is not None
        params = params | model.patch
        rng, picking = np.random.default_rng(seed), np.random.default_rng([seed, _RESAMPLING])
        states = self._start(model, params, rng)
        log_p = np.zeros(self._aligner.size)
        history: list[tuple[Rows, Array, Rows]] = []
        last = int(self._times.steps.max())
        for step, until in enumerate(self._times.untils[: last + 1]):
            states, rows = model.advance_particles(states, params, rng, until)
            values.take(step, rows)
            part = self._parts[step]
            if not len(part.due):
                continue
            simulated = values.complete(step)
            densities = part.log_densities(simulated)
            means, weights = weigh(np.cumsum(densities, axis=1))
            log_p[part.due] = _increments(means)
            if step == last:
                chosen = np.array([_one_of(weights, picking)])
            else:
                chosen = systematic(weights, picking.random())
                states = _go_on(model, states, chosen)
            values.choose(step, chosen)
            history.append((part.due, simulated, chosen))
        # -0.0 becomes 0.0, as it does where values are added up: the bytes do not depend on how the rows were taken.
        return np.concatenate([_path(history, self._aligner.size), log_p]) + 0.0

    def _start(self, model: Restartable, params: Params, rng: Rng) -> Any:
        states = [model.start(params, rng) for _ in range(self._particles)]
        if not self._is_checked:
            model.check_state(states[0])
            self._is_checked = True
        return model.gathered(states)


def _go_on(model: Restartable, states: Any, chosen: Rows) -> Any:
    """The states of the chosen particles, none of which shares anything with another."""
    if not isinstance(states, np.ndarray):
        return copied_states(model, states, chosen)
    found = states[chosen]
    if states.dtype.hasobject:  # indexing copies references, and advance_all may change the objects in place
        for at, state in enumerate(copied_states(model, list(states), chosen)):
            found[at] = state
    return found


def copied_states(model: Restartable, states: Sequence[Any], chosen: Rows) -> list[Any]:
    """The states of the chosen particles. Raises BadOutput if one has become such that it cannot be copied."""
    try:
        return copied(states, chosen)
    except MemoryError:
        raise
    except Exception:
        for index in np.unique(chosen):
            model.check_state(states[index])
        raise


class _DueStep:
    """The observations that are complete after a step, with their losses."""

    def __init__(self, aligner: Aligner, targets: Sequence[ScoredTarget], steps: Rows, step: int) -> None:
        self.due = np.flatnonzero(steps == step)
        self.losses: list[tuple[slice, Term]] = []
        parts = []
        at = 0
        for own, scored in zip(aligner.targets, targets, strict=True):
            mine = steps[scored.start : scored.stop] == step
            count = int(mine.sum())
            if count:
                self.losses.append((slice(at, at + count), scored.term.at(mine)))
                parts.append(replace(own, keys=own.keys.at(np.flatnonzero(mine))))
                at += count
        self.aligner = Aligner(tuple(parts))
        """For these observations alone."""

    def log_densities(self, simulated: Array) -> Array:
        """log p(y_i | s_pi) [P, n] of simulated values [P, n]. Raises BadOutput."""
        if not np.isfinite(simulated.sum()):
            self._refuse(simulated)
        found = np.empty_like(simulated)
        try:
            with np.errstate(over="ignore"):
                for columns, term in self.losses:
                    found[:, columns] = term.loss.value(term.scaled(simulated[:, columns]), term)
        except LossError as error:
            raise BadOutput(str(error)) from error
        if np.isnan(found).any() or (found == np.inf).any():
            raise BadOutput(
                "a density of the observations is not a number", right="simulated values are too far from them"
            )
        return found

    def _refuse(self, simulated: Array) -> None:
        for target, (columns, _) in zip(self.aligner.targets, self.losses, strict=True):
            part = simulated[:, columns]
            odd = np.argwhere(~np.isfinite(part))
            if len(odd):
                particle, at = odd[0]
                name = target.output or "output"
                text = f"{part[particle, at]:g} for {target.keys.texts[at]}"
                raise BadOutput(f"{target.value} of output {name!r} is {text}")


class _CommonRows:
    """Values of particles whose rows have the keys that were learnt."""

    def __init__(self, learnt: StepRows, parts: Sequence[_DueStep], shape: tuple[int, int]) -> None:
        self._learnt = learnt
        self._parts = parts
        self._values = np.zeros(shape)  # a row an observation: each row is used as a whole

    def take(self, step: int, rows: Any) -> None:
        for target in self._learnt.steps[step]:
            target.add_to(self._values, rows)

    def complete(self, step: int) -> Array:
        return np.ascontiguousarray(self._values[self._parts[step].due].T)

    def choose(self, step: int, chosen: Rows) -> None:
        unfinished = self._learnt.open[step]
        if len(unfinished) and len(chosen) == self._values.shape[1]:
            self._values[unfinished] = self._values[np.ix_(unfinished, chosen)]


_Node = tuple[Any, Any]
"""(the steps before: a node or None, rows of the step)."""


class _OwnRows:
    """Values of particles each of which keeps all its rows: for rows of any form and with any keys."""

    def __init__(self, parts: Sequence[_DueStep], particles: int) -> None:
        self._parts = parts
        self._nodes: list[_Node | None] = [None] * particles
        self.drawn: _Node | None = None
        """The last step of the particle that was drawn at the end."""

    def take(self, step: int, rows: Any) -> None:
        each = _split(rows, len(self._nodes)) if type(rows) is dict else rows
        self._nodes = [(node, part) for node, part in zip(self._nodes, each, strict=True)]

    def complete(self, step: int) -> Array:
        aligner = self._parts[step].aligner
        return np.array([aligner.align(to_tables(joined(self.rows(node)))) for node in self._nodes])

    def choose(self, step: int, chosen: Rows) -> None:
        self._nodes = [self._nodes[index] for index in chosen.tolist()]
        self.drawn = self._nodes[0]

    def rows(self, node: _Node | None) -> list[Any]:
        """The rows of all steps up to this one."""
        found: list[Any] = []
        while node is not None:
            node, rows = node
            found.append(rows)
        return found[::-1]


def _split(rows: Any, particles: int) -> list[Any]:
    """Rows for all particles at once, as those of each."""
    if isinstance(rows, dict):
        each = [_split(part, particles) for part in rows.values()]
        return [dict(zip(rows, parts, strict=True)) for parts in zip(*each, strict=True)] if each else [{}] * particles
    column = np.asarray(rows)
    return list(column) if column.ndim == 2 else [rows] * particles


def _increments(levels: Array) -> Array:
    """The differences of log-likelihoods that add up [n]; after one that is -inf, nothing is added."""
    if len(levels) == 1:
        return levels
    found = levels.copy()
    with np.errstate(invalid="ignore"):
        found[1:] -= levels[:-1]
    return np.where(np.isnan(found), 0.0, found)


def _one_of(weights: Array, rng: Rng) -> int:
    ends = np.cumsum(weights)
    return int(np.searchsorted(ends, rng.random() * ends[-1], side="right").clip(0, len(weights) - 1))


def _path(history: Sequence[tuple[Rows, Array, Rows]], size: int) -> Array:
    """The values [N] of the particle drawn at the end, traced back through its ancestors."""
    path, index = np.empty(size), 0
    for due, simulated, chosen in reversed(history):
        index = int(chosen[index])
        path[due] = simulated[index]
    return path
