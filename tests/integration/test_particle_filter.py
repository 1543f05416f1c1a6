"""A run whose likelihood is a particle filter's, as a user makes one: its answer, what it keeps, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.support.projects import Project, project

MODEL = """
import numpy as np

class Walk:
    def start(self, params, rng):
        return 0, 0.0

    def advance(self, state, params, rng, until):
        t, x = state
        rows = {"t": [], "x": []}
        for t in range(t + 1, until + 1):
            x = params["stays"] * x + params["push"] + 0.5 * rng.normal()
            rows["t"].append(t)
            rows["x"].append(x)
        return (until, x), rows

class Generator(Walk):
    def start(self, params, rng):
        return (i for i in range(3))

def simulate(params, seed):
    return {"t": np.arange(1, 7), "x": np.zeros(6)}
"""
DATA = "t,x,label\n1,0.9,a\n2,1.7,b\n3,1.2,c\n4,2.2,d\n5,1.4,e\n6,2.4,f\n"
SPEC = """
version: 1
name: walk
model: {entrypoint: "model.py:Walk", timeout: 20s, memory: 1Gi}
parameters:
  push: {min: -2, max: 3}
  stays: 0.5
targets:
  walk:
    observed: data.csv
    match: {exact: t}
    value: x
    loss: {kind: normal, sigma: 0.4}
search:
  trials: 8
  replicates: 4
  seed: 3
  likelihood: {kind: particle_filter, particles: 30}
  confirm: {top: 1, replicates: 6}
