"""Several `mops run` of one spec at once, on one ledger: they share the work and make exactly n trials."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelops_runtime.ledger.base import Run
from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.ledger.sql_ledger import SqlLedger
from modelops_runtime.runner.request import RunRequest
from modelops_runtime.runner.run import run_spec
from modelops_runtime.runner.signals import StopRequest
from modelops_runtime.specs.loading import load_spec
from tests.support.holding import held
from tests.support.ledgers import assert_whole, read
from tests.support.patience import PATIENCE_S
from tests.support.projects import line_project


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_four_runs_at_once_make_exactly_n_trials(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = str(tmp_path / "ledger.sqlite") if store == "sqlite" else request.getfixturevalue("postgres_url")
    made = line_project(tmp_path / "shared", trials=50, replicates=4)
    hold = held(made, after=0)
    workers = [
        made.start("run", "--spec", "adaptive.yaml", "--ledger", url, "--workers", "1", "--quiet") for _ in range(4)
    ]
    hold.wait_until_reached(waiting=4)
    hold.lift()
    ended = [(worker.communicate(timeout=PATIENCE_S), worker.returncode) for worker in workers]
    assert [code for _, code in ended] == [0, 0, 0, 0], ended
    assert_whole(url, "line", trials=50)
    trials, _ = read(url, "line")
    assert len({trial.worker for trial in trials}) == 4
    answers = {text.split("report:")[0].split("trials,")[0].rsplit("\n", 1)[0] for (text, _), _ in ended}
    assert len(answers) == 1, "each worker reports the same answer"


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_a_larger_budget_is_raised_by_whichever_worker_comes_first(
    store: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = str(tmp_path / "ledger.sqlite") if store == "sqlite" else request.getfixturevalue("postgres_url")
    made = line_project(tmp_path / "shared", trials=4, replicates=2)
    loaded = load_spec(made.root / "adaptive.yaml")

    def work(trials: int) -> int:
        asked = RunRequest(loaded=loaded, run_id="line", ledger_url=url, trials=trials)
        return run_spec(asked, on_event=lambda _: None, stop=StopRequest()).trials_made

    assert work(4) == 4
    extend = SqlLedger.extend

    def after_another(self: SqlLedger, run_id: str, trials: int) -> Run:
        """Both workers have read the budget; the other one has raised it by the time that this one does."""
        other = open_ledger(url)
        other.get_run(run_id)
        extend(other, run_id, trials)  # type: ignore[arg-type]
        other.close()
        return extend(self, run_id, trials)

    monkeypatch.setattr(SqlLedger, "extend", after_another)
    assert work(6) == 2
    assert_whole(url, "line", trials=6)
