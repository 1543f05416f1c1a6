"""Losses by name: those installed under the entry-point group `modelops.losses`, loaded on demand."""

from __future__ import annotations

import copyreg
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from modelops_runtime.contracts.observations import OWN_NAMES
from modelops_runtime.losses.custom import LOSS as CUSTOM
from modelops_runtime.losses.custom import REFERENCE
from modelops_runtime.losses.loss import Loss, Observed, Term
from modelops_runtime.losses.loss import term_of as _term_of
from modelops_runtime.options.base import StrictModel

GROUP = "modelops.losses"

DEFAULT = "mean_signal"


class LossUnavailable(ValueError):
    """`LossUnavailable(wrong, right)`: no loss of that name is installed, or it cannot be used; the halves of the user's line."""

    def __str__(self) -> str:
        return "; ".join(self.args)


def loss_kinds() -> tuple[str, ...]:
    """The installed names: the default first, the others sorted."""
    return tuple(sorted(_installed(), key=lambda name: (name != DEFAULT, name)))


def wanted() -> str:
    """What `loss:` may be, for a message."""
    return f"a loss is one of {', '.join(loss_kinds())}, or a function of your own as pkg.mod:fn"


def loss_named(kind: str) -> Loss:
    """The loss of an installed name, or of a custom function. Raises LossUnavailable."""
    return CUSTOM if kind not in _installed() and re.match(REFERENCE, kind) else _loaded(kind)


def default_options() -> Any:
    """The options of the loss of a target that names none: an instance of its `Loss.options`."""
    return loss_named(DEFAULT).options()


def known_loss(kind: str) -> Loss | None:
    """The same; None if it is not installed here."""
    try:
        return loss_named(kind)
    except LossUnavailable:
        return None


def term_of(options: Any, observed: Observed) -> Term:
    """The loss of these options (a LossSpec) over these observations. Raises OptionProblem, LossUnavailable."""
    return _term_of(loss_named(options.kind), options, observed)


@cache
def _installed() -> Mapping[str, tuple[EntryPoint, ...]]:
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=GROUP):
        found[point.name] = (*found.get(point.name, ()), point)
    return found


@cache
def _loaded(kind: str) -> Loss:
    points = _installed().get(kind)
    if not points:
        raise LossUnavailable(f"{kind!r} is not a loss", wanted())
    if len(places := sorted({point.value for point in points})) > 1:
        raise LossUnavailable(
            f"loss {kind!r} is installed more than once ({', '.join(places)})", "uninstall all but one"
        )
    point = points[0]
    place = f"loss {kind!r} ({point.value}{f' of {point.dist.name}' if point.dist else ''})"
    try:
        loss = point.load()
    except Exception as error:  # an installed package may raise anything while it is imported
        text = " ".join(str(error).split())
        raise LossUnavailable(
            f"{place} cannot be loaded: {type(error).__name__}: {text}", "install what it lacks, or take another loss"
        ) from error
    if wrong := _flaw(kind, loss):
        raise LossUnavailable(f"{place} {wrong}", "its package is to be corrected")
    return loss


def _flaw(kind: str, loss: object) -> str:
    """Why an object is not a valid loss of that name; empty if it is."""
    if not isinstance(loss, Loss):
        return f"is a {type(loss).__name__}, and no modelops_runtime.losses.loss.Loss"
    if not issubclass(loss.options, StrictModel):
        return "has options that are no StrictModel of modelops_runtime.options.base"
    fields = loss.options.model_fields
    if "kind" not in fields or fields["kind"].default != kind:
        return f"has options without kind: Literal[{kind!r}] = {kind!r}"
    if loss.family not in ("likelihood", "distance"):
        return f"has family {loss.family!r}, and not likelihood or distance"
    if loss.family == "likelihood" and loss.draw is None:
        return "is a likelihood without a draw of its noise"
    if loss.of not in ("mean", "each", "all"):
        return f"is a distance of {loss.of!r}, and not of mean, each or all"
    if loss.per_observation and (loss.per_observation not in fields or loss.per_observation in OWN_NAMES):
        return f"has per_observation {loss.per_observation!r}, which is none of its options or a name that runs use"
    return ""


def _by_name(loss: Loss) -> tuple[Any, tuple[str]]:
    """A loss is pickled by its name: the process that reads it has the loss installed as well."""
    return loss_named, (loss.options.model_fields["kind"].default,)


copyreg.pickle(Loss, _by_name)
