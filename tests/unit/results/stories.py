"""Runs of every kind that a report must cope with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np

from modelops_runtime.inference.loss_family import intervals_of
from modelops_runtime.inference.predictive_checks import predictive_checks
from modelops_runtime.inference.run_data import RunData
from modelops_runtime.ledger.base import RunState
from modelops_runtime.results.report.figure import Drawing, Figure, FigureData
from modelops_runtime.results.report.figure_discovery import drawings_of
from modelops_runtime.results.report.page import page_of
from tests.unit.inference.runs import (
    BEGAN,
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


def run_data_of(story: Story) -> RunData:
    """A story's rows, two minutes after the run began."""
    trials, replicates = story.rows()
    return RunData(run=story.run, trials=trials, replicates=replicates, now=BEGAN + timedelta(minutes=2))


def drawings(story: Story) -> list[tuple[Figure, Drawing]]:
    """All that the report draws of a story's rows, in the order of the page."""
    run_data = run_data_of(story)
    found = intervals_of(run_data.run, run_data.trials)
    data = FigureData(run_data=run_data, intervals=found, checks=predictive_checks(run_data))
    return [drawn for part in drawings_of(data).values() for drawn in part]


def page(story: Story) -> str:
    """The report of a story's rows."""
    return page_of(run_data_of(story))


def no_trial() -> Story:
    return Story(run=a_run())


def in_progress() -> Story:
    trials = (
        completed(0, {"beta": 1.0, "gamma": 0.5, "population": 763}, [IN_BED] * 3, 5.0),
        completed(1, {"beta": 1.2, "gamma": 0.4, "population": 763}, [IN_BED] * 3, 4.0, loss_se=None),
        Planned(params={"beta": 1.4, "gamma": 0.4, "population": 763}, end=None, rows=(replicate(2, 0, IN_BED),)),
        Planned(params=None, end=None),
    )
    return Story(run=a_run(), trials=trials)


def failed_run() -> Story:
    error = "ZeroDivisionError: division by zero (model.py:12)"
    trials = tuple(failed(n, {"beta": 1.0 + n / 10, "gamma": 0.5, "population": 763}, error=error) for n in range(12))
    reason = f"12 of 12 trials failed (max_failed is 0.5); the commonest, 12 times: MODEL_ERROR: {error}"
    return Story(
        run=a_run(state=RunState.FAILED, reason=reason, finished_at=BEGAN + timedelta(seconds=9)), trials=trials
    )


def one_observation() -> Story:
    run = a_run(
        observations={"total": observations([500.0], {"day": [13]})},
        spec={
            "parameters": {"beta": {"min": 0.5, "max": 5.0}},
            "targets": {"total": {"match": {"exact": "day"}, "value": {"observed": "cases", "simulated": "total"}}},
        },
    )
    rng = np.random.default_rng(1)
    trials = tuple(completed(n, {"beta": 1.0 + n / 10}, rng.normal(480, 30, (6, 1)), 10.0 - n) for n in range(8))
    return Story(run=run, trials=trials)


def choices_only() -> Story:
    run = a_run(
        spec={
            "parameters": {"shape": {"choices": ["gamma", "lognormal"]}, "lockdown": {"choices": [True, False]}},
            "targets": {"in_bed": {"match": {"exact": "date"}, "value": "in_bed"}},
        }
    )
    trials = tuple(
        completed(n, {"shape": ("gamma", "lognormal")[n % 2], "lockdown": n % 3 == 0}, [IN_BED] * 3, 30.0 - n % 7)
        for n in range(40)
    )
    return Story(run=run, trials=trials)


