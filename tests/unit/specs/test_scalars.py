"""Durations and sizes are read as they are written, and written as they are read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelops_runtime.specs.scalars import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("30s", 30), ("5m", 300), ("2h", 7200), ("1.5h", 5400), ("0.1s", 0.1)]
)
def test_a_duration_is_its_number_of_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("2Gi", 2 * 2**30), ("512Mi", 2**29), ("1G", 10**9), ("1.5Gi", 3 * 2**29), ("1k", 1000), ("1K", 1000)],
)
def test_a_size_is_its_number_of_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "30", "s", "-1s", "0s", "0.0h", "1 h", "1d", "1e3s", ".5s", "5.s", "١s", "5M"])
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "2048", "2GB", "2gi", "512m", "-1Gi", "0Gi", "0.0001k", "1 Gi"])
def test_other_texts_are_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


@settings(deadline=None)
@given(st.floats(min_value=1e-6, max_value=1e9))
def test_a_duration_survives_being_written(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=2**50))
def test_a_size_survives_being_written(size: int) -> None:
    assert parse_size(format_size(size)) == size


def test_written_forms_are_short() -> None:
    assert [format_duration(s) for s in (0.5, 30, 90, 300, 7200)] == ["500ms", "30s", "90s", "5m", "2h"]
    assert [format_size(s) for s in (2**31, 2**29, 10**9, 3 * 2**29)] == ["2Gi", "512Mi", "1G", "1536Mi"]
