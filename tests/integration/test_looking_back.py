"""`mops check`, `mops replay`, `mops rescore`: before a run, and long after it."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from modelops_runtime.evaluation.fit import stack
from modelops_runtime.ledger.opening import open_ledger
from tests.support.projects import Project, finished_line, line_project, line_spec


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return finished_line(tmp_path_factory.mktemp("finished") / "line")


def test_check_times_the_model_and_writes_nothing(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=100, replicates=4, sleep=0.05)
    before = sorted(path.name for path in made.root.iterdir())
    ended = made.mops("check", "--spec", "adaptive.yaml", "--workers", "2", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["observations"] == 5
    assert found["simulations"] == 100 * 4 + 2 * 4
    assert 0.05 < found["seconds"] < 60
    assert found["run_seconds"] == pytest.approx(408 * found["seconds"] / 2)
    assert found["loss"] > 0
    assert sorted(path.name for path in made.root.iterdir() if path.name != "__pycache__") == before
    assert "a run makes up to 408 simulations" in made.mops("check", "--spec", "adaptive.yaml").out


def test_check_says_how_a_model_fails(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line")
    (made.root / "model.py").write_text("def simulate(params, seed):\n    return params['nothing']\n")
    ended = made.mops("check", "--spec", "adaptive.yaml")
    assert ended.code == 1
    assert "failed: MODEL_ERROR: KeyError: 'nothing' (model.py:2)" in ended.out
    wrong = made.mops("check", "--spec", "nowhere.yaml")
    assert (wrong.code, len(wrong.err.splitlines())) == (2, 1)


def test_fifty_random_replicates_are_identical(finished: Project) -> None:
    ledger = open_ledger(str(finished.ledger), create=False)
    recorded = Counter(r.number for r in ledger.replicates("line"))
    ledger.close()
    identical = 0
    for trial in random.Random(50).sample(sorted(recorded), len(recorded)):
        ended = finished.mops("replay", "line", str(trial), "--json")
        assert ended.code == 0, ended.out + ended.err
        rows = [json.loads(line) for line in ended.out.splitlines()]
        assert [(row["trial"], row["identical"]) for row in rows] == [(trial, True)] * recorded[trial]
        identical += len(rows)
        if identical >= 50:
            break
    assert identical >= 50


def test_replay_tells_a_changed_model(finished: Project, tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=3, replicates=2)
    assert made.mops("run", "--spec", "adaptive.yaml").code == 0
    model = made.root / "model.py"
    model.write_text(model.read_text().replace('params["height"]', '2 * params["height"]'))
    ended = made.mops("replay", "line", "0", "0")
    assert ended.code == 1
    assert "not as it was in the run: file model.py" in ended.err
    assert "differs" in ended.out
    missing = made.mops("replay", "line", "0", "99")
    assert (missing.code, "trial 0 has no replicate 99; there are 0 to 1" in missing.err) == (2, True), missing.err


def test_rescore_needs_no_simulation_and_is_what_the_loss_says(finished: Project) -> None:
    (finished.root / "absolute.yaml").write_text(line_spec(name="absolute", loss="absolute", trials=30, replicates=4))
    model = finished.root / "model.py"
    source = model.read_text()
    ended = finished.mops("rescore", "line", "--spec", "absolute.yaml")
    assert ended.code == 0, ended.err
    assert "30 trials scored anew, none simulated" in ended.out
    ledger = open_ledger(str(finished.ledger), create=False)
    try:
        old, new = ledger.trials("line", phase="search"), ledger.trials("absolute", phase="search")
        assert [t.params for t in new] == [t.params for t in old]
        whole = next(t for t in new if not t.stopped_early)
        rows = [r for r in ledger.replicates("line", whole.number) if r.index < 2**32]
        values = stack([r.aligned for r in rows])
        observed = np.array([1.0, 3.0, 5.0, 7.0, 9.0])
        assert whole.loss == pytest.approx(np.abs(values.mean(axis=0) - observed).mean())
        assert {t.number for t in ledger.trials("absolute", phase="confirm")} == {
            t.number for t in ledger.trials("line", phase="confirm")
        }
        again = ledger.get_run("absolute")
        assert again is not None
        assert again.summary["simulations"] == 0
    finally:
        ledger.close()
    assert model.read_text() == source
    assert finished.mops("status", "absolute").code == 0
    assert finished.mops("rescore", "line", "--spec", "absolute.yaml").code == 2, "that run is there already"


@pytest.fixture(scope="module")
def half_failed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A run in which some sets fail, with the same run scored anew as `again`."""
    made = line_project(tmp_path_factory.mktemp("failing") / "line", trials=20, replicates=3)
    model = made.root / "model.py"
    broken = 'rng = np.random.default_rng(seed)\n    if params["height"] > 3:\n        raise ValueError("too high")'
    model.write_text(model.read_text().replace("rng = np.random.default_rng(seed)", broken))
    assert made.mops("run", "--spec", "adaptive.yaml").code == 0
    (made.root / "again.yaml").write_text(line_spec(name="again", loss="absolute", trials=20, replicates=3))
    ended = made.mops("rescore", "line", "--spec", "again.yaml")
    assert ended.code == 0, ended.err
    return made


