"""A loss of one's own is that of its folder, whatever this process has imported before or imports later."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from modelops_runtime.losses.custom import value
from modelops_runtime.losses.loss import Term
from tests.support.losses import custom_term

SCORING = """
import weights


def own(simulated, observed):
    import lazily

    return weights.WEIGHT + lazily.WEIGHT
"""


def term(root: Path, weight: int, kind: str = "scoring:own") -> Term:
    root.mkdir()
    (root / "scoring.py").write_text(SCORING)
    (root / "weights.py").write_text(f"WEIGHT = {weight}\n")
    (root / "lazily.py").write_text(f"WEIGHT = {10 * weight}\n")
    return custom_term(kind, np.zeros(1), root)


@pytest.mark.parametrize("kind", ["scoring:own", "scoring.py:own"])
def test_two_folders_have_each_their_own_modules(kind: str, tmp_path: Path) -> None:
    terms = [term(tmp_path / str(weight), weight, kind) for weight in (1, 2)]
    assert [value(np.zeros((1, 1)), each) for each in (*terms, *terms)] == [11.0, 22.0, 11.0, 22.0]


def test_modules_of_the_process_stay_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ModuleType("weights")
    mine.WEIGHT = 7  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "weights", mine)
    path = list(sys.path)
    assert value(np.zeros((1, 1)), term(tmp_path / "own", 3)) == 33.0
    assert sys.modules["weights"] is mine
    assert "scoring" not in sys.modules
    assert "lazily" not in sys.modules
    assert sys.path == path
