"""`mops run` and the commands around it, as a user types them, on a small real model."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.ledgers import answer_of, assert_whole, read
from tests.support.processes import simulations_of
from tests.support.projects import LINE_MODEL, Project, line_project, line_spec, mops_command, project


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished run of 12 trials."""
    made = line_project(tmp_path_factory.mktemp("finished") / "line")
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "2")
    assert ended.code == 0, ended.err
    return made


def test_a_run_ends_with_confirmed_parameters_and_a_report(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=40)
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "2")
    assert ended.code == 0, ended.err
    assert "best parameters" in ended.out
    assert "confirmed on 4 fresh replicates" in ended.out
    report = Path(ended.out.split("report: ")[1].strip())
    assert "<svg" in report.read_text()
    assert_whole(str(made.ledger), "line", trials=40)
    assert simulations_of(made) == []


def test_the_same_command_again_makes_no_trial_and_says_so(finished: Project) -> None:
    before = answer_of(str(finished.ledger), "line")
    ended = finished.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 0
    assert "already finished" in ended.out
    assert answer_of(str(finished.ledger), "line") == before


def test_status_says_where_it_stands(finished: Project) -> None:
    text = finished.mops("status", "line")
    assert text.code == 0, text.err
    assert "12" in text.out
    found = json.loads(finished.mops("status", "line", "--json").out)
    assert found["state"] == "COMPLETED"


def test_export_writes_what_others_rely_on(finished: Project) -> None:
    ended = finished.mops("results", "export", "line", "--to", "results")
    assert ended.code == 0, ended.err
    folder = finished.root / "results"
    trials = pq.read_table(folder / "trials.parquet")
    wanted = "trial param_id status loss loss_se confirmed_loss replicates worker started seconds error param.slope"
    assert set(wanted.split()) <= set(trials.column_names)
    assert trials.num_rows == 12
    replicates = pq.read_table(folder / "replicates.parquet")
    assert {"trial", "replicate", "seed", "status", "seconds", "attempt", "error"} <= set(replicates.column_names)
    fit = pq.read_table(folder / "fit.parquet")
    assert {"trial", "replicate", "target", "t", "observed", "simulated"} <= set(fit.column_names)
    assert json.loads((folder / "run.json").read_text())
    assert finished.mops("run", "--spec", "adaptive.yaml").code == 0, "results beside the model do not change the run"


def test_extend_raises_the_budget_and_run_goes_on(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=8)
    assert made.mops("run", "--spec", "adaptive.yaml", "--workers", "1").code == 0
    first = read(str(made.ledger), "line")[0]
    assert made.mops("extend", "line", "--trials", "6").code != 0
    assert made.mops("extend", "line", "--trials", "14").code == 0
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "1")
    assert ended.code == 0, ended.err
    assert_whole(str(made.ledger), "line", trials=14)
    losses = {t.number: t.loss for t in first if t.phase == "search"}
    again = {t.number: t.loss for t in read(str(made.ledger), "line")[0] if t.phase == "search"}
    assert {n: again[n] for n in losses} == losses


def test_a_changed_spec_under_the_same_name_is_refused_with_the_difference(finished: Project) -> None:
    spec = (finished.root / "adaptive.yaml").read_text()
    (finished.root / "changed.yaml").write_text(spec.replace("max: 5.0}\n  height", "max: 6.0}\n  height"))
    ended = finished.mops("run", "--spec", "changed.yaml")
    assert ended.code == 2
    assert "parameters" in ended.err
    assert "--run-id" in ended.err
    assert "--fresh" in ended.err
    other = finished.mops("run", "--spec", "changed.yaml", "--run-id", "other", "--trials", "3")
    assert other.code == 0, other.err


def test_a_changed_model_under_the_same_name_is_refused_and_named(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=3)
    assert made.mops("run", "--spec", "adaptive.yaml").code == 0
    (made.root / "model.py").write_text(LINE_MODEL + "\nCHANGED = True\n")
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 2
    assert "model.py" in ended.err
    fresh = made.mops("run", "--spec", "adaptive.yaml", "--fresh")
    assert fresh.code == 0, fresh.err
    assert "kept as line-" in fresh.err


def test_json_is_one_object_a_line_and_the_answer_last(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=5)
    ended = made.mops("run", "--spec", "adaptive.yaml", "--json")
    events = [json.loads(line) for line in ended.out.splitlines()]
    assert events[0]["event"] == "run_started"
    assert sum(e["event"] == "trial" and e["phase"] == "search" for e in events) == 5
    assert events[-1]["event"] == "run_ended"
    assert set(events[-1]["summary"]["params"]) == {"slope", "height", "sleep"}


def test_quiet_prints_the_answer_alone(tmp_path: Path) -> None:
    ended = line_project(tmp_path / "line", trials=3).mops("run", "--spec", "adaptive.yaml", "--quiet")
    assert ended.err == ""
    assert ended.out.startswith("best parameters")


def test_one_slot_and_one_seed_give_one_search_bit_for_bit(tmp_path: Path) -> None:
    answers = []
    for name, seed in (("first", "1"), ("second", "2")):
        made = line_project(tmp_path / name, trials=25)
        made = replace(made, env={**made.env, "PYTHONHASHSEED": seed})  # the order of a set is another each time
        assert made.mops("run", "--spec", "adaptive.yaml", "--workers", "1").code == 0
        answers.append(answer_of(str(made.ledger), "line"))
    assert answers[0] == answers[1]


def test_with_a_lag_two_slots_give_the_search_of_one(tmp_path: Path) -> None:
    answers = []
    for slots in ("1", "2"):
        made = line_project(tmp_path / slots, trials=20, sleep=0.01, extra="  lag: 4")
        assert made.mops("run", "--spec", "adaptive.yaml", "--workers", slots).code == 0
        answers.append(answer_of(str(made.ledger), "line"))
    assert answers[0] == answers[1]


