"""The `loss:` of a target: a kind with its options, a bare kind, or a function of one's own. Formulas: `evaluation.losses`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, ValidationError, WrapValidator
from pydantic_core import CoreSchema

from modelops_runtime.options.base import Mistake, StrictModel, mistake, mistakes

REFERENCE = r"^[A-Za-z_][\w./\\-]*:[A-Za-z_]\w*$"
"""`pkg.mod:fn` or `model.py:fn`."""

Positive = Annotated[float, Field(gt=0)]


def _number_or_column(value: Any) -> Any:
    """One line for what pydantic would report as two failed branches of a union."""
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    raise mistake(f"{value!r} is no number above 0", "give one, or the name of a column of the observed data")


NumberOrColumn = Annotated[Positive | str, BeforeValidator(_number_or_column)]


class MeanSignalLoss(StrictModel):
    """Squared error of the mean over replicates (the default)."""

    kind: Literal["mean_signal"] = "mean_signal"


class AnnealedLoss(StrictModel):
    """Squared error of each replicate, averaged: mean_signal plus the variance between replicates."""

    kind: Literal["annealed"] = "annealed"


class AbsoluteLoss(StrictModel):
    """Absolute error of the mean over replicates."""

    kind: Literal["absolute"] = "absolute"


class RelativeLoss(StrictModel):
    """Squared error of the mean over replicates, relative to what was observed."""

    kind: Literal["relative"] = "relative"
    floor: Positive = Field(default=1.0, description="least divisor, for observations near 0")


class LogLoss(StrictModel):
    """Squared error between the logarithms of the mean over replicates and of what was observed."""

    kind: Literal["log"] = "log"
    offset: Positive = Field(default=1.0, description="added to both before the logarithm is taken")


class PoissonLoss(StrictModel):
    """Counts around the simulated value."""

    kind: Literal["poisson"] = "poisson"


class NegativeBinomialLoss(StrictModel):
    """Counts around the simulated value m with variance m + m^2 / dispersion."""

    kind: Literal["negative_binomial"] = "negative_binomial"
    dispersion: Positive = Field(description="k; large values come close to Poisson")


class BinomialLoss(StrictModel):
    """Observed successes among n, the simulated value being the probability."""

    kind: Literal["binomial"] = "binomial"
    n: NumberOrColumn = Field(description="trials: a number, or a column of the observed data")


class BetaBinomialLoss(StrictModel):
    """Observed successes among n, with more scatter than binomial; the simulated value is the mean probability."""

    kind: Literal["beta_binomial"] = "beta_binomial"
    n: NumberOrColumn = Field(description="trials: a number, or a column of the observed data")
    dispersion: Positive = Field(description="alpha + beta; large values come close to binomial")


class NormalLoss(StrictModel):
    """Observations around the simulated value with standard deviation sigma."""

    kind: Literal["normal"] = "normal"
    sigma: NumberOrColumn = Field(description="standard deviation: a number, or a column of the observed data")


class CustomLoss(StrictModel):
    """A function `fn(simulated [replicates, observations], observed [observations], **options) -> float`, lower is better."""

    kind: str = Field(
        pattern=REFERENCE, description="pkg.mod:fn or model.py:fn; `function` is another name for this key"
    )
    options: dict[str, Any] = Field(default_factory=dict, description="handed to the function by name")


_KINDS: dict[str, type[StrictModel]] = {
    "mean_signal": MeanSignalLoss,
    "annealed": AnnealedLoss,
    "absolute": AbsoluteLoss,
    "relative": RelativeLoss,
    "log": LogLoss,
    "poisson": PoissonLoss,
    "negative_binomial": NegativeBinomialLoss,
    "binomial": BinomialLoss,
    "beta_binomial": BetaBinomialLoss,
    "normal": NormalLoss,
}
LOSS_KINDS = tuple(_KINDS)

_WANTED = f"a loss is one of {', '.join(LOSS_KINDS)}, or a function of your own as pkg.mod:fn"


def _refuse(value: Any, wrong: str, right: str, *loc: str) -> ValidationError:
    return mistakes([Mistake(loc, wrong, right)], value)


def _pick(value: Any, _handler: Any) -> StrictModel:
    """Validates by the model of its kind alone, so that an error's location is the path in the file."""
    if isinstance(value, StrictModel):
        return value
    if isinstance(value, str):
        return _from_text(value)
    if not isinstance(value, dict):
        raise _refuse(value, f"{value!r} is not a loss", _WANTED)
    given = [name for name in ("kind", "function") if name in value]
    if not given:
        raise _refuse(value, "the loss has no kind", _WANTED)
    if len(given) == 2:
        raise _refuse(value, "kind and function name the same thing", "give one of them", "function")
    key, rest = given[0], {name: item for name, item in value.items() if name != given[0]}
    kind = value[key]
    return _model_of(kind, key, own=key == "function").model_validate({"kind": kind, **rest})


def _from_text(kind: str) -> StrictModel:
    model = _model_of(kind)
    if needed := [name for name in _required(model) if name != "kind"]:
        more = ", ".join(f"{name}: ..." for name in needed)
        raise _refuse(kind, f"{kind} needs {' and '.join(needed)}", f"write {{kind: {kind}, {more}}}")
    return model.model_validate({"kind": kind})


def _model_of(kind: Any, *loc: str, own: bool = False) -> type[StrictModel]:
    if isinstance(kind, str):
        if kind in _KINDS and not own:
            return _KINDS[kind]
        if re.match(REFERENCE, kind):
            return CustomLoss
    raise _refuse(kind, f"{kind!r} is not a {'function' if own else 'loss'}", _WANTED, *loc)


def _required(model: type[StrictModel]) -> list[str]:
    return [name for name, field in model.model_fields.items() if field.is_required()]


class _Schema:
    """What an editor may offer: any kind's mapping, a bare kind, or a reference."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        bare = [name for name, model in _KINDS.items() if not _required(model)]
        own = {
            "type": "object",
            "properties": {"function": {"type": "string", "pattern": REFERENCE}, "options": {"type": "object"}},
            "required": ["function"],
            "additionalProperties": False,
        }
        texts = [{"type": "string", "enum": bare}, {"type": "string", "pattern": REFERENCE}]
        return {"anyOf": [*schema["anyOf"], own, *texts]}


LossSpec = Annotated[
    MeanSignalLoss
    | AnnealedLoss
    | AbsoluteLoss
    | RelativeLoss
    | LogLoss
    | PoissonLoss
    | NegativeBinomialLoss
    | BinomialLoss
    | BetaBinomialLoss
    | NormalLoss
    | CustomLoss,
    WrapValidator(_pick),
    _Schema(),
]
