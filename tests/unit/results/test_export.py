from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pandas
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.evaluation.plan import plan_targets
from modelops_runtime.inference.targets import targets_of
from modelops_runtime.ledger.base import Ledger
from modelops_runtime.ledger.opening import open_ledger, run_in
from modelops_runtime.results.export import FILES, export_run
from modelops_runtime.results.run_record import run_of_json
from modelops_runtime.specs.targets import TargetSpec
from tests.unit.inference.runs import (
    FRESH,
    IN_BED,
    Planned,
    Story,
    a_run,
    boarding_school,
    completed,
    failed,
    observations,
    replicate,
)

ISSUE_COLUMNS = [
    "trial", "param_id", "status", "loss", "loss_se", "confirmed_loss", "replicates", "worker", "started", "seconds", "error",
]  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path):
    ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
    yield ledger
    ledger.close()


def exported(ledger: Ledger, story: Story, to: Path) -> Path:
    story.tell(ledger)
    assert export_run(ledger, story.run.run_id, to) == [to / name for name in FILES]
    return to


def test_trials_have_the_promised_columns_in_order_and_a_row_each(ledger, tmp_path):
    story = boarding_school(30)
    to = exported(ledger, story, tmp_path / "out")
    frame = pandas.read_parquet(to / "trials.parquet")
    assert list(frame.columns[:11]) == ISSUE_COLUMNS
    assert list(frame.columns[-3:]) == ["param.beta", "param.gamma", "param.population"]
    assert frame["trial"].tolist() == list(range(30))
    assert str(frame["param.population"].dtype) == "int64"
    assert frame["error"].tolist()[7] == "ValueError: probability above 1 (model.py:12)"
    assert frame["confirmed_loss"].dropna().size == 3
    assert str(frame["started"].dt.tz) == "UTC"


def test_confirmed_loss_is_the_confirm_rows_own(ledger, tmp_path):
    story = boarding_school(30)
    to = exported(ledger, story, tmp_path / "out")
    frame = polars.read_parquet(to / "trials.parquet").filter(polars.col("confirmed_loss").is_not_null())
    assert dict(zip(frame["trial"], frame["confirmed_loss"], strict=True)) == {
        number: planned.end.loss for number, planned in story.confirms.items() if planned.end
    }


@pytest.mark.parametrize("read", [pandas.read_parquet, polars.read_parquet])
def test_seeds_of_64_bits_come_back_exactly(ledger, tmp_path, read):
    seeds = (0, 2**63, 2**64 - 1)
    rows = tuple(replicate(0, i, IN_BED, seed=seed) for i, seed in enumerate(seeds))
    story = Story(run=a_run(), trials=(replace(completed(0, {"beta": 1.0}, [], 1.0), rows=rows),))
    to = exported(ledger, story, tmp_path / "out")
    assert tuple(int(seed) for seed in read(to / "replicates.parquet")["seed"]) == seeds


def test_every_simulation_is_a_row_with_its_phase(ledger, tmp_path):
    story = boarding_school(30)
    to = exported(ledger, story, tmp_path / "out")
    frame = polars.read_parquet(to / "replicates.parquet")
    assert frame.columns == ["trial", "replicate", "seed", "phase", "status", "seconds", "attempt", "error"]
    assert len(frame) == len(story.rows()[1])
    assert (frame["phase"] == "confirm").sum() == 150
    assert frame.filter(polars.col("phase") == "confirm")["replicate"].min() == FRESH
    assert frame.filter(polars.col("status") == "FAILED")["trial"].to_list() == [7]


def test_the_fit_has_each_observation_of_each_completed_simulation(ledger, tmp_path):
    story = boarding_school(20)
    to = exported(ledger, story, tmp_path / "out")
    frame = polars.read_parquet(to / "fit.parquet")
    assert frame.columns == ["trial", "replicate", "target", "date", "observed", "simulated", "phase"]
    assert frame.schema["date"] == polars.Date
    one = frame.filter((polars.col("trial") == 0) & (polars.col("replicate") == 0))
    assert one["observed"].to_list() == [float(v) for v in IN_BED]
    assert one["date"][0] == date(1978, 1, 22)
    simulated = story.trials[0].rows[0].aligned
    assert one["simulated"].to_numpy().tobytes() == simulated
    completed_rows = sum(r.status == "COMPLETED" for r in story.rows()[1])
    assert len(frame) == completed_rows * len(IN_BED)