def groups() -> Story:
    keys = {"day": [3, 3, 2, 2, 1, 1, 0, 0], "region": ["north", "south"] * 4}
    ages = {"age": ["0-4", "5-17", "18-64", "65+"]}
    run = a_run(
        observations={
            "cases": observations([40, 20, 30, 15, 20, 10, 10, 5], keys, left_out=2),
            "by_age": observations([5, 30, 60, 8], ages, start=8),
        },
        spec={
            "parameters": {
                "beta": {"min": 0.5, "max": 5.0, "scale": "log"},
                "delay": {"min": 0, "max": 10, "type": "int"},
            },
            "targets": {
                "cases": {"match": {"exact": "day", "by": ["region"]}, "value": "cases"},
                "by_age": {"match": {"exact": "age"}, "value": "people"},
            },
        },
    )
    rng = np.random.default_rng(2)
    middle = np.array([40, 20, 30, 15, 20, 10, 10, 5, 6, 28, 66, 9], dtype=float)
    planned = tuple(
        completed(n, {"beta": 1.0 + n / 10, "delay": n % 11}, middle * rng.lognormal(0, 0.2, (10, 12)), 50.0 - n)
        for n in range(30)
    )
    confirms = {
        n: completed(n, planned[n].params or {}, middle * rng.lognormal(0, 0.2, (50, 12)), 52.0 - n, first=FRESH)
        for n in (28, 29)
    }
    return Story(run=a_run_done(run), trials=planned, confirms=confirms)


def many_names() -> Story:
    """Long names along an axis, and many choices."""
    places = [f"municipality number {n}" for n in range(30)]
    run = a_run(
        observations={"cases": observations(range(30), {"place": places})},
        spec={
            "parameters": {"strategy": {"choices": [f"strategy number {n}" for n in range(9)]}},
            "targets": {"cases": {"match": {"exact": "place"}, "value": "cases"}},
        },
    )
    rng = np.random.default_rng(3)
    trials = tuple(
        completed(n, {"strategy": f"strategy number {n % 9}"}, rng.poisson(range(1, 31), (10, 30)), 20.0 - n)
        for n in range(9)
    )
    return Story(run=run, trials=trials)


def a_run_done(run):
    return replace(run, state=RunState.COMPLETED, finished_at=BEGAN + timedelta(seconds=75), trials=30)


def unmatched() -> Story:
    """Some observations were matched by no simulation."""
    values = [[*IN_BED[:10], *[float("nan")] * 4]] * 3
    return Story(run=a_run(), trials=(completed(0, {"beta": 1.0, "gamma": 0.4, "population": 763}, values, -3.0),))


def no_confirmation() -> Story:
    return replace(boarding_school(), confirms={})


def no_observations() -> Story:
    """A run that was recorded before observations were."""
    return Story(run=a_run(observations={}), trials=(completed(0, {"beta": 1.0}, [[]], 1.0),))


def all_stopped_early() -> Story:
    trials = (completed(0, {"beta": 1.0, "gamma": 0.4, "population": 763}, [IN_BED] * 3, 9.0, stopped_early=True),)
    return Story(run=a_run(), trials=trials)


def hostile() -> Story:
    """Names and messages that are markup."""
    evil = "<script>alert(1)</script>"
    run = a_run(
        run_id=evil,
        reason=evil,
        provenance={evil: evil},
        observations={evil: observations([1.0, 2.0], {evil: [evil, "<img src=x>"]}, loss=evil)},
        spec={
            "parameters": {evil: {"choices": [evil, "b"]}},
            "targets": {evil: {"match": {"exact": evil}, "value": evil}},
        },
        summary={"derived": {evil: evil}},
    )
    good = completed(0, {evil: evil}, [[1.0, 2.0]], 1.0)
    confirmed = completed(0, {evil: evil}, [[1.0, 2.0]] * 3, 1.0, first=FRESH)
    return Story(run=run, trials=(good, failed(1, {evil: "b"}, error=evil)), confirms={0: confirmed})


STORIES: Mapping[str, Callable[[], Story]] = {
    "boarding school": boarding_school,
    "no trial": no_trial,
    "in progress": in_progress,
    "failed run": failed_run,
    "one observation": one_observation,
    "choices only": choices_only,
    "groups": groups,
    "many names": many_names,
    "unmatched": unmatched,
    "no confirmation": no_confirmation,
    "no observations": no_observations,
    "all stopped early": all_stopped_early,
    "hostile": hostile,
}
