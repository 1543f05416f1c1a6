"""Options that are a number, or a column of the observed data: one number for each observation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator

from modelops_runtime.losses.loss import Observed, OptionProblem
from modelops_runtime.losses.nuisance import ByName, Positive
from modelops_runtime.options.base import mistake
from modelops_runtime.statistics.array import Array


def _number_or_column(value: Any) -> Any:
    """One error line where pydantic would report both branches of a union."""
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    raise mistake(f"{value!r} is no number above 0", "give one, or the name of a column of the observed data")


def _noise_or_column(value: Any) -> Any:
    if isinstance(value, ByName):
        return value
    return ByName.model_validate(value) if isinstance(value, Mapping) else _number_or_column(value)


NumberOrColumn = Annotated[Positive | str, BeforeValidator(_number_or_column)]

NoiseOrColumn = Annotated[Positive | str | ByName, BeforeValidator(_noise_or_column)]
"""The same, or `{parameter: k}`: a nuisance parameter."""


def numbers(key: str, value: float | str | ByName, observed: Observed) -> Array:
    """The number of each observation [N], all above 0. Raises OptionProblem."""
    if not isinstance(value, str):
        assert not isinstance(value, ByName)  # `term_of` has put a number in its place
        return np.full(len(observed.y), float(value))
    if value not in observed.columns:
        numeric = ", ".join(observed.columns) or "none"
        raise OptionProblem(
            key, f"no column of numbers {value!r} in the observed data", f"its columns of numbers: {numeric}"
        )
    found = observed.columns[value]
    if not (np.isfinite(found) & (found > 0)).all():
        bad = next(float(x) for x in found if not (math.isfinite(x) and x > 0))
        raise OptionProblem(key, f"column {value!r} holds {bad:g}", f"{key} is above 0 wherever something was observed")
    return found
