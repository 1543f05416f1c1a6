"""What a loss is: one `Loss` under the entry-point group `modelops.losses`, and the `Term` it makes of a target's observations.

R is the number of replicates, N of observations; y_i is what was observed, s_ri what replicate r simulated and
m_i = (1/R) sum_r s_ri. `value` is elementwise except for a distance of all replicates. It is used so:

- likelihood: log p(y_i | s_ri) over s [R, N]; l_r = sum_i log p(y_i | s_ri), and the Scorer marginalises over replicates once,
  over all targets together;
- distance of the mean: J = (1/N) sum_i f(m_i, y_i), f over m [N];
- distance of each: J = (1/R) sum_r (1/N) sum_i f(s_ri, y_i), f over s [R, N];
- distance of all: J = f(s, y), one number for s [R, N].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.losses.nuisance import open_numbers
from modelops_runtime.options.base import StrictModel
from modelops_runtime.statistics.array import Array

Rng = np.random.Generator


class LossError(Exception):
    """These simulated values have no finite loss; the text says why."""


class OptionProblem(ValueError):
    """A loss does not fit the observed data: `OptionProblem(key, wrong, right)`, key within `loss:` or ""."""


def _none() -> Array:
    return np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """What a loss is prepared from: the rows of a target's data that hold an observation."""

    y: Array
    """[N]."""
    columns: Mapping[str, Array] = field(default_factory=dict)
    """The data's numeric columns, each [N]."""
    root: Path = Path()
    """The spec's folder."""


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """Observations y [N] and what their loss derives from them, so that scoring reads only simulated values."""

    loss: Loss
    y: Array
    options: Any
    """An instance of `loss.options`."""
    a: Array = field(default_factory=_none)
    """[N]: the loss's own number for each observation (n, sigma, the divisor of relative), where it has one."""
    constant: Array = field(default_factory=_none)
    """[N]: the terms that do not depend on the simulation, if any."""
    root: Path = Path()
    """The spec's folder, for custom functions."""
    multiplier: float = 1.0
    """What simulated values are multiplied by before they are compared."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Option -> the nuisance parameter that gives it. A term with such is `bound` before it scores or draws."""

    @property
    def kind(self) -> str:
        return self.options.kind

    def at(self, columns: NDArray[np.bool_]) -> Term:
        """The same loss of the observations that a mask [N] selects."""
        a, constant = (x[columns] if len(x) else x for x in (self.a, self.constant))
        return replace(self, y=self.y[columns], a=a, constant=constant)

    def with_observations(self, y: Array) -> Term:
        """The same loss of other observations y [N], which are not checked."""
        return _with_constant(replace(self, y=y))

    def bound(self, nuisance: Mapping[str, float]) -> Term:
        """The same loss with these values of its nuisance parameters."""
        if not self.unknown:
            return self
        found = {option: nuisance[name] for option, name in self.unknown.items()}
        a, options = self.a, self.options.model_copy(update=found)
        if self.loss.per_observation in found:
            a = np.full(len(self.y), found[self.loss.per_observation])
        multiplier = found.get("multiply", self.multiplier)
        return _with_constant(replace(self, options=options, a=a, multiplier=multiplier, unknown={}))

    def scaled(self, simulated: Array) -> Array:
        """Simulated values as they are compared."""
        return simulated if self.multiplier == 1.0 else simulated * self.multiplier


def _nothing(_options: Any, _observed: Observed) -> Array:
    return _none()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loss:
    """One loss; its name is that of its entry point and the default of its options' `kind`."""

    options: type[StrictModel]
    """What `loss:` may hold, `kind` included."""
    family: Literal["likelihood", "distance"]
    value: Callable[[Array, Term], Any]
    """(simulated, term) -> elementwise values of the same shape; raises LossError. `of="all"`: one number."""
    of: Literal["mean", "each", "all"] = "mean"
    """Of a distance: what it is a distance of. A likelihood is one of each replicate."""
    prepare: Callable[[Any, Observed], Array] = _nothing
    """(options, observed) -> `Term.a`; raises OptionProblem for options and observations that the loss refuses."""
    constant: Callable[[Term], Array] | None = None
    """`Term.constant` of an otherwise complete term."""
    draw: Callable[[Array, Term, Rng], NDArray[Any]] | None = None
    """Of a likelihood: one draw of its noise around each simulated value [..., N]; ValueError if it cannot be drawn."""
    per_observation: str = ""
    """The option that may be a column of the data: a run stores `Term.a` under this name, to rebuild the term."""
    in_observed_unit: Callable[[Array, Array], Array] | None = None
    """(simulated [..., N], a [N]) -> simulated values in the unit of the observations, where the units differ."""
    simulated_as: str = ""
    """With `in_observed_unit`: what the model simulates, as results name it (probability)."""
    growth: Literal["squared", "absolute"] | None = None
    """How a distance grows with the misfit; None: unknown, so there are no intervals."""
    may_be_negative: bool = False
    """Of a distance."""

    @property
    def is_likelihood(self) -> bool:
        return self.family == "likelihood"


def term_of(loss: Loss, options: Any, observed: Observed) -> Term:
    """The loss of these observations; nuisance parameters stand at 1 until it is bound. Raises OptionProblem."""
    unknown = open_numbers(options)
    options = options.model_copy(update=dict.fromkeys(unknown, 1.0)) if unknown else options
    a, multiplier = loss.prepare(options, observed), getattr(options, "multiply", None)
    term = Term(loss, observed.y, options, a, root=observed.root, multiplier=multiplier or 1.0, unknown=unknown)
    return _with_constant(term)


def _with_constant(term: Term) -> Term:
    return term if term.loss.constant is None else replace(term, constant=term.loss.constant(term))
