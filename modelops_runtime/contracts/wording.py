"""Formats numbers, counts and durations for people."""

from __future__ import annotations

import math


def fmt(value: object) -> str:
    """A number with four significant digits; anything else as text, booleans as in YAML."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float | int):
        return str(value)
    if isinstance(value, int):
        return str(value).replace("-", "−") if abs(value) < 10_000 else f"{value:,}".replace("-", "−")
    if not math.isfinite(value):
        return str(value)
    if value != 0 and (abs(value) >= 1e9 or abs(value) < 1e-4):
        return f"{value:.3e}".replace("-", "−")
    text = f"{value:,.0f}" if abs(value) >= 999.95 else f"{value:.4g}"
    return text.replace("-", "−")


def plus_minus(value: float | None, se: float | None) -> str:
    """`412.3 ± 5.1`: the value rounded to the decimals of its error."""
    if value is None or se is None or not (math.isfinite(se) and se > 0):
        return fmt(value)
    decimals = max(0, 1 - math.floor(math.log10(se)))
    if decimals > 6:
        return f"{fmt(value)} ± {fmt(se)}"
    return f"{value:,.{decimals}f} ± {se:,.{decimals}f}".replace("-", "−")


def counted(count: int, one: str, many: str = "") -> str:
    """`1 trial`, `3 trials`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """`47 ms`, `4.2 s`, `42 s`, `3 min 05 s`, `2 h 10 min`."""
    if 0 < seconds < 0.95:
        return f"{max(1000 * seconds, 1):.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60:02d} s" if whole < 3600 else f"{whole // 3600:,} h {whole % 3600 // 60:02d} min"
    )