FAILING = {
    "raises": ("raise ValueError('no good')", "MODEL_ERROR"),
    "nan": ("return {'t': t, 'y': t * float('nan')}", "BAD_OUTPUT"),
    "exits": ("import os; os._exit(0)", "MODEL_ERROR"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "MODEL_ERROR"),
    "hangs": ("time.sleep(60)", "TIMEOUT"),
}


@pytest.mark.parametrize("how", FAILING)
def test_a_model_that_always_fails_ends_the_run_with_1_and_its_commonest_error(how: str, tmp_path: Path) -> None:
    code, kind = FAILING[how]
    model = LINE_MODEL.replace("    return", f"    if params['slope'] >= 0:\n        {code}\n    return")
    spec = line_spec(trials=12).replace("20s", "500ms" if kind == "TIMEOUT" else "20s")
    made = project(tmp_path / how, spec=spec, model=model)
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "2")
    assert ended.code == 1, ended
    assert kind in ended.err
    assert "trials failed" in ended.err
    assert "Traceback" not in ended.err
    assert simulations_of(made) == []
    assert json.loads(made.mops("status", "line", "--json").out)["state"] == "FAILED"


def test_some_failures_are_survived_and_shown(tmp_path: Path) -> None:
    model = LINE_MODEL.replace(
        "    return", "    if params['slope'] > 3.5:\n        raise ValueError('steep')\n    return"
    )
    made = project(tmp_path / "line", spec=line_spec(trials=20), model=model)
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "2")
    assert ended.code == 0, ended.err
    trials, _ = read(str(made.ledger), "line")
    failed = [t for t in trials if t.status == "FAILED"]
    assert failed
    assert {t.error for t in failed} == {"ValueError: steep (model.py:10)"}


@pytest.mark.parametrize(
    ("stop", "why"),
    [("{loss: 100}", "reached"), ("{plateau: 4}", "no better trial"), ("{time: 3s}", "time limit")],
)
def test_a_stop_rule_ends_the_search_early_and_says_why(stop: str, why: str, tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=1000, sleep=0.02, extra=f"  stop: {stop}")
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "2")
    assert ended.code == 0, ended.err
    assert why in ended.out
    trials, _ = read(str(made.ledger), "line")
    assert 0 < len(trials) < 1000
    assert all(t.status.is_final for t in trials)


def test_outputs_are_kept_where_asked(tmp_path: Path) -> None:
    for keep, trials in (("best", 1), ("all", 3)):
        made = line_project(tmp_path / keep, trials=3, extra=f"outputs: {{keep: {keep}}}")
        assert made.mops("run", "--spec", "adaptive.yaml").code == 0
        kept = list((made.root / "modelops-out/line/outputs").glob("trial-*"))
        assert len(kept) == trials
        tables = list(kept[0].glob("*/output.parquet"))
        assert tables
        assert pq.read_table(tables[0]).column_names == ["t", "y"]


def test_a_sweep_design_that_is_used_up_ends_the_run(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=100, extra="  algorithm: grid\n  options: {levels: 4}")
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 0, ended.err
    assert "no further parameter sets" in ended.out
    assert_whole(str(made.ledger), "line", trials=16)


def test_files_that_come_later_do_not_change_a_run(tmp_path: Path) -> None:
    """A ledger and a log beside the spec, a script for plots: what ran before did not need them."""
    made = line_project(tmp_path / "line", trials=6)
    run = ("run", "--spec", "adaptive.yaml", "--ledger", "runs.sqlite")
    with (made.root / "log.jsonl").open("w") as log:
        assert (
            subprocess.run(
                mops_command(*run, "--json"), cwd=made.root, env=made.env, stdout=log, check=False
            ).returncode
            == 0
        )
    (made.root / "plot.R").write_text("plot(1)")
    (made.root / ".mopsignore").write_text("*.R\n")
    again = made.mops(*run)
    assert (again.code, "already finished" in again.out) == (0, True), again.err
    (made.root / "model.py").write_text((made.root / "model.py").read_text() + "# changed\n")
    changed = made.mops(*run)
    assert changed.code == 2
    assert "file model.py" in changed.err
    assert "plot.R" not in changed.err


def test_a_model_that_never_worked_may_be_mended_under_the_same_name(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=6)
    good = (made.root / "model.py").read_text()
    (made.root / "model.py").write_text(good.replace('params["slope"]', 'params["slop"]'))
    broken = made.mops("run", "--spec", "adaptive.yaml", "--json")
    assert broken.code == 1
    assert "the first simulation failed: MODEL_ERROR: KeyError: 'slop'" in broken.out
    last = json.loads(broken.out.splitlines()[-1])
    assert (last["event"], last["state"]) == ("run_ended", "FAILED")
    assert "KeyError" in last["reason"]
    (made.root / "model.py").write_text(good)
    mended = made.mops("run", "--spec", "adaptive.yaml")
    assert mended.code == 0, mended.err
    assert "the earlier run is kept as line-" in mended.err


def test_a_run_that_a_rule_has_ended_is_finished(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=60, extra="  stop: {plateau: 5}")
    first = made.mops("run", "--spec", "adaptive.yaml")
    assert "stopped before the budget: no better trial among the last" in first.out
    again = made.mops("run", "--spec", "adaptive.yaml")
    assert "already finished" in again.out
    spec = made.root / "adaptive.yaml"
    spec.write_text(spec.read_text().replace("plateau: 5", "plateau: 50"))
    assert "already finished" not in made.mops("run", "--spec", "adaptive.yaml").out
