"""Axes as pure functions: where a value lies and which ticks are drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from modelops_runtime.contracts.dates import EPOCH, date_of, days


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps [low, high] onto [start, stop] (pixels), linearly or by logarithm; outside values land outside."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(max(value, 1e-300))
        share = 0.5 if high == low else (at - low) / (high - low)
        return self.start + share * (self.stop - self.start)

    def held(self, value: float) -> float:
        """The same, but values outside the range land on its edge."""
        return self(min(max(value, self.low), self.high))


@dataclass(frozen=True, slots=True)
class AxisTick:
    at: float
    text: str


def padded(low: float, high: float, share: float = 0.04) -> tuple[float, float]:
    """A little room on both sides; a single value gets room around it."""
    if low == high:
        room = abs(low) * 0.1 or 1.0
        return low - room, high + room
    return low - share * (high - low), high + share * (high - low)


def padded_log(low: float, high: float) -> tuple[float, float]:
    if low == high:
        return low / 1.5, high * 1.5
    room = (high / low) ** 0.04
    return low / room, high * room


def linear_ticks(low: float, high: float, wanted: int = 5) -> list[AxisTick]:
    """About `wanted` round numbers in [low, high], steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [AxisTick(low, tick_text(low, abs(low) or 1.0))]
    return _multiples(low, high, _round_step((high - low) / max(wanted, 1)))


def whole_ticks(low: float, high: float, wanted: int = 5) -> list[AxisTick]:
    """The same among the integers: for trial numbers and counts."""
    return _multiples(low, high, max(1.0, _round_step(max(high - low, 1.0) / max(wanted, 1))))


def _multiples(low: float, high: float, step: float) -> list[AxisTick]:
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [AxisTick((first + i) * step, tick_text((first + i) * step, step)) for i in range(max(count, 0))]


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next((m * power for m in (1.0, 2.0, 5.0) if m * power >= rough * 0.999), 10.0 * power)


def tick_text(value: float, step: float) -> str:
    """As many decimals as the step needs; large numbers with separators, very large and small ones with an exponent."""
    size = max(abs(value), abs(step))
    if value == 0:
        return "0"
    if size >= 1e7 or size < 1e-4:
        return f"{value:.3g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
    decimals = max(0, -math.floor(math.log10(abs(step)) + 1e-9))
    return f"{value:,.{decimals}f}".replace("-", "−")


def log_ticks(low: float, high: float, wanted: int = 5) -> list[AxisTick]:
    """Powers of ten, with 2 and 5 between them while there is room; linear ticks for a range of less than a factor of three."""
    if high / low < 3:
        return [tick for tick in linear_ticks(low, high, wanted) if tick.at > 0]
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for parts in ((1, 2, 5), (1, 3), (1,)):
        values = [m * 10.0**p for p in powers for m in parts if low <= m * 10.0**p <= high]
        if len(values) <= wanted + 2:
            break
    if len(values) > wanted + 2:
        values = values[:: math.ceil(len(values) / wanted)]
    return [AxisTick(value, tick_text(value, value)) for value in values]


def date_ticks(low: float, high: float, wanted: int = 5) -> list[AxisTick]:
    """Days, first days of months or of years, in [low, high] (days since 1970); hours if the range is at most two days."""
    span = high - low
    if span <= 2:
        return _hour_ticks(low, high)
    if span / wanted <= 20:
        step = next((s for s in (1, 2, 5, 7, 10, 14) if s * wanted >= span), 20)
        first = math.ceil(low)
        return [AxisTick(d, _day_text(d)) for d in range(first, math.floor(high) + 1, step)]
    months = span / 30.44
    step = next((s for s in (1, 2, 3, 6) if s * wanted >= months), 12 * max(1, math.ceil(months / 12 / wanted)))
    return _month_ticks(low, high, step)


def _hour_ticks(low: float, high: float) -> list[AxisTick]:
    step = next((h for h in (1, 2, 3, 6, 12) if h * 6 >= (high - low) * 24), 24)
    first = math.ceil(low * 24 / step)
    found: list[AxisTick] = []
    for k in range(first, math.floor(high * 24 / step) + 1):
        moment = datetime(1970, 1, 1) + timedelta(hours=k * step)
        found.append(AxisTick(k * step / 24, f"{moment:%H:%M}" if moment.hour else _day_text(k * step / 24)))
    return found


def _month_ticks(low: float, high: float, step: int) -> list[AxisTick]:
    start = EPOCH + timedelta(days=math.floor(low))
    month = start.year * 12 + start.month - 1
    month -= month % step
    found: list[AxisTick] = []
    while (at := days(date(month // 12, month % 12 + 1, 1))) <= high:
        if at >= low:
            day = date(month // 12, month % 12 + 1, 1)
            found.append(AxisTick(at, str(day.year) if step % 12 == 0 else f"{day:%b %Y}"))
        month += step
    return found


def _day_text(at: float) -> str:
    day = date_of(at)
    return f"{day.day} {day:%b}"


def named_ticks(names: Sequence[str], room: float) -> list[AxisTick]:
    """Names at 0, 1, ...: shortened, and only every second, third, ... where `room` (pixels) is too small for all."""
    short = [name if len(name) <= 12 else f"{name[:11]}…" for name in names]
    longest = 10 + 6.8 * max(map(len, short), default=0)
    step = max(1, math.ceil(len(short) * longest / room))
    return [AxisTick(float(i), short[i]) for i in range(0, len(short), step)]


def thinned(count: int, most: int) -> list[int]:
    """At most `most` indices out of `count`, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})
