"""What is generated is what is committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mops.charts.base import Values
from mops.charts.generate import CHARTS, outputs

ROOT = Path(__file__).resolve().parents[2]


def test_the_charts_values_schemas_and_tables_are_those_of_the_models() -> None:
    drifted = [path for path, text in outputs(ROOT / "charts") if path.read_text("utf-8") != text]
    assert drifted == [], "run `make charts`"


@pytest.mark.parametrize("model", CHARTS.values())
def test_every_value_says_what_it_is(model: type[Values]) -> None:
    assert list(_silent(model)) == []


def _silent(model: type[Values], prefix: str = "") -> list[str]:
    found: list[str] = []
    for name, field in model.model_fields.items():
        inner = type(getattr(model.model_construct(), name, None))
        if issubclass(inner, Values):
            found += _silent(inner, f"{prefix}{name}.")
        elif not field.description:
            found.append(prefix + name)
    return found