def test_the_fit_of_planned_targets_keeps_times_and_groups(ledger, tmp_path):
    spec = TargetSpec.model_validate(
        {"observed": "cases.csv", "match": {"exact": "at", "by": ["ward"]}, "value": "cases", "loss": "poisson"}
    )
    data = pa.table(
        {
            "at": [datetime(2020, 3, 1, 8), datetime(2020, 3, 1, 20), datetime(2020, 3, 2, 8)],
            "ward": ["a", "b", "a"],
            "cases": [4.0, None, 6.0],
        }
    )
    plan = plan_targets({"cases": spec}, {"cases": data}, root=tmp_path)
    written = {"parameters": {}, "targets": {"cases": spec.model_dump(mode="json", by_alias=True)}}
    run = a_run(observations=plan.observations().as_json(), spec=written)
    story = Story(run=run, trials=(completed(0, {"beta": 1.0}, [[5.0, 7.0]], 1.0),))
    frame = polars.read_parquet(exported(ledger, story, tmp_path / "out") / "fit.parquet")
    assert frame.rows() == [
        (0, 0, "cases", datetime(2020, 3, 1, 8), "a", 4.0, 5.0, "search"),
        (0, 0, "cases", datetime(2020, 3, 2, 8), "a", 6.0, 7.0, "search"),
    ]
    (target,) = targets_of(run)
    assert (target.on, target.by, target.left_out) == ("at", ("ward",), 1)
    assert target.keys["at"] == [datetime(2020, 3, 1, 8), datetime(2020, 3, 2, 8)]


def test_key_columns_of_several_targets_are_unioned_and_keep_their_types(ledger, tmp_path):
    run = a_run(
        observations={
            "cases": observations([1, 2], {"day": [0, 1], "region": ["north", "south"]}),
            "deaths": observations([3.5], {"week": [2.5], "trial": ["arm b"]}, start=2),
        }
    )
    story = Story(run=run, trials=(completed(0, {"beta": 1.0}, [[1.0, float("nan"), 3.0]], 1.0),))
    frame = polars.read_parquet(exported(ledger, story, tmp_path / "out") / "fit.parquet")
    assert frame.rows() == [
        (0, 0, "cases", 0, "north", None, None, 1.0, 1.0, "search"),
        (0, 0, "cases", 1, "south", None, None, 2.0, None, "search"),
        (0, 0, "deaths", None, None, 2.5, "arm b", 3.5, 3.0, "search"),
    ]
    assert frame.columns[3:7] == ["day", "region", "week", "key.trial"]
    assert frame.schema["day"] == polars.Int64


def test_parameters_of_one_kind_keep_it_and_mixed_ones_become_text(ledger, tmp_path):
    sets = [{"a": 1, "b": True, "c": "x", "d": 1, "e": 1}, {"a": 2, "b": False, "c": "y", "d": 0.5, "e": "one"}]
    planned = tuple(completed(n, params, [IN_BED], 1.0 + n) for n, params in enumerate(sets))
    frame = polars.read_parquet(
        exported(ledger, Story(run=a_run(), trials=planned), tmp_path / "out") / "trials.parquet"
    )
    assert frame["param.a"].to_list() == [1, 2]
    assert frame["param.b"].to_list() == [True, False]
    assert frame["param.c"].to_list() == ["x", "y"]
    assert frame["param.d"].to_list() == [1.0, 0.5]
    assert frame["param.e"].to_list() == ["1", "one"]


