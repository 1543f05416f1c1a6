"""`mops selftest`: tells a parameter that the data identify from one that they do not; goes on after Ctrl-C."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from modelops_runtime.api.selftest import selftest
from modelops_runtime.contracts.errors import RunFailed
from modelops_runtime.ledger.opening import open_ledger
from tests.support.holding import held
from tests.support.patience import PATIENCE_S
from tests.support.processes import simulations_of
from tests.support.projects import Project, project

MODEL = """
import numpy as np

def simulate(params, seed):
    rng = np.random.default_rng(seed)
    if params["slope"] > params.get("fails_above", 9):
        raise ValueError("too steep")
    t = np.arange(10)
    return {"t": t, "y": params["slope"] * t + rng.normal(0, 0.1, 10)}
"""
"""`slope` alone does anything."""

DATA = "t,y\n" + "".join(f"{t},{2 * t}\n" for t in range(10))

SPEC = """
version: 1
name: line
model: {{entrypoint: "model.py:simulate", timeout: 20s, memory: 1Gi}}
parameters:
  slope: {{min: 0.0, max: 5.0}}
  {more}
targets:
  line:
    observed: data.csv
    match: {{exact: t}}
    value: y
    loss: {loss}
search: {{trials: {trials}, replicates: 10, seed: 7, confirm: {{top: 3, replicates: 10}}}}
"""


def made(
    root: Path, *, more: str = "idle: {min: 0.0, max: 1.0}", loss: str = "{kind: normal, sigma: 1.0}", trials: int = 80
) -> Project:
    return project(root, spec=SPEC.format(more=more, loss=loss, trials=trials), model=MODEL, data=DATA)


def test_it_tells_what_the_spec_identifies(tmp_path: Path) -> None:
    line = made(tmp_path / "line")
    spec = line.root / "adaptive.yaml"
    spec.write_text(spec.read_text().replace("replicates: 10, seed", "replicates: 40, seed"))
    args = ("selftest", "--spec", "adaptive.yaml", "--repeats", "6", "--workers", "1", "--out", "st")
    ended = line.mops(*args)
    assert ended.code == 0, ended.err
    # In how many repeats an interval is narrow enough hangs on a processor's last digits.
    assert re.search(r"^slope is (weakly )?identified: ", ended.out, re.MULTILINE)
    assert "idle is not identified: 0 of 6 repeats" in ended.out
    assert "line: one simulation, observed with the noise that normal assumes" in ended.out
    assert [text.split("  ")[0] for text in ended.err.splitlines()] == [f"{n}/6" for n in range(1, 7)]
    assert (line.root / "st" / "selftest.txt").read_text() in ended.out
    found = json.loads((line.root / "st" / "selftest.json").read_text())
    slope, idle = found["parameters"]
    assert slope["rank_correlation"] > 0.9
    assert slope["rmse_share"] < 0.05
    assert slope["intervals"] >= 4
    assert idle["width"] > 0.9
    truths = [repeat["truth"]["slope"] for repeat in found["repeats"]]
    assert len(set(truths)) == 6
    assert all(0 <= truth <= 5 for truth in truths)
    assert not line.ledger.exists(), "a ledger of its own"
    again = line.mops(*args, "--json")
    *events, last = map(json.loads, again.out.splitlines())
    assert [event["event"] for event in events] == ["repeat_finished"] * 6
    assert (last["event"], last["parameters"]) == ("selftest_ended", found["parameters"])
    assert trials_in(line) == 6 * 80, "found in the ledger, none made anew"


def test_what_is_fixed_only_together_is_named(tmp_path: Path) -> None:
    spec = SPEC.format(more="other: {min: 1.0, max: 10.0, scale: log}", loss="{kind: normal, sigma: 20.0}", trials=150)
    spec = spec.replace("slope: {min: 0.0, max: 5.0}", "slope: {min: 1.0, max: 10.0, scale: log}")
    model = MODEL.replace('params["slope"] * t', 'params["slope"] * params["other"] * t').replace("9)", "99)")
    line = project(tmp_path / "line", spec=spec, model=model, data=DATA)
    found = selftest(line.root / "adaptive.yaml", repeats=6, trials=150, workers=1)
    assert [p.verdict for p in found.parameters] == ["not identified"] * 2
    (ridge,) = found.together
    assert set(ridge.names) == {"slope", "other"}
    assert "×" in ridge.fixed


def test_ctrl_c_leaves_a_selftest_that_goes_on_to_the_same_answer(tmp_path: Path) -> None:
    args = ("selftest", "--spec", "adaptive.yaml", "--repeats", "2", "--trials", "12", "--workers", "1", "--json")
    calm = made(tmp_path / "whole")
    hold = held(calm, after=1_000_000, name="both")
    whole = calm.mops(*args)
    stopped = made(tmp_path / "stopped")
    held(stopped, after=hold.simulations * 13 // 8, name="both")  # in the middle of the second repeat
    process = stopped.start(*args)
    assert process.stdout is not None
    first = process.stdout.readline()
    hold.wait_until_reached()
    process.send_signal(signal.SIGINT)
    hold.lift()
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert "the same command goes on from here" in err
    assert json.loads(first)["number"] == 1
    assert json.loads(out.splitlines()[-1])["interrupted"] is True
    assert simulations_of(stopped) == []
    assert 12 <= trials_in(stopped) < 24
    again = stopped.mops(*args)
    assert (again.code, whole.code) == (0, 0), again.err + whole.err
    resumed, straight = (json.loads(ended.out.splitlines()[-1]) for ended in (again, whole))
    assert resumed["repeats"] == straight["repeats"]
    assert resumed["parameters"] == straight["parameters"]


def test_more_repeats_keep_those_that_were_made(tmp_path: Path) -> None:
    spec = made(tmp_path / "line").root / "adaptive.yaml"
    few = selftest(spec, repeats=1, trials=5, workers=1)
    more = selftest(spec, repeats=2, trials=5, workers=1)
    assert more.repeats[0] == few.repeats[0]
    other = selftest(spec, repeats=1, trials=5, workers=1, seed=2)
    assert other.repeats[0].truth != few.repeats[0].truth


def test_pseudo_data_keep_keys_groups_and_missing_ones(tmp_path: Path) -> None:
    """Weekly sums by region with a missing one, and a second target from the same file."""
    model = """
