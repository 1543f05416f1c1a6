"""An export is opened by the programs it is for."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import optuna
import optuna_dashboard
import pandas
import polars
import pytest
from optuna.trial import TrialState

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, ParameterSpace, RealParameter
from modelops_runtime.ledger.base import Ledger, RunState
from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.results.export import CSV_FILES, FILES, STUDY_FILES, export_run
from modelops_runtime.specs.space import written_space
from tests.unit.inference.runs import IN_BED, Planned, Story, a_run, boarding_school, completed, failed

SPACE = ParameterSpace(
    (
        RealParameter(name="beta", low=0.5, high=5.0, scale="log"),
        IntegerParameter(name="count", low=1, high=100, scale="log"),
        IntegerParameter(name="delay", low=0, high=11, step=2),
        ChoiceParameter(name="kind", choices=("gamma", True, 2)),
        RealParameter(name="share", low=0.01, high=0.9, scale="logit"),
    )
)


def point(beta: float, **changes: Any) -> dict[str, Any]:
    return {"beta": beta, "count": 7, "delay": 10, "kind": True, "share": 0.25, "population": 763, **changes}


def mixed() -> Story:
    """One trial of each fate."""
    trials = (
        completed(0, point(1.0), [IN_BED] * 3, 10.0),
        completed(1, point(2.0, kind="gamma", count=100), [IN_BED] * 2, 30.0, stopped_early=True, loss_se=None),
        failed(2, point(3.0), error="ValueError: no"),
        failed(3, point(4.0), kind="TIMEOUT", error="longer than 2 s"),
        completed(4, point(5, kind=2), [IN_BED] * 3, 12.0),
        Planned(params=point(0.5), end=None),
        Planned(params=None, end=None),
    )
    confirms = {n: completed(n, point(b), [IN_BED] * 5, c, first=2**32) for n, b, c in ((0, 1.0, 20.0), (4, 5, 15.0))}
    return Story(run=a_run(space=written_space(SPACE), trials=9), trials=trials, confirms=confirms)


@pytest.fixture
def export(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    ledger = open_ledger(str(tmp_path / "ledger.sqlite"))

    def made(story: Story, **how: Any) -> Path:
        story.tell(ledger)
        export_run(ledger, story.run.run_id, tmp_path / "out", **how)
        return tmp_path / "out"

    yield made
    ledger.close()


@pytest.fixture
def study_file(export: Callable[..., Path]) -> Path:
    return export(mixed(), format="optuna") / "study.db"


def study_of(file: Path) -> optuna.Study:
    return optuna.load_study(study_name="boarding-school", storage=f"sqlite:///{file}")


class TestParquet:
    def test_pandas_polars_and_duckdb_read_the_same_table(self, export: Callable[..., Path]):
        to = export(boarding_school(30))
        for name, rows in (("trials", 30), ("replicates", None), ("fit", None)):
            frames = [
                pandas.read_parquet(to / f"{name}.parquet"),
                polars.read_parquet(to / f"{name}.parquet").to_pandas(),
                duckdb.sql(f"SELECT * FROM '{to / name}.parquet'").df(),
            ]
            assert len({tuple(frame.columns) for frame in frames}) == 1
            assert len({len(frame) for frame in frames}) == 1
            assert rows in (None, len(frames[0]))
            for column in ("trial", "loss", "simulated", "seed", "param.beta"):
                if column in frames[0]:
                    values = [frame[column].astype(float).tolist() for frame in frames]
                    assert repr(values[0]) == repr(values[1]) == repr(values[2])


class TestCsv:
    def test_it_holds_the_tables_of_the_parquet_files(self, export: Callable[..., Path], tmp_path: Path):
        to = export(boarding_school(30), format="csv")
        assert {path.name for path in to.iterdir()} == {*CSV_FILES, ".mops-results"}
        ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
        export_run(ledger, "boarding-school", tmp_path / "parquet")
        ledger.close()
        for name, dates in (("trials", ["started"]), ("replicates", []), ("fit", ["date"])):
            wanted = pandas.read_parquet(tmp_path / "parquet" / f"{name}.parquet")
            found = pandas.read_csv(to / f"{name}.csv", parse_dates=dates, dtype={"seed": "uint64"})
            assert list(found.columns) == list(wanted.columns)
            for column in wanted.columns:
                if column in dates:
                    assert found[column].astype(str).tolist() == pandas.to_datetime(wanted[column]).astype(str).tolist()
                elif pandas.api.types.is_numeric_dtype(wanted[column]):
                    pandas.testing.assert_series_equal(
                        found[column], wanted[column], check_dtype=False, check_exact=True
                    )
                else:
                    assert found[column].fillna("").tolist() == wanted[column].fillna("").tolist()
        assert json.loads((to / "run.json").read_text())["run_id"] == "boarding-school"

    def test_text_with_commas_quotes_and_line_ends_comes_back(self, export: Callable[..., Path]):
        error = 'ValueError: "no", said\nthe model; =1+1'
        story = Story(run=a_run(), trials=(failed(0, {"beta": 1.0}, error=error),))
        frame = pandas.read_csv(export(story, format="csv") / "trials.csv")
        assert frame["error"].tolist() == [error]


class TestOptunaStudy:
    def test_trials_have_their_numbers_states_values_and_parameters(self, study_file: Path):
        study = study_of(study_file)
        assert study.direction is optuna.study.StudyDirection.MINIMIZE
        assert [(t.number, t.state, t.value) for t in study.trials] == [
            (0, TrialState.COMPLETE, 10.0),
            (1, TrialState.PRUNED, 30.0),
            (2, TrialState.FAIL, None),
            (3, TrialState.FAIL, None),
            (4, TrialState.COMPLETE, 12.0),
            (5, TrialState.RUNNING, None),
            (6, TrialState.RUNNING, None),
        ]
        assert study.trials[0].params == {"beta": 1.0, "count": 7, "delay": 10, "kind": True, "share": 0.25}
        assert [study.trials[n].params["kind"] for n in (0, 1, 4)] == [True, "gamma", 2]
        assert type(study.trials[4].params["beta"]) is float
        assert study.best_trial.number == 0
        assert study.trials[6].params == {}

    def test_distributions_are_the_runs_space(self, study_file: Path):
        assert study_of(study_file).trials[0].distributions == {
            "beta": optuna.distributions.FloatDistribution(0.5, 5.0, log=True),
            "count": optuna.distributions.IntDistribution(1, 100, log=True),
            "delay": optuna.distributions.IntDistribution(0, 10, step=2),
            "kind": optuna.distributions.CategoricalDistribution(("gamma", True, 2)),
            "share": optuna.distributions.FloatDistribution(0.01, 0.9),
        }

    def test_what_optuna_has_no_place_for_is_in_user_attributes(self, study_file: Path):
        study = study_of(study_file)
        confirmed = {
            "confirmed_loss": 20.0,
            "confirmed_loss_se": 1.5,
            "confirmed_loss_bias": 0.0,
            "confirmed_replicates": 5,
        }
        assert study.trials[0].user_attrs == {
            "loss_se": 1.5,
            "loss_bias": 0.0,
            "replicates": 3,
            "seconds": 0.03,
            **confirmed,
        }
        assert study.trials[1].user_attrs == {"loss_bias": 0.0, "replicates": 2, "stopped_early": True, "seconds": 0.02}
        assert study.trials[1].intermediate_values == {2: 30.0}
        assert study.trials[3].user_attrs == {"failure": "TIMEOUT", "error": "longer than 2 s", "seconds": 0.5}
        assert study.user_attrs["best_trial"] == 4, "by the confirmed loss"
        assert study.user_attrs["fixed"] == {"population": 763}

    def test_times_are_those_of_the_ledger_in_utc(self, study_file: Path):
        first = study_of(study_file).trials[0]
        assert first.datetime_start is not None
        assert first.datetime_complete is not None
        assert first.datetime_start <= first.datetime_complete
        age = datetime.now(UTC).replace(tzinfo=None) - first.datetime_complete
        assert 0 <= age.total_seconds() < 300

    def test_optunas_plots_draw_it(self, export: Callable[..., Path]):
        study = study_of(export(boarding_school(30), format="optuna") / "study.db")
        for draw in (
            optuna.visualization.plot_optimization_history,
            optuna.visualization.plot_parallel_coordinate,
            optuna.visualization.plot_slice,
            optuna.visualization.plot_contour,
            optuna.visualization.plot_intermediate_values,
            optuna.visualization.plot_timeline,
        ):
            assert len(draw(study).data) > 0  # type: ignore[arg-type]

    def test_a_study_can_be_gone_on_with_in_optuna(self, export: Callable[..., Path]):
        study = study_of(export(boarding_school(12), format="optuna") / "study.db")
        beta = study.trials[0].distributions["beta"]
        trial = study.ask({"beta": beta})
        study.tell(trial, 1.0)
        assert study.best_trial.number == 12

    def test_optunas_dashboard_shows_it(self, study_file: Path):
        app = optuna_dashboard.wsgi(f"sqlite:///{study_file}")
        answers: list[str] = []
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/api/studies",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "HTTP_HOST": "localhost",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
        }
        body = b"".join(app(environ, lambda status, headers, *_: answers.append(status)))  # type: ignore[arg-type]
        assert answers == ["200 OK"]
        (summary,) = json.loads(body)["study_summaries"]
        assert summary["study_name"] == "boarding-school"

    def test_it_is_one_whole_file_and_an_older_one_is_replaced(self, export: Callable[..., Path]):
        story = boarding_school(5)
        to = export(story, format="optuna")
        assert {path.name for path in to.iterdir()} == {*STUDY_FILES, ".mops-results"}
        assert sqlite3.connect(to / "study.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)
        export(replace(boarding_school(6), run=replace(story.run, run_id="other", trials=6)), format="optuna")
        names = [s.study_name for s in optuna.get_all_study_summaries(f"sqlite:///{to / 'study.db'}")]
        assert names == ["other"]

    def test_a_run_that_does_not_say_its_space_is_one_line_and_nothing_is_written(self, tmp_path: Path):
        ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
        ledger.create_run(a_run(spec={"parameters": {"beta": {"max": 5.0}}}))
        with pytest.raises(LedgerError, match="beta has no min"):
            export_run(ledger, "boarding-school", tmp_path / "out", format="optuna")
        ledger.close()
        assert [path.name for path in (tmp_path / "out").iterdir()] == [".mops-results"]

    def test_a_run_without_a_trial_is_an_empty_study(self, export: Callable[..., Path]):
        assert study_of(export(Story(run=a_run()), format="optuna") / "study.db").trials == []


def test_an_export_says_nothing_on_stderr(export: Callable[..., Path], capfd: pytest.CaptureFixture[str]):
    export(boarding_school(3), format="optuna")
    assert capfd.readouterr().err == ""


def test_the_default_is_parquet(tmp_path: Path):
    ledger: Ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
    Story(run=a_run(state=RunState.COMPLETED)).tell(ledger)
    assert [path.name for path in export_run(ledger, "boarding-school", tmp_path / "out")] == list(FILES)
    ledger.close()