def test_a_rescored_run_has_the_summary_of_any_run(half_failed: Project) -> None:
    ledger = open_ledger(str(half_failed.ledger), create=False)
    try:
        searched, rescored = ledger.get_run("line"), ledger.get_run("again")
        assert searched is not None
        assert rescored is not None
        assert list(rescored.summary) == list(searched.summary)
        assert list(rescored.summary["params"]) == list(searched.summary["params"]) == ["slope", "height", "sleep"]
        assert rescored.summary["failed"] > 0
        assert "ValueError: too high" in rescored.summary["commonest_error"]
    finally:
        ledger.close()


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--spec", "again.yaml"),
        ("run", "--spec", "again.yaml", "--json"),
        ("results", "show", "again"),
        ("results", "ls"),
        ("results", "export", "again", "--to", "out"),
        ("status", "again"),
        ("report", "again"),
    ],
    ids=" ".join,
)
def test_each_command_takes_a_rescored_run(half_failed: Project, command: tuple[str, ...]) -> None:
    ended = half_failed.mops(*command)
    assert (ended.code, "Traceback" in ended.err) == (0, False), ended.err
    if command == ("run", "--spec", "again.yaml"):
        assert "trials failed; the commonest (" in ended.out
        assert "already finished" in ended.out


def test_rescore_refuses_another_match(finished: Project) -> None:
    other = line_spec(name="other", loss="absolute").replace("match: {exact: t}", "match: {asof: t, tolerance: 1}")
    (finished.root / "other.yaml").write_text(other)
    ended = finished.mops("rescore", "line", "--spec", "other.yaml")
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert "matched in another way" in ended.err


@pytest.mark.parametrize("written", ['"line"', "'line'", "line  # the run's"])
def test_replay_finds_the_spec_however_its_name_is_written(written: str, tmp_path: Path) -> None:
    """Beside specs of other runs, one of whose names begins alike, and files that are no specs."""
    made = line_project(tmp_path / "line", trials=3)
    spec = (made.root / "adaptive.yaml").read_text()
    (made.root / "mine.yaml").write_text(spec.replace("name: line", f"name: {written}"))
    assert made.mops("run", "--spec", "mine.yaml").code == 0
    (made.root / "adaptive.yaml").unlink()
    (made.root / "other.yaml").write_text(spec.replace("name: line", "name: line-other"))
    (made.root / "broken.yaml").write_text("name: [line\n")
    (made.root / "binary.yml").write_bytes(b"\xff\xfe")
    ended = made.mops("replay", "line", "0", "1")
    assert ended.code == 0, ended.err
    assert "1 of 1 identical" in ended.out
