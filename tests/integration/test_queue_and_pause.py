"""`mops enqueue`, `pause` and `resume`, beside a run that works or waits."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from modelops_runtime.ledger.base import Trial
from tests.support.holding import BEFORE_THE_LEDGER, held
from tests.support.ledgers import answer_of, assert_whole, read
from tests.support.patience import PATIENCE_S, eventually
from tests.support.projects import Project, line_project

SETS = "- {slope: 1.5, height: 2}\n- {slope: 4, height: -1}\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished run of 2 trials, that nothing may change."""
    made = line_project(tmp_path_factory.mktemp("finished") / "line", trials=2)
    assert made.mops("run", "--spec", "adaptive.yaml").code == 0
    return made


def search_trials(made: Project) -> list[Trial]:
    return [t for t in read(str(made.ledger), "line")[0] if t.phase == "search"]


def status(made: Project) -> dict:
    return json.loads(made.mops("status", "line", "--json").out)


def enqueue(made: Project, text: str = SETS) -> None:
    (made.root / "guess.yaml").write_text(text)
    ended = made.mops("enqueue", "line", "guess.yaml")
    assert ended.code == 0, ended.err


def test_queued_sets_take_the_next_trials_of_the_budget(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=6)
    assert made.mops("run", "--spec", "adaptive.yaml", "--workers", "1").code == 0
    (made.root / "guess.yaml").write_text(SETS)
    ended = made.mops("enqueue", "line", "guess.yaml")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines() == [
        "line: 2 sets queued; 0 trials of the budget left",
        "`mops extend line --trials 8` makes room for all that wait",
    ]
    assert "2 parameter sets, for the next trials" in made.mops("status", "line").out
    assert made.mops("extend", "line", "--trials", "10").code == 0
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "2")
    assert ended.code == 0, ended.err
    assert_whole(str(made.ledger), "line", trials=10)
    tried = search_trials(made)[6:8]
    assert [(t.origin, t.draw, t.params) for t in tried] == [
        ("guess", None, {"sleep": 0.0, "height": 2.0, "slope": 1.5}),
        ("guess", None, {"sleep": 0.0, "height": -1.0, "slope": 4.0}),
    ]
    assert [t.draw for t in search_trials(made)] == [0, 1, 2, 3, 4, 5, None, None, 6, 7]


def test_a_set_queued_while_the_run_works_is_tried_in_it(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=30)
    hold = held(made, after=20)
    process = made.start("run", "--spec", "adaptive.yaml", "--workers", "2")
    hold.wait_until_reached()
    enqueue(made, "{slope: 2, height: 1}")
    hold.lift()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert_whole(str(made.ledger), "line", trials=30)
    (guess,) = [t for t in search_trials(made) if t.origin == "guess"]
    assert guess.params == {"sleep": 0.0, "height": 1.0, "slope": 2.0}


@pytest.mark.parametrize("algorithm", ["optuna", "sobol", "optuna\n  options: {sampler: cmaes}"])
def test_at_one_slot_a_stopped_search_with_queued_sets_goes_on_as_if_never_stopped(
    algorithm: str, tmp_path: Path
) -> None:
    answers = []
    for name in ("calm", "stopped"):
        made = line_project(tmp_path / name, trials=12, extra=f"  algorithm: {algorithm}")
        hold = held(made, after=10_000)
        assert made.mops("run", "--spec", "adaptive.yaml", "--workers", "1", "--trials", "12").code == 0
        enqueue(made)
        assert made.mops("extend", "line", "--trials", "24").code == 0
        if name == "stopped":
            hold.after(hold.simulations + 8)
            process = made.start("run", "--spec", "adaptive.yaml", "--workers", "1")
            hold.wait_until_reached()
            # The next simulation may begin before the last result is written.
            assert eventually(lambda made=made: sum(t.status.is_final for t in search_trials(made)) == 14)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            hold.lift()
        assert made.mops("run", "--spec", "adaptive.yaml", "--workers", "1").code == 0
        assert_whole(str(made.ledger), "line", trials=24)
        answers.append(answer_of(str(made.ledger), "line"))
    assert answers[0] == answers[1]


def test_a_design_makes_all_its_points_beside_queued_sets(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=12, extra="  algorithm: grid\n  options: {levels: 3}")
    assert made.mops("run", "--spec", "adaptive.yaml").code == 0
    assert len(search_trials(made)) == 9, "the grid is used up before the budget"
    enqueue(made)
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 0, ended.err
    found = search_trials(made)
    assert [t.origin for t in found] == ["ask"] * 9 + ["guess"] * 2
    assert_whole(str(made.ledger), "line", trials=11)


