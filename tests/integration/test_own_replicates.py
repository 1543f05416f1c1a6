"""`replicates: {min, max}`: each trial's number is decided once, kept with it, and the same for whoever goes on with the run."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.ledgers import copied, read
from tests.support.projects import Project, line_spec, project


def line(root: Path, *, trials: int = 30) -> Project:
    spec = line_spec(trials=trials, replicates=3, loss="{kind: normal, sigma: 0.5}")
    return project(root, spec=spec.replace("replicates: 3", "replicates: {min: 3, max: 12}"))


def ran(made: Project, *more: str) -> None:
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "1", *more)
    assert ended.code == 0, ended.err


def rows(url: Path) -> list[tuple[int, object, int | None, float | None, int]]:
    trials, _ = read(str(url), "line")
    return [(t.number, t.params, t.wanted, t.loss, t.replicates) for t in trials if t.phase == "search"]


def test_each_set_gets_its_own_number_and_an_interrupted_run_the_same(tmp_path: Path) -> None:
    made = line(tmp_path / "line")
    ran(made)
    whole = rows(made.ledger)
    wanted = [row[2] for row in whole]
    assert set(wanted[:10]) == {3}
    assert all(number is not None and 3 <= number <= 12 for number in wanted)
    assert max(number or 0 for number in wanted) == 12
    for trial in read(str(made.ledger), "line")[0]:
        if trial.phase == "search":
            assert 3 <= trial.replicates <= (trial.wanted or 0)
            assert trial.stopped_early or trial.replicates == trial.wanted

    # As if its worker had died with the last trial's proposal written and nothing simulated of it.
    half = made.root / "half.sqlite"
    with copied(made.ledger, half) as copy:
        last = len(whole) - 1
        copy.execute(
            "UPDATE trial SET status = 'PENDING', loss = NULL, loss_se = NULL, replicates = 0, stopped_early = 0, worker = NULL,"
            " finished_at = NULL, finished_seq = NULL, changed_seq = proposed_seq, diagnostics = '{}'"
            " WHERE number = ? AND phase = 'search'",
            [last],
        )
        copy.execute("DELETE FROM replicate WHERE number = ? AND idx < 4294967296", [last])
        copy.execute("DELETE FROM trial WHERE phase = 'confirm'")
        copy.execute("DELETE FROM replicate WHERE idx >= 4294967296")
        copy.execute("UPDATE run_state SET state = 'OPEN', seq = (SELECT max(changed_seq) FROM trial)")
        copy.execute("UPDATE run SET summary = '{}'")
    ran(made, "--ledger", "half.sqlite")
    assert rows(half) == whole


def test_a_range_is_a_run_of_its_own_and_scored_again_with_each_trials_number(tmp_path: Path) -> None:
    made = line(tmp_path / "line", trials=16)
    ran(made)
    spec = made.root / "adaptive.yaml"
    text = spec.read_text()
    spec.write_text(text.replace("replicates: {min: 3, max: 12}", "replicates: 12"))
    assert made.mops("run", "--spec", "adaptive.yaml").code == 2, "another number of replicates is another run"
    spec.write_text(text.replace("sigma: 0.5", "sigma: 1.0"))
    again = made.mops("rescore", "line", "--spec", "adaptive.yaml", "--run-id", "again")
    assert again.code == 0, again.err
    old, new = (read(str(made.ledger), name)[0] for name in ("line", "again"))
    assert [t.wanted for t in old] == [t.wanted for t in new]


def test_a_range_the_wrong_way_round_is_refused_in_one_line(tmp_path: Path) -> None:
    made = line(tmp_path / "line")
    spec = made.root / "adaptive.yaml"
    spec.write_text(spec.read_text().replace("{min: 3, max: 12}", "{min: 30, max: 12}"))
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 2
    assert "min is 30, above max 12; min must not be above max" in ended.err
    assert json.dumps(ended.err).count("Traceback") == 0


def test_one_replicate_of_a_distance_is_refused_since_it_has_no_error(tmp_path: Path) -> None:
    made = line(tmp_path / "line")
    spec = made.root / "adaptive.yaml"
    text = spec.read_text().replace("{min: 3, max: 12}", "{min: 1, max: 12}")
    spec.write_text(text.replace("{kind: normal, sigma: 0.5}", "mean_signal"))
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 2
    assert "a distance of one replicate has no error" in ended.err
    assert "write 2 or more" in ended.err
    spec.write_text(text)
    assert made.mops("check", "--spec", "adaptive.yaml").code == 0
