"""Models that can be stopped at a time and continued: `start` and `advance`, instead of one `simulate`.

    class Sir:
        def start(self, params, rng): ...                       # -> state, before the first row
        def advance(self, state, params, rng, until): ...       # -> (state, rows up to and including `until`)

`until` runs over the keys of the observations and the starts of their windows, in order. As an ordinary model it is
advanced through all of them; a particle filter advances many states side by side, and continues those that fit.
"""

from __future__ import annotations

import copy
import datetime
import inspect
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.models.source import ENTRYPOINT_PATH

Time = int | float | datetime.date | datetime.datetime
Rng = np.random.Generator
Params = dict[str, Scalar]
Times = Callable[[], Sequence[Time]]
"""The times through which an ordinary simulation is advanced, computed when they are needed."""


def no_times() -> Sequence[Time]:
    """Of a model without targets."""
    return ()


_ATOMS = frozenset(
    {type(None), bool, int, float, str, bytes, datetime.date, datetime.datetime, np.int64, np.float64, np.bool_}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restartable:
    """The methods of a restartable model, bound, and how messages name it."""

    label: str
    start: Callable[[Params, Rng], Any]
    """(params, rng) -> state."""
    advance: Callable[[Any, Params, Rng, Time], tuple[Any, Any]]
    """(state, params, rng, until) -> (state, rows)."""
    advance_all: Callable[[Any, Params, Rng, Time], tuple[Any, Any]] | None = None
    """(states, params, rng, until) -> (states, rows) for all particles at once, where the model has it."""
    patch: Params = field(default_factory=dict)
    """Parameters that the scenario changes."""

    @property
    def takes_config(self) -> bool:
        """Whether a method is given settings."""
        return any(isinstance(method, partial) for method in (self.start, self.advance, self.advance_all))

    def simulate(self, params: Params, seed: int, times: Sequence[Time]) -> Any:
        """One whole simulation: its rows, joined in order. Raises what the model raises, and BadOutput."""
        return joined(self.rows_of(params, seed, times))

    def through(self, times: Times) -> Callable[[Params, int], Any]:
        """`simulate` with these times, of which there must be some when it is called (BadOutput)."""
        known: list[Sequence[Time]] = []

        def run(params: Params, seed: int) -> Any:
            if not known:
                known.append(times())
            if not known[0]:
                raise BadOutput(
                    f"{self.label} is advanced along the observations of targets, and there are none; for such a simulation "
                    "it needs a method simulate(params, seed)",
                    ENTRYPOINT_PATH,
                )
            return self.simulate(params, seed, known[0])

        return run

    def rows_of(self, params: Params, seed: int, times: Sequence[Time]) -> list[Any]:
        """The rows of each step of one simulation."""
        params, rng = params | self.patch, np.random.default_rng(seed)
        state = self.start(params, rng)
        rows: list[Any] = []
        for until in times:
            state, part = self._pair(self.advance(state, params, rng, until), "advance")
            rows.append(part)
        return rows

    def gathered(self, states: list[Any]) -> Any:
        """States of particles as `advance_particles` takes them: an array [P, ...] for advance_all if each is an array."""
        if self.advance_all is None or not all(type(state) is np.ndarray for state in states):
            return states
        alike = {(state.shape, state.dtype) for state in states}
        return np.stack(states) if len(alike) == 1 else states

    def advance_particles(self, states: Any, params: Params, rng: Rng, until: Time) -> tuple[Any, Any]:
        """All P particles: their states, and a list of each one's rows, or one dict for all. Raises BadOutput."""
        if self.advance_all is not None:
            after, rows = self._pair(self.advance_all(states, params, rng, until), "advance_all")
            rows = [None] * len(states) if rows is None else rows
            counts = len(after), len(states) if isinstance(rows, dict) else len(rows)
            if counts != (len(states), len(states)):
                raise BadOutput(
                    f"{self.label}: advance_all returned {counts[0]} states and rows of {counts[1]} particles for {len(states)}"
                )
            return after, rows
        advance = self.advance
        pairs = [advance(state, params, rng, until) for state in states]
        if set(map(type, pairs)) != {tuple} or set(map(len, pairs)) != {2}:
            for pair in pairs:
                self._pair(pair, "advance")
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]

    def _pair(self, result: Any, method: str) -> tuple[Any, Any]:
        if type(result) is tuple and len(result) == 2:
            return result
        raise BadOutput(
            f"{self.label}: {method} returned {type(result).__name__}", ENTRYPOINT_PATH, "it returns (state, rows)"
        )

    def check_state(self, state: Any) -> None:
        """Raises BadOutput, with the path of the entry point, for a state that cannot be copied by pickle."""
        try:
            pickle.loads(pickle.dumps(state))
        except Exception as error:
            text = " ".join(str(error).split())
            raise BadOutput(
                f"{self.label}: its state cannot be pickled ({type(error).__name__}: {text:.200}), so a particle cannot be "
                "copied",
                ENTRYPOINT_PATH,
                "keep numbers, arrays and plain objects in it, no generators, open files or lambdas",
            ) from error


