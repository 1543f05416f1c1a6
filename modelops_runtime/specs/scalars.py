"""Values with a notation of their own in the YAML: whole numbers, durations, memory sizes, names."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from modelops_runtime.options.base import mistake

DURATION = r"^(?=[\d.]*[1-9])\d+(\.\d+)?(ms|s|m|h)$"
SIZE = r"^(?=[\d.]*[1-9])\d+(\.\d+)?(Ki|Mi|Gi|Ti|k|K|M|G|T)$"
NAME = r"^[A-Za-z_\u00a1-\uffff][A-Za-z0-9_.\u00a1-\uffff-]*$"
"""The pattern of names of parameters and targets; it uses nothing that JSON Schema in editors reads differently."""

_SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}
_BYTES = {
    "Ti": 2**40, "Gi": 2**30, "Mi": 2**20, "Ki": 2**10, "T": 10**12, "G": 10**9, "M": 10**6, "k": 10**3, "K": 10**3,
}  # fmt: skip
_DURATIONS = "a duration has a unit, such as 500ms, 30s, 5m or 2h"
_SIZES = "a memory size has a unit, such as 512Mi, 2Gi or 1G"


def parse_duration(text: str) -> float:
    """Seconds of `500ms`, `30s`, `5m`, `2h`. Raises ValueError for any other text, and for 0."""
    if not re.fullmatch(DURATION, text):
        raise ValueError(f"{text!r} is not a duration; {_DURATIONS}")
    unit = text.lstrip("0123456789.")
    return float(Decimal(text.removesuffix(unit)) * _SECONDS[unit])


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads as exactly `seconds` (finite, above 0)."""
    exact = Decimal(repr(float(seconds)))
    whole = [unit for unit in ("h", "m", "s", "ms") if (exact / _SECONDS[unit]) % 1 == 0]
    unit = whole[0] if whole else "s"
    return f"{(exact / _SECONDS[unit]).normalize():f}{unit}"


def parse_size(text: str) -> int:
    """Bytes of `512Mi`, `2Gi`, `1G`, a part of a byte cut off. Raises ValueError for any other text, and below 1 byte."""
    if not re.fullmatch(SIZE, text):
        raise ValueError(f"{text!r} is not a memory size; {_SIZES}")
    unit = text.lstrip("0123456789.")
    size = int(Decimal(text.removesuffix(unit)) * _BYTES[unit])
    if size < 1:
        raise ValueError(f"{text!r} is less than a byte; {_SIZES}")
    return size


def format_size(size: int) -> str:
    """A text that `parse_size` reads as exactly `size` bytes (above 0), in the largest unit that divides it."""
    unit = next((unit for unit, factor in _BYTES.items() if size % factor == 0), "Ki")
    return f"{(Decimal(size) / _BYTES[unit]).normalize():f}{unit}"


def _duration(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value > 0 and math.isfinite(value):
            raise mistake(f"{value:g} has no unit", f"write {value:g}s for seconds, or 500ms, 5m, 2h")
        raise mistake(f"{value:g} is not a duration", _DURATIONS)
    if not isinstance(value, str):
        raise mistake(f"{shown(value)} is not a duration", _DURATIONS)
    try:
        return parse_duration(value)
    except ValueError:
        raise mistake(f"{value!r} is not a duration", f"{_DURATIONS}, and is above 0") from None


def _size(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise mistake(f"{value:g} has no unit", _SIZES)
    if not isinstance(value, str):
        raise mistake(f"{shown(value)} is not a memory size", _SIZES)
    try:
        return parse_size(value)
    except ValueError:
        raise mistake(f"{value!r} is not a memory size", f"{_SIZES}, and is above 0") from None


def whole(value: Any) -> Any:
    """1e3 is a whole number, as it is in JSON Schema."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def shown(value: object) -> str:
    """A value as it looks in the file, shortened."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else f"{value[:37]}...")
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return f"{value} (a {type(value).__name__})"


def nearest(word: object, known: list[str]) -> str | None:
    """The known word that is closest to `word`."""
    from difflib import get_close_matches

    near = get_close_matches(str(word).lower().replace("-", "_"), known, n=1, cutoff=0.6)
    return near[0] if near else None


Whole = Annotated[int, BeforeValidator(whole)]
"""An integer; a float without a fraction is one."""

Count = Annotated[int, Field(ge=1), BeforeValidator(whole)]
Natural = Annotated[int, Field(ge=0), BeforeValidator(whole)]
"""The bounds stand before the validator; otherwise JSON Schema would lose them for optional values."""

Duration = Annotated[
    float,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION, "examples": ["500ms", "30s", "5m", "2h"]}),
]
"""Seconds."""

MemorySize = Annotated[
    int,
    BeforeValidator(_size),
    PlainSerializer(format_size, return_type=str),
    WithJsonSchema({"type": "string", "pattern": SIZE, "examples": ["512Mi", "2Gi", "1G"]}),
]
"""Bytes."""