import numpy as np

def simulate(params, seed):
    rng = np.random.default_rng(seed)
    week, region = np.repeat([1, 2], 14), np.tile(np.repeat(["n", "s"], 7), 2)
    cases = rng.poisson(np.where(region == "n", params["a"], 10 * params["a"]))
    return {"flows": {"week": week, "region": region, "cases": cases},
            "share": {"week": np.repeat([1, 2], 2), "region": ["n", "s"] * 2, "ill": np.full(4, params["a"] / 10)}}
"""
    spec = """
version: 1
name: weeks
model: {entrypoint: "model.py:simulate"}
parameters: {a: {min: 1, max: 5}}
targets:
  cases: {observed: data.csv, output: flows, match: {sum: week, by: [region]}, value: cases, loss: poisson}
  tested:
    observed: data.csv
    output: share
    match: {exact: week, by: [region]}
    value: {observed: positive, simulated: ill}
    loss: {kind: binomial, n: tests}
search: {trials: 20, replicates: 2}
"""
    data = "region,week,cases,positive,tests\ns,2,99,3,10\nn,1,9,,30\nn,2,,5,20\ns,1,88,7,40\n"
    weeks = project(tmp_path / "weeks", spec=spec, model=model, data=data)
    found = selftest(weeks.root / "adaptive.yaml", repeats=1, workers=1)
    ledger = open_ledger(str(weeks.root / ".modelops" / "selftest.sqlite"), create=False)
    try:
        run = ledger.get_run(found.repeats[0].run_id)
        assert run is not None
        stored = run.observations.as_json()
        cases, tested = stored["cases"], stored["tested"]
    finally:
        ledger.close()
    a = found.repeats[0].truth["a"]
    assert isinstance(a, float)
    assert cases["keys"] == {"week": [2, 1, 1], "region": ["s", "n", "s"]}
    for value, daily in zip(cases["observed"], (10 * a, a, 10 * a), strict=True):
        assert value == int(value)
        assert abs(value - 7 * daily) < 6 * (2 * 7 * daily) ** 0.5
    assert tested["keys"] == {"week": [2, 2, 1], "region": ["s", "n", "s"]}
    assert tested["left_out"] == 1
    assert all(0 <= k <= n for k, n in zip(tested["observed"], (10, 20, 40), strict=True))


def test_where_the_model_fails_another_set_is_drawn(tmp_path: Path) -> None:
    line = made(tmp_path / "line", more="fails_above: 2.0")
    found = selftest(line.root / "adaptive.yaml", repeats=4, trials=8, workers=1)
    assert sum(repeat.redrawn for repeat in found.repeats) > 0
    assert all(float(repeat.truth["slope"]) <= 2 for repeat in found.repeats)
    never = made(tmp_path / "never", more="fails_above: -1.0")
    with pytest.raises(
        RunFailed, match="the model fails at 20 of 20 sets drawn for repeat 1: MODEL_ERROR: ValueError: too steep"
    ):
        selftest(never.root / "adaptive.yaml", repeats=1, trials=8, workers=1)


@pytest.mark.parametrize(
    ("loss", "args", "wrong"),
    [
        ("{kind: normal, sigma: y}", (), "adaptive.yaml:13:5: sigma is the observed value itself"),
        ("{kind: nothing}", (), "adaptive.yaml:13:18: 'nothing' is not a loss"),
        ("mean_signal", ("--repeats", "0"), "0 is not in the range x>=1"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(loss: str, args: tuple[str, ...], wrong: str, tmp_path: Path) -> None:
    line = made(tmp_path / "line", loss=loss)
    ended = line.mops("selftest", "--spec", "adaptive.yaml", *args)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1), ended.err
    assert wrong in ended.err
    assert not (line.root / ".modelops").exists()


def trials_in(line: Project) -> int:
    ledger = open_ledger(str(line.root / ".modelops" / "selftest.sqlite"), create=False)
    try:
        return sum(
            trial.status.is_final for run in ledger.list_runs() for trial in ledger.trials(run.run_id, phase="search")
        )
    finally:
        ledger.close()
