"""Converts dates to days since 1970, and back."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

EPOCH = date(1970, 1, 1)


def days(value: date | datetime) -> float:
    """Days since 1970: dates and times on one axis."""
    if isinstance(value, datetime):
        gap = value.replace(tzinfo=None) - datetime(1970, 1, 1)
        return gap / timedelta(days=1)
    return float((value - EPOCH).days)


def date_of(at: float) -> date:
    """The day that `days` counted."""
    return EPOCH + timedelta(days=math.floor(at))
