"""The fit is shown and exported in the observations' own unit, with the noise that the loss assumes."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest

from modelops_runtime.inference.run_data import gather
from modelops_runtime.inference.series import series_of
from modelops_runtime.inference.targets import TargetData, targets_of
from modelops_runtime.ledger.base import Run
from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.results.export import export_run
from modelops_runtime.results.report.figures.fit import draw_target
from modelops_runtime.results.report.page import page_of
from tests.unit.inference.runs import FRESH, Story, a_run, completed, observations

POSITIVE, TESTED = (10.0, 186.0, 61.0), (300.0, 500.0, 250.0)
NOISE = "central 90 % with observation noise"


def survey(loss: dict[str, Any] | None = None, **part: Any) -> Run:
    """Counts of positives among the tested, at three times."""
    loss = loss or {"kind": "binomial", "n": "tested"}
    kept = {"loss": loss["kind"], **({"n": list(TESTED)} if "n" in loss else {}), **part}
    target = {"match": {"exact": "t"}, "value": {"observed": "positive", "simulated": "share"}, "loss": loss}
    return a_run(
        "survey",
        spec={"parameters": {"p": {"min": 0.0, "max": 1.0}}, "targets": {"sero": target}},
        observations={"sero": observations(POSITIVE, {"t": [1, 2, 3]}, **kept)},
    )


def target_of(run: Run) -> TargetData:
    (target,) = targets_of(run)
    return target


def shares(r: int = 40) -> np.ndarray:
    return np.array(POSITIVE) / TESTED * np.linspace(0.99, 1.01, r)[:, None]


def texts(figure: Any) -> list[str]:
    return [unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)<", figure.wide)]


@pytest.mark.parametrize(
    "loss", [{"kind": "binomial", "n": "tested"}, {"kind": "beta_binomial", "n": "tested", "dispersion": 50.0}]
)
def test_probabilities_are_drawn_as_the_counts_that_they_mean(loss: dict[str, Any]) -> None:
    (series,) = series_of(target_of(survey(loss)), shares())
    assert series.quantiles[2] == pytest.approx(POSITIVE)
    assert (series.noise[0] < series.quantiles[0]).all()
    assert (series.noise[1] > series.quantiles[4]).all()
    figure = draw_target(target_of(survey(loss)), shares(), "the 40 runs")
    assert "positive" in texts(figure)
    assert {"100", "200"} <= set(texts(figure)), "the axis reaches the counts"


def test_both_bands_are_named_and_the_observations_are_counted_in_the_wider() -> None:
    figure = draw_target(target_of(survey()), shares() * 1.1, "the 40 runs")
    names = [words for _, words in figure.legend]
    assert "central 90 % of the simulations" in names
    assert f"{NOISE} (binomial)" in names
    assert "svg" in figure.wide
    assert 'class="noise"' in figure.wide
    assert figure.says == (
        "3 of 3 observed values lie inside the central 90 % of the 40 runs with the observation noise that binomial"
        " assumes (0 inside that of the simulations alone)."
    )
    assert figure.note == ""


@pytest.mark.parametrize(
    ("loss", "variance"),
    [
        ({"kind": "poisson"}, 100.0),
        ({"kind": "negative_binomial", "dispersion": 10.0}, 100.0 + 100.0**2 / 10),
        ({"kind": "normal", "sigma": 7.0}, 49.0),
    ],
)
def test_each_likelihood_draws_its_own_noise_whatever_its_weight(loss: dict[str, Any], variance: float) -> None:
    run = survey(loss, weight=0.01)
    (series,) = series_of(target_of(run), np.full((200, 3), 100.0))
    assert series.observable.shape == (1_000, 3)
    assert series.observable.var() == pytest.approx(variance, rel=0.15)
    assert series.quantiles[0].tolist() == [100.0] * 3


@pytest.mark.parametrize("kind", ["mean_signal", "annealed", "absolute", "relative", "log", "model.py:mine"])
def test_a_loss_that_assumes_no_noise_has_one_band_and_says_so(kind: str) -> None:
    figure = draw_target(target_of(survey({"kind": kind})), np.full((9, 3), 50.0), "the 9 runs")
    assert not any(NOISE in words for _, words in figure.legend)
    assert 'class="noise"' not in figure.wide
    assert figure.note == (
        f"The loss, {kind}, assumes no observation noise: the bands are those of the simulations alone."
    )


def test_an_older_run_without_its_n_shows_no_count_against_a_probability() -> None:
    run = survey(n=None)
    figure = draw_target(target_of(run), shares(), "the 40 runs")
    assert [words for _, words in figure.legend] == ["observed"]
    assert figure.says == (
        "3 observations; the run was recorded without the n of binomial, so its probabilities cannot be shown as counts:"
        " `mops rescore` records it."
    )


def story_of(run: Run) -> Story:
    trials = tuple(completed(n, {"p": 0.1 * n}, shares(10) * (1 + n / 10), 10.0 + n) for n in range(3))
    confirms = {n: completed(n, {"p": 0.1 * n}, shares(30) * (1 + n / 10), 10.0 + n, first=FRESH) for n in (0, 1)}
    return Story(run=run, trials=trials, confirms=confirms)


@pytest.fixture
def told(tmp_path: Path):
    ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
    story_of(survey()).tell(ledger)
    yield ledger
    ledger.close()


def test_both_bands_are_exported_in_the_unit_of_the_observations(told, tmp_path: Path) -> None:
    export_run(told, "survey", tmp_path / "out")
    frame = polars.read_parquet(tmp_path / "out" / "bands.parquet")
    assert frame["trial"].to_list() == [0, 0, 0, 1, 1, 1]
    assert set(frame["phase"]) == {"confirm"}
    assert set(frame["replicates"]) == {30}
    assert frame["observed"].to_list() == [*POSITIVE, *POSITIVE]
    assert frame["n"].to_list() == [*TESTED, *TESTED]
    assert frame["simulated_median"].to_numpy() == pytest.approx([*POSITIVE, *(1.1 * v for v in POSITIVE)])
    assert (frame["observable_low"] < frame["simulated_low"]).all()
    assert (frame["observable_high"] > frame["simulated_high"]).all()
    low = frame["observed"] < frame["observable_low"]
    high = frame["observed"] > frame["observable_high"]
    assert frame["pit"].is_between(0, 1).all()
    assert (frame["pit"].filter(low) < 0.06).all()
    assert (frame["pit"].filter(high) > 0.94).all()
    assert frame["pit"].filter(~low & ~high).is_between(0.04, 0.96).all()
    fit = polars.read_parquet(tmp_path / "out" / "fit.parquet")
    assert fit["n"].to_list() == list(TESTED) * (len(fit) // 3)
    assert np.allclose(fit["simulated"], fit["n"] * fit["probability"])


def test_a_report_and_an_export_are_the_same_every_time(told, tmp_path: Path) -> None:
    run_data = gather(told, "survey")
    assert page_of(run_data) == page_of(replace(run_data))
    for name in ("a", "b"):
        export_run(told, "survey", tmp_path / name)
    first, second = ((tmp_path / name / "bands.parquet").read_bytes() for name in ("a", "b"))
    assert first == second


def test_the_bands_of_a_run_without_a_finalist_are_the_best_sets_and_of_none_are_empty(tmp_path: Path) -> None:
    ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
    try:
        replace(story_of(survey()), confirms={}).tell(ledger)
        Story(run=replace(survey(), run_id="empty")).tell(ledger)
        for run_id, rows in (("survey", 3), ("empty", 0)):
            export_run(ledger, run_id, tmp_path / run_id)
            frame = polars.read_parquet(tmp_path / run_id / "bands.parquet")
            assert len(frame) == rows
        frame = polars.read_parquet(tmp_path / "survey" / "bands.parquet")
        assert (frame["trial"][0], frame["phase"][0]) == (0, "search")
    finally:
        ledger.close()
