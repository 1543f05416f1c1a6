"""A target's data and simulations along its axis, group by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import numpy as np

from modelops_runtime.contracts.dates import days
from modelops_runtime.inference.targets import Key, TargetData
from modelops_runtime.statistics.array import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """One group of a target, sorted along its axis: x and observed [n], simulated [replicates, n], all in the unit observed."""

    title: str
    x: Array
    names: tuple[str, ...] | None
    """For an axis of names, at 0, 1, ...; None: a number line."""
    dated: bool
    observed: Array
    simulated: Array
    observable: Array
    """The simulations with the observation noise that the loss assumes, [draws, n]; no rows where it assumes none."""

    @cached_property
    def quantiles(self) -> Array:
        """5 %, 25 %, 50 %, 75 % and 95 % of the replicates, [5, n]; NaN where nothing was matched."""
        return quantiles_of(self.simulated, (0.05, 0.25, 0.5, 0.75, 0.95))

    @cached_property
    def noise(self) -> Array:
        """5 % and 95 % of what would be observed, [2, n]; NaN where nothing was matched, or the loss assumes no noise."""
        return quantiles_of(self.observable, (0.05, 0.95))

    @property
    def expected(self) -> Array:
        """The band in which nine of ten observations should lie, [2, n]: with observation noise where the loss has it."""
        return self.noise if len(self.observable) else self.quantiles[[0, 4]]

    @property
    def is_line(self) -> bool:
        """Whether x is a continuous axis along which lines make sense."""
        return self.names is None and np.unique(self.x).size == self.x.size > 1


def quantiles_of(values: Array, levels: Sequence[float]) -> Array:
    """Quantiles over the rows of `values` [rows, n], [levels, n]; NaN where no row has a value."""
    found = np.full((len(levels), values.shape[1]), np.nan)
    whole = np.isfinite(values).all(axis=0) & (len(values) > 0)
    some = np.isfinite(values).any(axis=0) & ~whole
    if whole.any():
        found[:, whole] = np.quantile(values[:, whole], levels, axis=0)
    if some.any():
        found[:, some] = np.nanquantile(values[:, some], levels, axis=0)
    return found


def series_of(target: TargetData, values: Array, seed: int = 0) -> list[Series]:
    """The target's observations by group, each in the order of its axis. `values` [replicates, observations of it].

    The observation noise is drawn from `seed`.
    """
    simulated, drawn = target.in_observed_unit(values), target.observable(values, seed)
    groups: dict[tuple[Key, ...], list[int]] = {}
    columns = [target.keys[name] for name in target.by]
    for index in range(target.observed.size):
        groups.setdefault(tuple(column[index] for column in columns), []).append(index)
    on = list(target.keys[target.on]) if target.on else list(range(target.observed.size))
    found: list[Series] = []
    for group, members in groups.items():
        title = ", ".join(f"{name} {value}" for name, value in zip(target.by, group, strict=True))
        x, names, dated = _positions([on[i] for i in members])
        order = np.argsort(x, kind="stable")
        index = np.array(members)[order]
        found.append(
            Series(
                title=title,
                x=x[order],
                names=names,
                dated=dated,
                observed=target.observed[index],
                simulated=simulated[:, index] if len(simulated) else np.empty((0, len(index))),
                observable=drawn[:, index] if len(drawn) else np.empty((0, len(index))),
            )
        )
    return found


def _positions(keys: Sequence[Key]) -> tuple[Array, tuple[str, ...] | None, bool]:
    if all(isinstance(key, date) for key in keys):
        return np.array([days(key) for key in keys if isinstance(key, date | datetime)]), None, True
    if all(isinstance(key, int | float) and not isinstance(key, bool) for key in keys):
        return np.array(keys, dtype=np.float64), None, False
    names = list(dict.fromkeys(str(key) for key in keys))
    x = np.array([names.index(str(key)) for key in keys], dtype=np.float64)
    return x, tuple(names), False