@pytest.mark.parametrize(
    ("text", "place", "gist"),
    [
        ("slope: 1\nhieght: 2\nheight: 1\n", "2:1", "did you mean height?"),
        ("slope: 1\n", "1:1", "no value for height"),
        ("- {slope: 1, height: 2}\n- {slope: 9, height: 2}\n", "2:11", "give a number from 0 to 5"),
        ("slope: [\n", "2:1", "not YAML"),
    ],
)
def test_a_mistake_in_a_set_is_one_line_with_its_place_and_nothing_is_queued(
    text: str, place: str, gist: str, finished: Project
) -> None:
    (finished.root / "guess.yaml").write_text(text)
    ended = finished.mops("enqueue", "line", "guess.yaml")
    assert ended.code == 2
    (line,) = ended.err.splitlines()
    assert f"guess.yaml:{place}: " in line
    assert gist in line
    assert status(finished)["queued"] == 0


PAUSED = "paused; `mops resume line` goes on\n"


def wait_until_paused(process: subprocess.Popen[str]) -> None:
    """Until the run says that it has seen it."""
    assert process.stderr is not None
    while (said := process.stderr.readline()) != PAUSED:
        assert said, "it ended"


def test_a_paused_run_finishes_what_is_under_way_waits_and_goes_on(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=30)
    hold = held(made, after=20)
    process = made.start("run", "--spec", "adaptive.yaml", "--workers", "2")
    hold.wait_until_reached()
    paused = made.mops("pause", "line")
    assert paused.code == 0, paused.err
    wait_until_paused(process)
    begun = len(search_trials(made))
    assert begun < 30
    hold.lift()
    assert eventually(lambda: all(t.status.is_final for t in search_trials(made)), every_s=0.1)
    time.sleep(1.0)
    assert len(search_trials(made)) == begun
    assert process.poll() is None
    assert status(made)["paused"] is True
    assert made.mops("status", "line").out.startswith("line: paused; `mops resume line` goes on\n")
    resumed = made.mops("resume", "line")
    assert resumed.code == 0, resumed.err
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert PAUSED not in err, "said once"
    assert_whole(str(made.ledger), "line", trials=30)
    assert status(made)["paused"] is False


def test_a_run_that_is_started_paused_says_so_waits_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=30)
    hold = held(made, after=20)
    process = made.start("run", "--spec", "adaptive.yaml", "--workers", "2")
    hold.wait_until_reached()
    process.send_signal(signal.SIGINT)
    hold.lift()
    process.communicate(timeout=PATIENCE_S)
    assert made.mops("pause", "line").code == 0
    before = len(search_trials(made))
    process = made.start("run", "--spec", "adaptive.yaml", "--workers", "2")
    assert process.stderr is not None
    assert "found in the ledger" in process.stderr.readline()
    assert process.stderr.readline() == PAUSED
    time.sleep(1.0)
    assert len(search_trials(made)) == before
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert "goes on from here" in err
    assert made.mops("resume", "line").code == 0
    assert made.mops("run", "--spec", "adaptive.yaml", "--workers", "2").code == 0
    assert_whole(str(made.ledger), "line", trials=30)


def test_time_spent_paused_is_none_of_the_time_that_a_stop_rule_counts(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=10, extra="  stop: {time: 30s}")
    hold = held(made, after=BEFORE_THE_LEDGER + 4)
    process = made.start("run", "--spec", "adaptive.yaml", "--workers", "2")
    hold.wait_until_reached()
    assert made.mops("pause", "line").code == 0
    wait_until_paused(process)
    hold.lift()
    time.sleep(31.0)
    assert made.mops("resume", "line").code == 0
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert "time limit" not in out
    assert_whole(str(made.ledger), "line", trials=10)


def test_what_cannot_be_paused_is_one_line_and_2(finished: Project) -> None:
    for arguments in (("pause", "line"), ("pause", "nobody"), ("resume", "nobody"), ("enqueue", "nobody", "x.yaml")):
        ended = finished.mops(*arguments)
        assert ended.code == 2, ended
        assert len(ended.err.splitlines()) == 1
    assert "nothing to pause" in finished.mops("pause", "line").err
    assert "was not paused" in finished.mops("resume", "line").out
