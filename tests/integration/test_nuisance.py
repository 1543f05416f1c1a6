"""Dispersion and reporting found as nuisance parameters: in the run, its page and tables, and again bit for bit."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from modelops_runtime.api.calibration import open_run
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Trial
from tests.support.ledgers import read
from tests.support.projects import LINE_DATA, LINE_MODEL, Project, project

DISPERSION, REPORTED, WIDTH = 8.0, 0.25, 10.0

MODEL = """
import numpy as np

def simulate(params, seed):
    assert set(params) == {"width", "height"}
    t = np.arange(120)
    wave = params["height"] * np.exp(-((t - 60) / params["width"] / 2) ** 2)
    return {"t": t, "infections": wave * np.random.default_rng(seed).lognormal(0, 0.02)}
"""

SPEC = """
version: 1
name: wave
model: {entrypoint: "model.py:simulate"}
parameters:
  width: {min: 3, max: 30, scale: log, prior: {kind: lognormal, median: 9, sdlog: 0.3}}
  height: 2000
nuisance:
  k: {min: 1, max: 500, scale: log}
  rho: {min: 0.01, max: 0.99, scale: logit, prior: {kind: beta, a: 2, b: 4}}
targets:
  cases:
    observed: data.csv
    match: {exact: t}
    value: {observed: cases, simulated: infections}
    loss: {kind: negative_binomial, dispersion: {parameter: k}, multiply: {parameter: rho}}
