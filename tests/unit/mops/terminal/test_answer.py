"""The answer on the terminal, of runs of every age."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelops_runtime.api.calibration import of_run
from modelops_runtime.contracts.answer import ALWAYS
from modelops_runtime.contracts.caution import Caution, CautionKind
from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.ledger.base import RunState
from mops.terminal.answer import answer_lines
from tests.unit.inference.runs import a_run

WHOLE = {
    "best_trial": 3,
    "params": {"beta": 1.7},
    "loss": 10.0,
    "loss_se": 1.0,
    "confirmed_loss": 12.0,
    "confirmed_loss_se": 0.5,
    "confirmed_replicates": 50,
    "derived": {"R0": 3.5},
    "simulations": 99,
    "elapsed_s": 4.0,
    "stop_reason": "loss 10 reached the wanted 11",
    "failed": 2,
    "commonest_error": "(2 of them): MODEL_ERROR: \x1b[31mno",
}


def lines(summary: dict[str, object], *cautions: str) -> list[str]:
    run = a_run(summary=summary, state=RunState.COMPLETED)
    said = [Caution(CautionKind.MISFIT, text) for text in cautions]
    return answer_lines(of_run(run, "", report=Path("report.html"), already_finished=True, cautions=said))


def test_the_answer_and_what_stands_against_it() -> None:
    assert lines(WHOLE, "No set\nfits.") == [
        "boarding-school: already finished; `mops extend` raises its budget",
        "best parameters (trial 3):",
        "  beta  1.7",
        "  R0    3.5  (derived)",
        "loss 12 ± 0.5 confirmed on 50 fresh replicates (in the search: 10)",
        "caution: No set fits.",
        "stopped before the budget: loss 10 reached the wanted 11",
        "2 trials failed; the commonest (2 of them): MODEL_ERROR: \\x1b[31mno",
        "report: report.html",
    ]


@pytest.mark.parametrize("lacking", [key for key in WHOLE if key not in ALWAYS])
def test_a_summary_that_lacks_a_key_is_shown_without_it(lacking: str) -> None:
    """As an older ModelOps, or `mops rescore` of one, wrote it."""
    said = lines({key: value for key, value in WHOLE.items() if key != lacking})
    assert said[0].startswith("boarding-school: already finished")
    assert said[-1] == "report: report.html"
    if lacking == "commonest_error":
        assert "2 trials failed" in said


@pytest.mark.parametrize("lacking", ALWAYS)
def test_a_completed_run_without_an_answer_is_damaged(lacking: str) -> None:
    with pytest.raises(LedgerError, match=f"column summary of its row lacks {lacking}; take the ledger from a backup"):
        lines({key: value for key, value in WHOLE.items() if key != lacking})
