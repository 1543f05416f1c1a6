"""A likelihood that rests on one run of many: nothing states an error, an interval or an order; check says so before the run."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from tests.support.ledgers import copied, read
from tests.support.projects import Project, line_project, project

WALK_MODEL = """
import numpy as np

def simulate(params, seed):
    steps = np.random.default_rng(seed).normal(params["drift"], 3.0, 60)
    return {"t": np.arange(60), "y": 100 + np.cumsum(steps)}
"""
"""Each run has a path of its own, far from all others where the observation noise is small."""

WALK_SPEC = """
version: 1
name: walk
model: {{entrypoint: "model.py:simulate"}}
parameters:
  drift: {{min: 0.0, max: 2.0}}
targets:
  path: {{observed: data.csv, match: {{exact: t}}, value: y, loss: {{kind: normal, sigma: {sigma}}}}}
search:
  trials: {trials}
  replicates: {replicates}
  seed: 3
  confirm: {{top: 3, replicates: 40}}
"""


def walk(root: Path, *, sigma: float, trials: int = 16, replicates: int = 6) -> Project:
    data = "t,y\n" + "".join(f"{t},{100 + t}\n" for t in range(60))
    return project(
        root, spec=WALK_SPEC.format(sigma=sigma, trials=trials, replicates=replicates), model=WALK_MODEL, data=data
    )


def ran(made: Project) -> str:
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "1")
    assert ended.code == 0, ended.err
    return ended.out


def page_of(made: Project) -> str:
    html = (made.root / "modelops-out" / "walk" / "report.html").read_text(encoding="utf-8")
    return re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    made = walk(tmp_path_factory.mktemp("few") / "walk", sigma=1.0)
    return made, ran(made)


def test_the_answer_says_that_its_error_is_unknown_and_what_would_help(few: tuple[Project, str]) -> None:
    out = few[1]
    assert "±" not in out
    assert re.search(
        r"^loss [\d,.]+ confirmed on 40 fresh replicates .*\n"
        r"its error is unknown: the loss rests on 1\.\d of its 40 replicates \(effective sample size; an error needs 5\); "
        r".*a weight below 1",
        out,
        re.MULTILINE,
    ), out


def test_no_command_and_no_page_states_an_error_an_interval_or_an_order(few: tuple[Project, str]) -> None:
    made, _ = few
    for command in (("results", "show", "walk"), ("status", "walk")):
        said = made.mops(*command).out
        assert "±" not in said
        assert "its error is unknown: the loss rests on 1." in said
    assert "finalists, whose order says nothing:" in made.mops("results", "show", "walk").out
    html = page_of(made)
    assert "±" not in html
    assert "There are no intervals for this run: the best set&#39;s confirmed loss rests on 1." in html
    assert "Their order is not known: " in html


REMEDY = "give the targets a weight below 1"


def test_each_screen_says_it_once(few: tuple[Project, str]) -> None:
    made, out = few
    for said in (out, made.mops("results", "show", "walk").out, made.mops("status", "walk").out, page_of(made)):
        assert said.count(REMEDY) == 1, said
    short = "caution: There are no intervals for this run: its loss rests on too few replicates, as said above."
    for said in (out, made.mops("results", "show", "walk").out):
        assert short in said.splitlines()
    cautions = json.loads(made.mops("results", "show", "walk", "--json").out)["cautions"]
    assert any("no intervals" in one and REMEDY in one for one in cautions), "a program is told the whole of it"


def test_a_finished_run_that_kept_no_sizes_is_shown_without_the_errors_that_it_kept(few: tuple[Project, str]) -> None:
    """As an older ModelOps left it: errors in its rows and its summary, and no sizes."""
    made, out = few
    old = made.root / "old.sqlite"
    with copied(made.ledger, old) as copy:
        copy.execute("UPDATE trial SET loss_se = 3.25 WHERE loss IS NOT NULL")
        copy.execute("UPDATE trial SET effective_sample_size = NULL")
        (text,) = copy.execute("SELECT summary FROM run").fetchone()
        kept = {name: value for name, value in json.loads(text).items() if "effective" not in name}
        copy.execute("UPDATE run SET summary = ?", [json.dumps({**kept, "loss_se": 3.25, "confirmed_loss_se": 3.25})])
    again = made.mops("run", "--spec", "adaptive.yaml", "--ledger", "old.sqlite")
    assert again.out.startswith("walk: already finished"), again.err
    told = [line for line in out.splitlines() if line.startswith(("loss ", "its error is unknown: "))]
    assert len(told) == 2
    assert [line for line in again.out.splitlines() if line in told] == told
    for said in (again.out, made.mops("results", "show", "walk", "--ledger", "old.sqlite").out, page_of(made)):
        assert "±" not in said
    status = made.mops("status", "walk", "--ledger", "old.sqlite").out
    assert "±" not in status
    assert "its error is unknown: the loss rests on 1." in status


def test_a_loss_that_its_kept_values_do_not_give_is_left_as_it_is(few: tuple[Project, str]) -> None:
    """Then they are not what it was computed from, and tell nothing of its error."""
    made, _ = few
    other = made.root / "other.sqlite"
    with copied(made.ledger, other) as copy:
        copy.execute("UPDATE trial SET loss = loss - 1, loss_se = 3.25, effective_sample_size = NULL")
    assert "± 3.25" in made.mops("results", "show", "walk", "--ledger", "other.sqlite").out


def test_the_size_is_kept_and_exported_and_the_error_is_not(few: tuple[Project, str]) -> None:
    made, _ = few
    trials, _ = read(str(made.ledger), "walk")
    assert {trial.phase for trial in trials} == {"search", "confirm"}
    for trial in trials:
        assert trial.effective_sample_size is not None
        assert 1 <= trial.effective_sample_size <= trial.replicates
        assert trial.effective_sample_size >= 5 or trial.loss_se is None
    assert made.mops("results", "export", "walk", "--to", "out", "--format", "csv").code == 0
    with (made.root / "out" / "trials.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["confirmed_loss"]]
    assert len(rows) == 3
    best = min(rows, key=lambda row: float(row["confirmed_loss"]))
    assert best["confirmed_loss_se"] == ""
    assert 1 <= float(best["confirmed_effective_sample_size"]) < 5
    shown = json.loads(made.mops("results", "show", "walk", "--json").out)
    assert shown["best"]["confirmed_effective_sample_size"] == float(best["confirmed_effective_sample_size"])
    assert shown["best"]["confirmed_loss_se"] is None


def test_check_says_it_before_the_run_and_the_run_may_start(tmp_path: Path) -> None:
    made = walk(tmp_path / "walk", sigma=1.0)
    ended = made.mops("check", "--spec", "adaptive.yaml")
    assert ended.code == 0, ended.err
    (warning,) = [line for line in ended.out.splitlines() if line.startswith("warning:")]
    assert "of a finalist's 40 fresh replicates, the likelihood will rest on about 1." in warning
    assert "an error and intervals need 5" in warning
    found = json.loads(made.mops("check", "--spec", "adaptive.yaml", "--json").out)
    assert 1 <= found["effective_sample_size"] < 5
    assert len(found["warnings"]) == 1
    assert not made.ledger.exists()


def test_with_more_noise_of_observation_there_are_errors_and_nothing_is_said(tmp_path: Path) -> None:
    made = walk(tmp_path / "walk", sigma=60.0, trials=40, replicates=20)
    assert "warning" not in made.mops("check", "--spec", "adaptive.yaml").out
    out = ran(made)
    assert re.search(r"^loss [\d,.]+ ± [\d.]+ confirmed on 40 fresh replicates", out, re.MULTILINE), out
    assert "unknown" not in out
    assert "the loss rests on" not in page_of(made)
    assert "There are no intervals" not in page_of(made)


def test_a_distance_has_no_such_size_and_keeps_its_error_with_any_number_of_replicates(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=6, replicates=2)
    found = json.loads(made.mops("check", "--spec", "adaptive.yaml", "--json").out)
    assert (found["effective_sample_size"], found["warnings"]) == (None, [])
    out = ran(made)
    assert re.search(r"^loss [\d,.]+ ± [\d.]+ confirmed on 4 fresh replicates", out, re.MULTILINE), out