def restartable_of(
    instance: Any,
    label: str,
    config: Mapping[str, Any],
    *,
    patch: Mapping[str, Scalar] | None = None,
    is_needed: bool = True,
) -> Restartable | None:
    """The methods of an instance, with `config=` where their signatures name that; None if it lacks one.

    `patch` changes parameters. Raises BadOutput for methods with other arguments, unless the model can do without.
    """
    if not all(callable(getattr(instance, name, None)) for name in ("start", "advance")):
        return None
    together = callable(getattr(instance, "advance_all", None))
    try:
        return Restartable(
            label=label,
            start=_bound(instance, label, "start", "params, rng", config),
            advance=_bound(instance, label, "advance", "state, params, rng, until", config),
            advance_all=_bound(instance, label, "advance_all", "states, params, rng, until", config)
            if together
            else None,
            patch=dict(patch or {}),
        )
    except BadOutput:
        if is_needed:
            raise
        return None


def _bound(instance: Any, label: str, name: str, arguments: str, config: Mapping[str, Any]) -> Any:
    method = getattr(instance, name)
    try:
        signature = inspect.signature(method)
    except (ValueError, TypeError):
        return method
    keywords = {"config": dict(config)} if "config" in signature.parameters else {}
    try:
        signature.bind(*arguments.split(", "), **keywords)
    except TypeError as error:
        wrong = f"{label}.{name}{signature} cannot be called as ({arguments}): {error}"
        raise BadOutput(wrong, ENTRYPOINT_PATH) from error
    return partial(method, **keywords) if keywords else method


def copied(states: Sequence[Any], chosen: np.ndarray) -> list[Any]:
    """The states of the chosen particles (ascending); the second and later copies of one share nothing with the first."""
    found: list[Any] = []
    before = -1
    for index in chosen.tolist():
        found.append(states[index] if index != before else _copy(states[index]))
        before = index
    return found


def _copy(state: Any) -> Any:
    """As by pickle, faster for numbers, arrays, and flat containers of them."""
    kind = type(state)
    if kind in _ATOMS:
        return state
    if kind is np.ndarray and state.dtype.kind != "O":
        return state.copy()
    if kind is dict or kind is tuple or kind is list:
        parts = list(state.values()) if kind is dict else state
        types = set(map(type, parts))
        if types <= _ATOMS:
            return state if kind is tuple else copy.copy(state)
        arrays = [part for part in parts if type(part) is np.ndarray]
        plain = types <= _ATOMS | {np.ndarray} and all(array.dtype.kind != "O" for array in arrays)
        if plain and len(set(map(id, arrays))) == len(arrays):  # two names of one array stay so: only pickle keeps that
            values = [part.copy() if type(part) is np.ndarray else part for part in parts]
            return dict(zip(state, values, strict=True)) if kind is dict else tuple(values) if kind is tuple else values
    return pickle.loads(pickle.dumps(state, pickle.HIGHEST_PROTOCOL))


def joined(rows: Sequence[Any]) -> Any:
    """The rows of one simulation's steps as one result: columns joined, tables by name joined. Steps without rows add nothing."""
    parts = [part for part in rows if part is not None and not (isinstance(part, Mapping) and not part)]
    if not parts:
        return {}
    if not all(isinstance(part, Mapping) for part in parts):
        return _joined_tables(parts)
    names = list(dict.fromkeys(name for part in parts for name in part))
    if all(isinstance(value, Mapping) for part in parts for value in part.values()):
        return {name: joined([part[name] for part in parts if name in part]) for name in names}
    if any(set(part) != set(names) for part in parts):
        return _joined_tables(parts)
    if not all(isinstance(value, list | tuple | np.ndarray) for part in parts for value in part.values()):
        return _joined_tables(parts)
    return {name: _joined_columns([part[name] for part in parts]) for name in names}


def _joined_columns(columns: Sequence[Any]) -> Any:
    if all(type(column) is np.ndarray and column.ndim == 1 for column in columns):
        return np.concatenate(columns)
    return [value for column in columns for value in column]


def _joined_tables(parts: Sequence[Any]) -> Any:
    """Data frames, or tables of which a step may lack some."""
    import pyarrow as pa

    from modelops_runtime.models.tables import to_tables

    tables = [to_tables(part) for part in parts]
    names = list(dict.fromkeys(name for part in tables for name in part))
    try:
        found = {
            n: pa.concat_tables([part[n] for part in tables if n in part], promote_options="default") for n in names
        }
    except pa.ArrowInvalid as error:
        raise BadOutput(f"the rows of two steps do not go together: {str(error).splitlines()[0]:.200}") from error
    return found
