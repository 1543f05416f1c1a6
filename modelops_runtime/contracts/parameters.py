"""Parameter sets and their identity, compatible on the wire with the public `modelops-contracts` package."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

Scalar = bool | int | float | str

_PREFIX = "contracts:param:v1|"
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(params: Mapping[str, object]) -> str:
    """The one text of `params`: keys sorted at every level, no spaces, UTF-8 unescaped.

    Raises ValueError for a non-finite float and TypeError for anything but bool, int, float, str, lists and mappings of them.
    `1`, `1.0`, `True` and `"1"` give four texts; `numpy.float64` is a float, other numpy scalars are refused.
    """
    _check(params, "params")
    return _JSON.encode(params)


def _check(value: object, where: str) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where} is {value}; parameters are finite")
    elif isinstance(value, int | str):
        return
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{where}: the key {key!r} is not text")
            _check(item, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(item, f"{where}[{index}]")
    else:
        raise TypeError(f"{where} is a {type(value).__name__}; parameters are bool, int, float or str")


def param_id(params: Mapping[str, object]) -> str:
    """BLAKE2b-256 (hex, 64 characters) of the canonical JSON: same values, same id, on every machine."""
    text = _PREFIX + canonical_json(params)
    return blake2b(text.encode("utf-8"), digest_size=32).hexdigest()


@dataclass(frozen=True, slots=True)
class UniqueParameterSet:
    """Parameter values and the id that follows from them."""

    params: Mapping[str, Scalar]
    param_id: str

    @classmethod
    def of(cls, params: Mapping[str, Scalar]) -> UniqueParameterSet:
        """The set of `params`, copied and in the order of their names."""
        ordered = dict(sorted(params.items()))
        return cls(ordered, param_id(ordered))
