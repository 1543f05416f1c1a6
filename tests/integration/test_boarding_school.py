"""The example on real data: does its answer make sense, whatever the seed?"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.support.projects import Project, mops_environment

EXAMPLE = Path(__file__).parents[2] / "examples" / "boarding-school"
EXTINCT_BELOW = 20
"""Boys in bed at the peak: below, the outbreak died out by chance, which is part of the model."""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_boarding_school_is_fitted_whatever_the_seed(
    seed: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    root = tmp_path / "school"
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns(".modelops", "modelops-out", "__pycache__"))
    spec = root / "adaptive.yaml"
    spec.write_text(spec.read_text().replace("seed: 1", f"seed: {seed}"))
    made = Project(root, mops_environment(tmp_path))
    # One slot: the search is the same on every machine.
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "1", "--json")
    assert ended.code == 0, ended.err
    answer = json.loads(ended.out.splitlines()[-1])["summary"]
    assert 3.0 <= answer["derived"]["R0"] <= 4.5

    assert made.mops("results", "export", "boarding-school", "--to", "results").code == 0
    fit = pq.read_table(root / "results" / "fit.parquet").to_pandas()
    fit = fit[(fit.trial == answer["best_trial"]) & (fit.replicate >= 2**32)]
    simulated = fit.pivot_table(index="replicate", columns="day", values="simulated").to_numpy()
    observed = fit.groupby("day")["observed"].first().to_numpy()
    taken_off = simulated[simulated.max(axis=1) >= EXTINCT_BELOW]
    low, high = np.quantile(taken_off, [0.05, 0.95], axis=0)
    inside = int(((low <= observed) & (observed <= high)).sum())
    record_property("days_inside", inside)
    record_property("rmse_boys", float(np.sqrt(((taken_off.mean(axis=0) - observed) ** 2).mean())))
    assert inside >= 12


def test_the_filtered_example_has_a_likelihood_with_an_error_after_few_trials(tmp_path: Path) -> None:
    root = tmp_path / "school"
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns(".modelops", "modelops-out", "__pycache__"))
    spec = root / "filtered.yaml"
    guess = "  guesses: [{beta: 1.92, gamma: 0.52}]\n"  # the mean of the posterior
    spec.write_text(spec.read_text().replace("  seed: 1\n", f"  seed: 1\n{guess}"))
    made = Project(root, mops_environment(tmp_path))
    ended = made.mops("run", "--spec", "filtered.yaml", "--trials", "3", "--workers", "1", "--json")
    assert ended.code == 0, ended.err
    answer = json.loads(ended.out.splitlines()[-1])["summary"]
    assert answer["best_trial"] == 0
    assert answer["confirmed_loss"] == pytest.approx(61.4, abs=4 * answer["confirmed_loss_se"])
    assert answer["confirmed_loss_se"] < 0.15