def test_a_run_in_progress_is_exported_with_nulls(ledger, tmp_path):
    trials = (
        completed(0, {"beta": 1.0}, [IN_BED], 4.0),
        Planned(params={"beta": 2.0}, end=None, rows=(replicate(1, 0, IN_BED),)),
        Planned(params=None, end=None),
    )
    to = exported(ledger, Story(run=a_run(), trials=trials), tmp_path / "out")
    frame = polars.read_parquet(to / "trials.parquet")
    assert frame["status"].to_list() == ["COMPLETED", "LEASED", "LEASED"]
    assert frame["loss"].to_list() == [4.0, None, None]
    assert frame["param.beta"].to_list() == [1.0, 2.0, None]
    assert polars.read_parquet(to / "replicates.parquet").height == 2
    assert json.loads((to / "run.json").read_text())["state"] == "OPEN"


def test_a_run_without_any_trial_gives_empty_tables(ledger, tmp_path):
    to = exported(ledger, Story(run=a_run(observations={})), tmp_path / "out")
    assert [polars.read_parquet(to / name).height for name in FILES[:3]] == [0, 0, 0]


def test_failed_trials_leave_no_fit(ledger, tmp_path):
    to = exported(ledger, Story(run=a_run(), trials=(failed(0, {"beta": 1.0}),)), tmp_path / "out")
    assert polars.read_parquet(to / "fit.parquet").height == 0
    assert polars.read_parquet(to / "replicates.parquet")["error"].to_list() == ["it broke"]


def test_run_json_says_what_the_run_was(ledger, tmp_path):
    to = exported(ledger, boarding_school(20), tmp_path / "out")
    record = json.loads((to / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "COMPLETED"
    assert record["identity"] == "5d" * 32
    assert record["spec"]["name"] == "boarding-school"
    assert record["provenance"]["packages"] == {"numpy": "2.1.0"}
    assert set(record["versions"]) == {"modelops", "python", "pyarrow"}
    assert record["summary"]["derived"]["R0"] > 0
    assert record["times"]["finished"] is not None


def test_a_run_comes_back_from_its_run_json(ledger, tmp_path):
    story = boarding_school(30)
    to = exported(ledger, story, tmp_path / "out")
    kept = run_in(ledger, story.run.run_id)
    found = run_of_json((to / "run.json").read_text())
    assert (found.state, found.reason, found.summary) == (kept.state, kept.reason, kept.summary)
    assert (found.trials, found.identity_parts, found.spec) == (kept.trials, kept.identity_parts, kept.spec)


def test_an_export_that_breaks_off_leaves_the_old_files_and_no_others(ledger, tmp_path):
    to = exported(ledger, boarding_school(12), tmp_path / "out")
    before = {path.name: path.read_bytes() for path in to.iterdir()}
    unwritable = replace(completed(0, {"beta": 1.0}, [], 1.0), rows=(replicate(0, 0, IN_BED, seed=2**64),))
    Story(run=a_run("other"), trials=(unwritable,)).tell(ledger)
    with pytest.raises(LedgerError, match="column seed holds"):
        export_run(ledger, "other", to)
    assert {path.name: path.read_bytes() for path in to.iterdir()} == before


def test_a_run_that_is_not_there_is_an_error_and_makes_no_folder(ledger, tmp_path):
    with pytest.raises(LedgerError, match="no run 'nobody'"):
        export_run(ledger, "nobody", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_memory_does_not_grow_with_the_number_of_replicates(ledger, tmp_path):
    sizes = []
    for count in (1_000, 4_000):
        rows = [replicate(n, i, [float(n)] * 50) for n in range(count // 10) for i in range(10)]
        planned = tuple(
            replace(completed(n, {"beta": 1.0 + n}, [], 1.0), rows=tuple(rows[10 * n : 10 * n + 10]))
            for n in range(count // 10)
        )
        run = a_run(
            f"run-{count}", trials=count // 10, observations={"y": observations([1.0] * 50, {"t": list(range(50))})}
        )
        Story(run=run, trials=planned).tell(ledger)
        tracemalloc.start()
        export_run(ledger, run.run_id, tmp_path / str(count))
        sizes.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert pq.read_metadata(tmp_path / str(count) / "fit.parquet").num_rows == count * 50
    assert sizes[1] < 30_000_000
