"""What stands against an answer is said in plain sentences: on the terminal, as JSON, from Python, in exports, on the page."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pytest

from modelops_runtime import open_run
from modelops_runtime.contracts.caution import CautionKind
from modelops_runtime.inference.identifiability import interval_notes, intervals_json
from tests.support.projects import LINE_MODEL, Project, line_spec, project

AS_SAID = "There are no intervals for this run: its loss rests on too few replicates, as said above."
RESTS = "There are no intervals for this run: the best set's confirmed loss rests on "
FAR = "further from its loss in the search"


def everywhere(made: Project, run_id: str = "line") -> list[str]:
    """The cautions of a run, which all places have alike; a terminal that has just said why does not say it again."""
    told = json.loads(made.mops("results", "show", run_id, "--json").out)
    shown, kinds = told["cautions"], told["caution_kinds"]
    assert [kind == CautionKind.FEW_EFFECTIVE_REPLICATES for kind in kinds] == [RESTS in sentence for sentence in shown]
    for command in (("run", "--spec", "adaptive.yaml"), ("results", "show", run_id)):
        ended = made.mops(*command)
        assert ended.code == 0, ended.err
        assert [line for line in ended.out.splitlines() if line.startswith("caution: ")] == [
            f"caution: {AS_SAID if RESTS in sentence else sentence}" for sentence in shown
        ]
        assert ("its error is unknown: " in ended.out) == any(RESTS in sentence for sentence in shown)
    last = json.loads(made.mops("run", "--spec", "adaptive.yaml", "--json").out.splitlines()[-1])
    assert (last["event"], last["cautions"], last["caution_kinds"]) == ("run_ended", shown, kinds)
    assert made.mops("results", "export", run_id, "--to", "out").code == 0
    record = json.loads((made.root / "out" / "run.json").read_text())
    assert (record["cautions"], record["caution_kinds"]) == (shown, kinds)
    assert told["fit"]["says"]
    assert (last["fit"], last["intervals"]) == (told["fit"], told["intervals"])
    found = ("fit", "intervals", "predictive_checks")
    assert [record[key] for key in found] == [told[key] for key in found]
    opened = open_run(run_id, made.ledger)
    assert {"verdict": opened.fit_verdict, "says": opened.fit_says} == told["fit"]
    assert intervals_json(opened.intervals()) == told["intervals"]
    assert (list(opened.cautions), list(opened.caution_kinds)) == (shown, kinds)
    assert made.mops("report", run_id, "--to", "page.html").code == 0
    page = unescape((made.root / "page.html").read_text())
    assert all(sentence in page for sentence in (*shown, told["fit"]["says"]))
    beside = interval_notes(opened.intervals()).values()
    assert all(f'<td class="between">{note}</td>' in page for note in beside)
    assert all(note in made.mops("results", "show", run_id).out for note in beside)
    return shown


@pytest.fixture
def leaking(tmp_path: Path) -> Project:
    """A model whose state outlives a simulation, so that what it yields grows from one to the next."""
    model = LINE_MODEL.replace("def simulate", "kept = {'y': 0.0}\n\ndef simulate").replace(
        'return {"t": t, "y": ', 'kept["y"] += params["height"] + 4\n    return {"t": t, "y": kept["y"] + '
    )
    made = project(tmp_path / "line", spec=line_spec(trials=6, replicates=2), model=model)
    assert made.mops("run", "--spec", "adaptive.yaml", "--workers", "1").code == 0
    return made


def test_a_confirmation_far_from_the_search_is_said_with_both_numbers(leaking: Project) -> None:
    (text,) = [sentence for sentence in everywhere(leaking) if FAR in sentence]
    found = json.loads(leaking.mops("results", "show", "line", "--json").out)["best"]
    assert found["confirmed_loss"] > 10 * found["loss"]
    assert text.startswith(f"The confirmed loss of trial {found['trial']}, ")
    assert "see `mops check`" in text


def test_a_model_that_is_plainly_wrong_a_value_near_its_bound_and_unknown_intervals_are_said(tmp_path: Path) -> None:
    """Data from 1 to 9; the model can do nothing but 40 and more."""
    spec = line_spec(trials=12, replicates=4, loss="{kind: normal, sigma: 0.5}")
    spec = spec.replace("height: {min: -3.0, max: 5.0}", "height: {min: 40.0, max: 60.0}")
    spec = spec.replace("trials: 12", "guesses: [{slope: 2.0, height: 40.3}]\n  trials: 12")
    made = project(tmp_path / "line", spec=spec)
    said = everywhere_after_a_run(made)
    assert said[0].startswith(
        "No set that was tried fits line: the data lie further from the best set than each of 200"
    )
    unknown = [sentence for sentence in said if sentence.startswith("There are no intervals for this run: ")]
    assert len(unknown) == 1
    assert unknown[0].startswith(f"{RESTS}1.0 of its 4 replicates "), "the best set is far from the data"
    assert " Confirm on more replicates (search.confirm.replicates); " in unknown[0]
    assert any(
        sentence.startswith("height is ") and "near its lower bound (40): nothing beyond was tried" in sentence
        for sentence in said
    ), said


def test_where_more_trials_may_give_intervals_that_is_said(tmp_path: Path) -> None:
    said = everywhere_after_a_run(project(tmp_path / "line", spec=line_spec(trials=6)))
    (unknown,) = [sentence for sentence in said if sentence.startswith("There are no intervals for this run: ")]
    assert unknown.endswith("More trials may give them: `mops extend`.")


def test_an_answer_that_nothing_stands_against_has_no_caution(tmp_path: Path) -> None:
    spec = line_spec(trials=80, replicates=30, loss="{kind: normal, sigma: 0.5}")
    made = project(tmp_path / "line", spec=spec.replace("replicates: 4}", "replicates: 60}"))
    assert everywhere_after_a_run(made) == []


def everywhere_after_a_run(made: Project) -> list[str]:
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "1")
    assert ended.code == 0, ended.err
    return everywhere(made)