"""
PUSHES, FIRST = 0.5, 0.0


def kalman(push: float) -> float:
    """log p of the data under the walk above."""
    mean, variance, total = 0.0, 0.0, 0.0
    for seen in (0.9, 1.7, 1.2, 2.2, 1.4, 2.4):
        mean, variance = 0.5 * mean + push, 0.25 * variance + 0.25
        scale = variance + 0.16
        total += -0.5 * (np.log(2 * np.pi * scale) + (seen - mean) ** 2 / scale)
        mean, variance = mean + variance / scale * (seen - mean), variance * (1 - variance / scale)
    return float(total)


def walk(root: Path, spec: str = SPEC) -> Project:
    return project(root, spec=spec, model=MODEL, data=DATA)


def test_a_run_has_the_exact_likelihood_within_its_error_and_goes_on_to_the_same_answer(tmp_path: Path) -> None:
    made = walk(tmp_path / "p")
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "1", "--json")
    assert ended.code == 0, ended.err
    answer = json.loads(ended.out.splitlines()[-1])["summary"]
    error = answer["confirmed_loss_se"]
    assert 0 < error < 0.3
    assert answer["confirmed_loss"] == pytest.approx(-kalman(answer["params"]["push"]), abs=4 * error + 0.02)

    resumed = walk(tmp_path / "q")  # four trials, then the rest
    assert resumed.mops("run", "--spec", "adaptive.yaml", "--workers", "1", "--trials", "4").code == 0
    ended = resumed.mops("run", "--spec", "adaptive.yaml", "--workers", "1", "--json")
    assert ended.code == 0, ended.err
    again = json.loads(ended.out.splitlines()[-1])["summary"]
    assert (again["params"], again["loss"]) == (answer["params"], answer["loss"])

    replayed = made.mops("replay", "walk", str(answer["best_trial"]))
    assert replayed.code == 0, replayed.err
    assert "10 of 10 identical" in replayed.out


def test_the_fit_is_the_paths_of_particles_and_their_tables_are_kept(tmp_path: Path) -> None:
    made = walk(tmp_path / "p", SPEC + "outputs: {keep: best}\n")
    assert made.mops("run", "--spec", "adaptive.yaml", "--workers", "1").code == 0
    assert made.mops("results", "export", "walk", "--to", "out").code == 0
    fit = pq.read_table(made.root / "out" / "fit.parquet").to_pandas()
    assert len(fit) == 6 * (8 * 4 + 6)
    finalist = fit[fit.phase == "confirm"]
    free = 0.5 / np.sqrt(1 - 0.25)  # sd of the walk without data
    assert abs(finalist.simulated - finalist.observed).mean() < 0.6 * free
    bands = pq.read_table(made.root / "out" / "bands.parquet").to_pandas()
    assert (bands.observable_high > bands.simulated_high).all()
    trial = finalist.trial.iloc[0]
    kept = sorted(
        (made.root / "modelops-out" / "walk" / "outputs" / f"trial-{trial:06d}").glob("confirm-*/output.parquet")
    )
    assert len(kept) == 6
    for index, path in enumerate(kept):
        own = finalist[finalist.replicate == 2**32 + index].sort_values("t")
        assert pq.read_table(path).column("x").to_pylist() == own.simulated.tolist()


def test_a_filtered_run_is_not_rescored(tmp_path: Path) -> None:
    made = walk(tmp_path / "p")
    assert made.mops("run", "--spec", "adaptive.yaml", "--trials", "3").code == 0
    (made.root / "other.yaml").write_text(SPEC.replace("sigma: 0.4", "sigma: 0.5"))
    ended = made.mops("rescore", "walk", "--spec", "other.yaml", "--run-id", "other")
    assert ended.code == 2
    assert "cannot be rescored: a particle filter's values belong to the loss that weighed them" in ended.err


def test_the_same_class_runs_as_an_ordinary_model(tmp_path: Path) -> None:
    made = walk(tmp_path / "p", SPEC.replace("  likelihood: {kind: particle_filter, particles: 30}\n", ""))
    ended = made.mops("run", "--spec", "adaptive.yaml", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out.splitlines()[-1])["summary"]["confirmed_replicates"] == 6


def test_a_self_test_makes_its_data_from_free_simulations(tmp_path: Path) -> None:
    made = walk(tmp_path / "p")
    ended = made.mops("selftest", "--spec", "adaptive.yaml", "--repeats", "2", "--trials", "20", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out.splitlines()[-1])
    assert found["asked"] == 2


MISTAKES = {
    "a distance": ("loss: {kind: normal, sigma: 0.4}", "loss: mean_signal", "13:11", "mean_signal is a distance"),
    "interpolation": ("{exact: t}", "{interpolate: t}", "11:26", "a particle filter cannot interpolate"),
    "a weight": ("    value: x\n", "    value: x\n    weight: 2\n", "13:13", "weight is 2"),
    "a coverage": ("    value: x\n", "    value: x\n    min_coverage: 0.9\n", "13:19", "min_coverage is 0.9"),
    "text": ("{exact: t}", "{exact: label}", "11:5", "the matched column holds text"),
    "racing": ("  seed: 3\n", "  seed: 3\n  racing: {after: 3}\n", "18:3", "a particle filter's runs cannot be raced"),
    "a function": ("model.py:Walk", "model.py:simulate", "4:21", "the model cannot be restarted"),
    "a state that cannot be pickled": ("model.py:Walk", "model.py:Generator", "4:21", "its state cannot be pickled"),
    "a filter of one particle": ("particles: 30", "particles: 1", "18:50", "particles is 1"),
    "another kind": ("kind: particle_filter", "kind: kalman", "18:22", "kind is 'kalman'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_a_filter_cannot_do_is_one_line_with_its_place(mistake: str, tmp_path: Path) -> None:
    old, new, place, gist = MISTAKES[mistake]
    assert old in SPEC
    made = walk(tmp_path / "p", SPEC.replace(old, new))
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 2, ended.err
    lines = ended.err.strip().splitlines()
    assert len(lines) == 1, lines
    assert f"adaptive.yaml:{place}: " in lines[0]
    assert gist in lines[0]
    assert "; " in lines[0]
    assert not made.ledger.exists()