search: {guesses_from_prior: 4, trials: 30, replicates: 4, seed: 5, confirm: {top: 2, replicates: 12}}
"""


def data() -> str:
    rng, t = np.random.default_rng(11), np.arange(120)
    mean = REPORTED * 2000 * np.exp(-(((t - 60) / WIDTH / 2) ** 2))
    cases = rng.poisson(rng.gamma(DISPERSION, mean / DISPERSION))
    return "t,cases\n" + "".join(f"{day},{count}\n" for day, count in zip(t, cases, strict=True))


def made_in(root: Path) -> Project:
    return project(root, spec=SPEC, model=MODEL, data=data())


@pytest.fixture(scope="module")
def wave(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    made = made_in(tmp_path_factory.mktemp("nuisance") / "wave")
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "1")
    assert ended.code == 0, ended.err
    return made, ended.out


def trials_of(made: Project, run_id: str = "wave") -> list[Trial]:
    return read(str(made.root / ".modelops" / "ledger.sqlite"), run_id)[0]


def test_what_made_the_data_is_found_and_told_everywhere(wave: tuple[Project, str]) -> None:
    made, told = wave
    found = open_run("wave", made.root / ".modelops" / "ledger.sqlite")
    assert found.nuisance["k"] == pytest.approx(DISPERSION, rel=0.4)
    assert found.nuisance["rho"] == pytest.approx(REPORTED, rel=0.2)
    assert found.params["width"] == pytest.approx(WIDTH, rel=0.15)
    assert set(found.params) == {"width", "height"}
    for text in (told, made.mops("results", "show", "wave").out):
        assert [line.split()[::2] for line in text.splitlines() if "(nuisance)" in line] == [
            ["k", "(nuisance)"],
            ["rho", "(nuisance)"],
        ]
    shown = json.loads(made.mops("results", "show", "wave", "--json").out)
    assert shown["best"]["nuisance"] == dict(found.nuisance)
    page = (made.root / "modelops-out" / "wave" / "report.html").read_text("utf-8")
    assert (
        "of the observation, found for this set from 0.01 to 0.99, logit; prior beta (a 2, b 4), cut to this range"
        in page
    )
    assert "prior lognormal (median 9, sdlog 0.3), cut to this range" in page


def test_every_trial_has_its_own_and_the_tables_use_them(wave: tuple[Project, str], tmp_path: Path) -> None:
    made, _ = wave
    assert made.mops("results", "export", "wave", "--to", str(tmp_path)).code == 0
    trials, fits, bands = (
        pq.read_table(tmp_path / f"{name}.parquet").to_pandas() for name in ("trials", "fit", "bands")
    )
    assert trials[["nuisance.k", "nuisance.rho"]].notna().all(axis=None)
    assert len(set(trials["nuisance.rho"])) > 5
    record = json.loads((tmp_path / "run.json").read_text("utf-8"))
    assert set(record["summary"]["nuisance"]) == {"k", "rho"}
    best = fits[(fits["trial"] == record["summary"]["best_trial"]) & (fits["phase"] == "confirm")]
    assert best["simulated"].max() == pytest.approx(2000 * REPORTED, rel=0.2)
    of_best = bands[bands["trial"] == record["summary"]["best_trial"]]
    inside = (of_best["observable_low"] <= of_best["observed"]) & (of_best["observed"] <= of_best["observable_high"])
    assert 0.8 <= inside.mean() <= 0.97
    assert (
        (of_best["observed"] >= of_best["simulated_low"]) & (of_best["observed"] <= of_best["simulated_high"])
    ).mean() < 0.7


def test_a_second_run_and_a_rescored_one_are_equal_bit_for_bit(wave: tuple[Project, str], tmp_path: Path) -> None:
    made, _ = wave
    first = trials_of(made)
    other = made_in(tmp_path / "again")
    assert other.mops("run", "--spec", "adaptive.yaml", "--workers", "1").code == 0
    facts = [(t.phase, t.number, t.param_id, t.loss, dict(t.nuisance)) for t in first]
    assert [(t.phase, t.number, t.param_id, t.loss, dict(t.nuisance)) for t in trials_of(other)] == facts
    assert made.mops("replay", "wave", "3").code == 0
    assert made.mops("rescore", "wave", "--spec", "adaptive.yaml", "--run-id", "same").code == 0
    assert [(t.phase, t.number, t.param_id, t.loss, dict(t.nuisance)) for t in trials_of(made, "same")] == facts


def test_rescoring_finds_other_ones(wave: tuple[Project, str]) -> None:
    made, _ = wave
    spec = SPEC.replace("  k: {min: 1, max: 500, scale: log}\n", "").replace("{parameter: k}", "3.0")
    (made.root / "fixed.yaml").write_text(spec, "utf-8")
    ended = made.mops("rescore", "wave", "--spec", "fixed.yaml", "--run-id", "fixed")
    assert ended.code == 0, ended.err
    before = {t.number: t for t in trials_of(made) if t.phase == "search"}
    for trial in trials_of(made, "fixed"):
        assert set(trial.nuisance) == {"rho"}
        if trial.phase == "search" and not trial.stopped_early:
            assert trial.loss is not None
            assert trial.loss >= (before[trial.number].loss or 0.0)


def test_a_prior_that_no_draw_uses_may_change_and_another_may_not(wave: tuple[Project, str], tmp_path: Path) -> None:
    made, _ = wave
    for given, instead, code in (
        ("a: 2, b: 4", "a: 2, b: 5", 0),
        ("sdlog: 0.3", "sdlog: 0.4", 2),
        ("0.01, max", "0.02, max", 2),
    ):
        (made.root / "adaptive.yaml").write_text(SPEC.replace(given, instead), "utf-8")
        ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "1")
        assert ended.code == code, ended.err
    assert "nuisance.rho" in ended.err
    (made.root / "adaptive.yaml").write_text(SPEC, "utf-8")


def test_the_confirmed_trials_have_them_too(wave: tuple[Project, str]) -> None:
    made, _ = wave
    confirmed = [t for t in trials_of(made) if t.phase == "confirm"]
    assert confirmed
    assert all(t.status is TrialStatus.COMPLETED and set(t.nuisance) == {"k", "rho"} for t in confirmed)


@pytest.mark.parametrize(
    ("name", "found"), [("line-from-priors", set()), ("line-with-unknown-noise", {"noise", "gain"})]
)
def test_the_examples_of_the_documentation_run(name: str, found: set[str], tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "spec.md").read_text("utf-8")
    (spec,) = (block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if f"name: {name}\n" in block)
    made = project(tmp_path / name, spec=spec, model=LINE_MODEL, data=LINE_DATA)
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "1")
    assert ended.code == 0, ended.err
    done = [t for t in trials_of(made, name) if t.status is TrialStatus.COMPLETED]
    assert {name for trial in done for name in trial.nuisance} == found
    assert sum(t.phase == "search" for t in done) == 16
