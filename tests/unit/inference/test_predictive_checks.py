"""The checks of a best set: uniform for data of the model itself, telling for a wrong noise, silent where chance says nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from modelops_runtime.inference.cautions import findings_of
from modelops_runtime.inference.fit_verdict import FitVerdict, fit_of
from modelops_runtime.inference.predictive_checks import LEVELS, PredictiveChecks, checks_of, pit_of, predictive_checks
from modelops_runtime.inference.ranking import candidates
from modelops_runtime.inference.run_data import RunData, Runs
from modelops_runtime.inference.targets import TargetData, targets_of
from modelops_runtime.statistics.predictive import histogram, independent_counts
from tests.unit.inference.runs import BEGAN, IN_BED, Story, a_run, boarding_school, completed, observations, sir

NOISE: list[dict[str, Any]] = [
    {"kind": "poisson"},
    {"kind": "negative_binomial", "dispersion": 10.0},
    {"kind": "normal", "sigma": 5.0},
]


def targets(observed: Any, loss: dict[str, Any], **part: Any) -> list[TargetData]:
    run = a_run(
        spec={"targets": {"y": {"match": {"exact": "t"}, "value": "y", "loss": loss}}},
        observations={"y": observations(list(observed), {"t": list(range(len(observed)))}, loss=loss["kind"], **part)},
    )
    return targets_of(run)


(SET,) = candidates(Story(run=a_run(), trials=(completed(0, {"beta": 1.0}, [IN_BED], 1.0),)).rows()[0])


def runs(values: Any) -> Runs:
    return Runs(candidate=SET, values=np.asarray(values, dtype=float), whose="", phase="confirm")


def data_of_the_model(
    loss: dict[str, Any], rng: np.random.Generator, length: int = 20, *, drawn_by: Any = None, shift: float = 0.2
) -> Any:
    """(targets with data drawn around one run by the loss, 40 other runs), runs that differ in their level as a whole."""
    values = (50 + 40 * np.sin(np.arange(length) / 3)) * np.exp(rng.normal(0, shift, (41, 1)))
    (empty,) = targets(np.zeros(length), drawn_by or loss)
    observed = empty.observable(values[:1], int(rng.integers(2**31)))[0]
    return targets(np.maximum(observed, 0) if loss["kind"] != "normal" else observed, loss), values[1:]


@pytest.mark.parametrize("loss", NOISE, ids=lambda loss: loss["kind"])
def test_pit_values_are_uniform_for_data_of_the_model_itself(loss: dict[str, Any]) -> None:
    """Each observation alone, over 200 data sets: ten bins within their binomial bands, jointly at 99.9 %."""
    rng = np.random.default_rng(11)
    found = np.empty((200, 20))
    for at in range(200):
        (target,), values = data_of_the_model(loss, rng)
        found[at] = pit_of(target, target.observable(values, at), at)
    low, high = independent_counts(np.full(200, 0.1), 1 - 0.001 / 200)
    counts = histogram(found.T, 10)
    assert ((low <= counts) & (counts <= high)).all(), counts


@pytest.mark.parametrize("loss", NOISE, ids=lambda loss: loss["kind"])
def test_data_of_the_model_itself_are_seldom_judged_otherwise(loss: dict[str, Any]) -> None:
    rng = np.random.default_rng(12)
    verdicts = []
    for _ in range(20):
        found, values = data_of_the_model(loss, rng)
        checks = checks_of(found, runs(values))
        verdicts.append(fit_of(checks, []).verdict)
    assert verdicts.count(FitVerdict.CONSISTENT) >= 18, verdicts


def test_a_noise_assumed_too_small_leaves_too_few_inside_and_one_too_large_too_many() -> None:
    rng = np.random.default_rng(13)
    small, large = {"kind": "normal", "sigma": 2.0}, {"kind": "normal", "sigma": 40.0}
    (target,), values = data_of_the_model(small, rng, drawn_by=large, shift=0.02)
    assert (fit := fit_of(checks_of([target], runs(values)), [])).verdict is FitVerdict.TOO_FAR
    assert fit.says.startswith("The model fits in part: only ")
    assert "Furthest off is y at t " in fit.says
    (target,), values = data_of_the_model(large, rng, 60, drawn_by=small, shift=0.02)
    assert (fit := fit_of(checks_of([target], runs(values)), [])).verdict is FitVerdict.TOO_CLOSE
    assert "The noise that normal assumes is larger than that of these data." in fit.says


def test_runs_that_shift_as_a_whole_say_little_by_their_bands() -> None:
    rng = np.random.default_rng(13)
    (target,), values = data_of_the_model(
        {"kind": "normal", "sigma": 2.0}, rng, drawn_by={"kind": "normal", "sigma": 40.0}
    )
    fit = fit_of(checks_of([target], runs(values)), [])
    assert fit.verdict is FitVerdict.CONSISTENT
    assert fit.says.startswith("The bands do not tell whether the model fits: only 4 of 20 ")


def test_a_histogram_has_a_hump_for_a_dispersion_that_scatters_more_than_the_data() -> None:
    rng = np.random.default_rng(14)
    wide = {"kind": "negative_binomial", "dispersion": 1.0}
    found, values = data_of_the_model(
        wide, rng, 60, drawn_by={"kind": "negative_binomial", "dispersion": 1_000.0}, shift=0.02
    )
    (check,) = checks_of(found, runs(values)).targets
    assert check.pit is not None
    assert any(count > high for count, high in zip(check.pit.counts, check.pit.high, strict=True))
    assert sum(check.pit.counts) == check.count == 60


@pytest.fixture(scope="module")
def school() -> PredictiveChecks:
    rng = np.random.default_rng(3)
    values = [sir({"beta": 1.92, "gamma": 0.52}, rng) for _ in range(200)]
    return checks_of(targets(IN_BED, {"kind": "negative_binomial", "dispersion": 10.0}), runs(values))


def test_the_boarding_school_lies_in_its_bands_as_chance_has_it(school: PredictiveChecks) -> None:
    (check,) = school.targets
    assert [one.level for one in check.coverage] == list(LEVELS)
    for one in check.coverage:
        assert one.chance_low is not None
        assert one.chance_high is not None
        assert one.chance_low <= one.inside <= one.chance_high <= one.count == 14
    assert fit_of(school, []).verdict is FitVerdict.CONSISTENT
    assert school.data_sets == 1_000


def test_the_same_runs_give_the_same_checks(school: PredictiveChecks) -> None:
    rng = np.random.default_rng(3)
    values = [sir({"beta": 1.92, "gamma": 0.52}, rng) for _ in range(200)]
    again = checks_of(targets(IN_BED, {"kind": "negative_binomial", "dispersion": 10.0}), runs(values))
    assert again == school


def test_the_largest_misfit_is_named_by_its_key_with_what_was_predicted() -> None:
    observed = [*IN_BED[:9], 600, *IN_BED[10:]]
    values = np.tile(np.array(IN_BED, dtype=float), (20, 1))
    (check,) = checks_of(targets(observed, {"kind": "poisson"}), runs(values)).targets
    largest = check.largest[0]
    assert (largest.key, largest.observed, largest.is_outside) == ({"t": 9}, 600, True)
    assert largest.low < 128 < largest.high < 170
    assert largest.pit is not None
    assert largest.pit > 0.99


def test_of_a_distance_the_bands_are_those_of_the_runs_and_chance_says_nothing() -> None:
    rng = np.random.default_rng(3)
    values = [sir({"beta": 1.92, "gamma": 0.52}, rng) for _ in range(50)]
    checks = checks_of(targets(IN_BED, {"kind": "mean_signal"}), runs(values))
    (check,) = checks.targets
    assert check.pit is None
    assert all(one.chance_low is one.independent_low is None for one in check.coverage)
    assert all(one.pit is None for one in check.largest)
    assert "mean_signal, assumes no observation noise" in check.note
    fit = fit_of(checks, [])
    assert fit.verdict is FitVerdict.UNKNOWN
    assert fit.says.startswith("Chance does not say whether the model fits: ")


def test_runs_of_a_particle_filter_are_no_predictions() -> None:
    values = np.tile(np.array(IN_BED, dtype=float), (20, 1))
    (check,) = checks_of(targets(IN_BED, {"kind": "poisson"}), runs(values), filtered=True).targets
    assert check.pit is None
    assert "have seen the data" in check.note


def test_several_targets_are_judged_jointly_and_together() -> None:
    rng = np.random.default_rng(15)
    loss = {"kind": "poisson"}
    parts = {name: observations(rng.poisson(50, 20).tolist(), {"t": list(range(20))}, loss="poisson") for name in "ab"}
    parts["b"] |= {"start": 20, "stop": 40}
    spec = {"targets": {name: {"match": {"exact": "t"}, "value": "y", "loss": loss} for name in parts}}
    made = targets_of(a_run(spec=spec, observations=parts))
    checks = checks_of(made, runs(np.full((30, 40), 50.0)))
    assert [one.count for one in checks.together] == [40, 40, 40]
    for one, *each in zip(checks.together, *(target.coverage for target in checks.targets), strict=True):
        assert one.inside == sum(part.inside for part in each)
    (alone,) = checks_of(made[:1], runs(np.full((30, 40), 50.0))).targets
    jointly, singly = checks.targets[0].at(0.9).chance_low, alone.at(0.9).chance_low
    assert jointly is not None
    assert singly is not None
    assert jointly <= singly, "wider, so that both are inside at 95 %"


def test_a_large_target_is_judged_by_a_part_of_it() -> None:
    found = targets(np.full(20_000, 30.0), {"kind": "poisson"})
    checks = checks_of(found, runs(np.full((10, 20_000), 30.0)))
    assert checks.targets[0].count == 1_000
    assert checks.targets[0].at(0.5).inside == 1_000


def test_the_record_is_strict_json_with_dates_as_text() -> None:
    trials, replicates = boarding_school().rows()
    run_data = RunData(run=boarding_school().run, trials=trials, replicates=replicates, now=BEGAN)
    checks = predictive_checks(run_data)
    assert checks is not None
    assert isinstance(checks.targets[0].largest[0].key["date"], date)
    record = json.loads(json.dumps(checks.as_json(), allow_nan=False))
    assert record["targets"][0]["largest"][0]["key"]["date"].startswith("1978-0")


def test_a_misfit_decides_and_a_run_without_a_set_has_no_verdict() -> None:
    assert fit_of(None, ["No set fits."]).verdict is FitVerdict.MISFIT
    run_data = RunData(run=a_run(), trials=(), replicates=(), now=BEGAN)
    found = findings_of(run_data)
    assert (found.checks, found.fit.verdict, found.fit.says) == (None, FitVerdict.UNKNOWN, "")
    assert replace(found.fit, says="x") != found.fit
