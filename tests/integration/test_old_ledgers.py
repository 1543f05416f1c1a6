"""Runs of every schema that there ever was go on: what was finished is read, what was left half-way comes to the same answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from modelops_runtime.ledger.base import Trial
from modelops_runtime.ledger.sql import schema_steps
from modelops_runtime.statistics.effective_sample_size import LEAST
from tests.support.ledgers import read
from tests.support.projects import Project
from tests.support.stored_ledgers import NEWEST, QUEUED, STORED, VERSIONS, restore, stored_project

RUN = ("run", "--spec", "adaptive.yaml", "--workers", "1", "--json")


def test_there_is_a_stored_ledger_of_each_schema() -> None:
    assert list(range(1, NEWEST + 1)) == VERSIONS, "python -m tests.support.stored_ledgers makes the newest"
    for version in VERSIONS:
        dump = (STORED / f"version_{version}.sql").read_text(encoding="utf-8")
        found = re.search(r'INSERT INTO "schema_version" VALUES\((\d+),(\d+)\);', dump)
        assert found is not None
        stated = schema_steps("sqlite")[version - 1]
        assert (int(found[1]), int(found[2])) == (stated.version, stated.oldest_writer)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[Trial]]:
    """What this version makes of the project from the start."""
    made = stored_project(tmp_path_factory.mktemp("fresh") / "project")
    summary = run(made, "fresh", str(made.ledger))
    return summary, read(str(made.ledger), "fresh")[0]


@pytest.fixture(params=["sqlite", "postgres"])
def stored(request: pytest.FixtureRequest, tmp_path: Path, version: int) -> tuple[Project, str]:
    """The project and the URL of a ledger of `version`."""
    made = stored_project(tmp_path / "project")
    url = str(made.ledger) if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    restore(version, url)
    return made, url


def run(made: Project, run_id: str, url: str) -> dict[str, Any]:
    """`mops run`, and the answer it gives."""
    ended = made.mops(*RUN, "--run-id", run_id, "--ledger", url)
    assert ended.code == 0, ended.err
    last = json.loads(ended.out.splitlines()[-1])
    assert last["state"] == "COMPLETED", last
    return last["summary"]


def losses(trials: list[Trial]) -> list[tuple[str, int, Any, float | None, int]]:
    return [(t.phase, t.number, t.params, t.loss, t.replicates) for t in trials]


ANSWER = ("best_trial", "params", "loss", "confirmed_loss", "confirmed_replicates")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_run_left_half_way_comes_to_the_answer_of_a_fresh_one(stored, fresh, version: int) -> None:
    made, url = stored
    before = read(url, "half-way")[0]
    assert not all(t.status.is_final for t in before), "a trial is under way"
    answer, trials = fresh
    summary = run(made, "half-way", url)
    assert {key: summary[key] for key in ANSWER} == {key: answer[key] for key in ANSWER}
    now = read(url, "half-way")[0]
    assert losses(now) == losses(trials)
    old = {(t.phase, t.number) for t in before if t.status.is_final}
    for trial in now:
        known = trial.effective_sample_size is not None
        assert known == ((trial.phase, trial.number) not in old or version >= 3)
        assert not known or trial.loss_se is None or trial.effective_sample_size >= LEAST


@pytest.mark.parametrize("version", VERSIONS)
def test_a_finished_run_stays_finished_and_is_shown_reported_and_exported(stored, fresh, version: int) -> None:
    made, url = stored
    again = made.mops("run", "--spec", "adaptive.yaml", "--run-id", "finished", "--ledger", url)
    assert again.code == 0, again.err
    assert again.out.startswith("finished: already finished")
    assert losses(read(url, "finished")[0]) == losses(fresh[1])
    for command in (("results", "show", "finished"), ("report", "finished"), ("status", "finished")):
        ended = made.mops(*command, "--ledger", url)
        assert ended.code == 0, (command, ended.err)
    ended = made.mops("results", "export", "finished", "--ledger", url, "--to", "out")
    assert ended.code == 0, ended.err
    table = parquet.read_table(made.root / "out" / "trials.parquet")
    (sizes,) = {value is None for value in table.column("effective_sample_size").to_pylist()}
    assert sizes == (version < 3)
    replayed = made.mops("replay", "finished", "2", "0", "--spec", "adaptive.yaml", "--ledger", url)
    assert (replayed.code, replayed.err) == (0, ""), "nothing of the spec counts as changed"


@pytest.mark.parametrize("version", [version for version in VERSIONS if version >= 2])
def test_a_set_that_was_queued_is_tried_once_the_pause_ends(stored, fresh, version: int) -> None:
    made, url = stored
    assert made.mops("resume", "queued", "--ledger", url).code == 0
    run(made, "queued", url)
    found = [t for t in read(url, "queued")[0] if t.phase == "search"]
    assert len(found) == 8
    given = [t.number for t in found if {key: (t.params or {})[key] for key in QUEUED} == QUEUED]
    assert given, "the queued set was tried"
    ours = losses([t for t in found if t.number < given[0]])
    assert ours == losses([t for t in fresh[1] if t.phase == "search" and t.number < given[0]])
