"""A confirmation that is further from the search than both errors allow is said, and no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from modelops_runtime.evaluation.score import Scorer
from modelops_runtime.evaluation.stored import stored_target
from modelops_runtime.inference.confirmation import disagreement
from modelops_runtime.ledger.base import Run
from tests.unit.inference.runs import FRESH, Planned, Story, a_run, completed, observations

Losses = tuple[float, float | None, int]
"""Loss, its standard error, replicates."""


def a_loss(kind: str = "mean_signal", **options: Any) -> Run:
    return a_run(
        spec={"targets": {"y": {"match": {"exact": "t"}, "value": "y", "loss": {"kind": kind, **options}}}},
        observations={"y": observations([10.0] * 4, {"t": [0, 1, 2, 3]}, loss=kind)},
    )


def planned(number: int, losses: Losses, *, first: int = 0) -> Planned:
    loss, error, replicates = losses
    return completed(number, {"a": 1.0}, np.zeros((replicates, 4)), loss, first=first, loss_se=error)


def said(search: Losses, confirm: Losses, *, run: Run | None = None, tried: int = 1) -> str:
    others = [planned(n, (1e9, 1.0, 4)) for n in range(1, tried)]
    story = Story(
        run=run or a_loss(),
        trials=(planned(0, search), *others),
        confirms={0: planned(0, confirm, first=FRESH)},
    )
    return disagreement(story.run, story.rows()[0], [])


def test_the_case_is_told_with_both_numbers_and_what_it_may_mean() -> None:
    """966 in the search and 134,114 on fresh seeds, over two replicates each: a state that outlives a simulation."""
    text = said((966.0, 400.0, 2), (134_114.0, 3_600.0, 2), tried=6)
    assert text == (
        "The confirmed loss of trial 0, 134,114 ± 3,600, is further from its loss in the search, 966 ± 400, than both errors"
        " allow: the search's loss was luck, or the model does not repeat (noise that ignores the seed, or a state that outlives"
        " a simulation); see `mops check`."
    )


@pytest.mark.parametrize(
    ("search", "confirm", "tried"),
    [
        ((100.0, 10.0, 50), (140.0, 10.0, 50), 1),  # 2.8 errors of the difference
        ((100.0, 10.0, 50), (162.0, 3.0, 500), 300),  # 5.9, of which sqrt(2 ln 300) = 3.4 are the luck of the lowest
        ((100.0, 10.0, 2), (150.0, 10.0, 2), 1),  # 3.5, which two replicates cannot tell: t is 4.3
        ((100.0, None, 5), (900.0, None, 5), 1),  # nothing is known of either error
        ((100.0, float("nan"), 5), (900.0, 1.0, 5), 1),
        ((100.0, 0.1, 5), (190.0, 20.0, 20), 1),  # few replicates that agree by chance: others scatter by 89
        ((0.25, 0.0, 5), (0.25 + 1e-12, 0.0, 50), 1),  # rounding
        ((1e-31, 0.0, 5), (3e-31, 0.0, 50), 1),
        (
            (900.0, 1.0, 5),
            (100.0, 1.0, 50),
            1,
        ),  # better on fresh seeds, and nothing is known of the bias of few replicates
    ],
)
def test_what_the_errors_allow_is_not_told(search: Losses, confirm: Losses, tried: int) -> None:
    assert said(search, confirm, tried=tried) == ""


@pytest.mark.parametrize(
    ("search", "confirm", "tried"),
    [
        ((100.0, 10.0, 50), (145.0, 10.0, 50), 1),  # 3.2
        ((100.0, 10.0, 50), (170.0, 3.0, 500), 300),
        ((100.0, 10.0, 2), (170.0, 10.0, 2), 1),
        ((5.0, 0.0, 3), (5.1, 0.0, 30), 300),  # a model without noise gives one loss
        ((5.0, None, 1), (5.1, 0.0, 30), 300),  # a single replicate of it too
        ((100.0, None, 1), (190.0, 1.0, 100), 1),  # its error would be 10
        ((100.0, None, 1), (1_100.0, None, 1), 1),  # no error, and eleven times as much
    ],
)
def test_what_they_do_not_allow_is(search: Losses, confirm: Losses, tried: int) -> None:
    assert said(search, confirm, tried=tried).startswith("The confirmed loss of trial 0")


def test_without_any_error_the_factor_is_told_of_distances_alone() -> None:
    text = said((966.0, None, 1), (134_114.0, None, 1))
    assert "134,114, is 138.8 times its loss in the search, 966; neither has an error to tell" in text
    assert said((966.0, None, 1), (134_114.0, None, 1), run=a_loss("poisson")) == ""


def test_an_error_that_is_withheld_of_a_likelihood_is_not_made_up() -> None:
    assert said((100.0, None, 1), (900.0, 1.0, 100), run=a_loss("poisson")) == ""
    assert said((100.0, 1.0, 10), (900.0, 1.0, 100), run=a_loss("poisson")) != ""


def test_a_run_that_was_recorded_without_its_observations_is_judged_by_its_errors() -> None:
    assert said((100.0, 1.0, 10), (900.0, 1.0, 100), run=a_run(observations={})) != ""
    assert said((900.0, 1.0, 10), (100.0, 1.0, 100), run=a_run(observations={})) == ""


def drawn(rng: np.random.Generator, replicates: int, mean: float) -> np.ndarray:
    return rng.normal(mean, 3.0, (replicates, 4))


def told_of(values: np.ndarray, fresh: np.ndarray, kind: str) -> str:
    run = a_loss(kind)
    scorer = Scorer((stored_target("y", run.observations.targets["y"], run.spec["targets"]["y"]),))
    searched, confirmed = scorer.score(values), scorer.score(fresh)
    story = Story(
        run=run,
        trials=(completed(0, {"a": 1.0}, values, searched.loss, loss_se=searched.loss_se),),
        confirms={0: completed(0, {"a": 1.0}, fresh, confirmed.loss, first=FRESH, loss_se=confirmed.loss_se)},
    )
    return disagreement(run, *story.rows())


@pytest.mark.parametrize("kind", ["mean_signal", "annealed", "absolute", "log"])
def test_an_honest_model_is_hardly_ever_accused_and_a_leaking_one_always(kind: str) -> None:
    """400 honest sets, of 5 replicates and then of 50; the few are as biased as mean_signal makes them."""
    rng = np.random.default_rng(11)
    honest = [told_of(drawn(rng, 5, 9.0), drawn(rng, 50, 9.0), kind) for _ in range(400)]
    leaking = [told_of(drawn(rng, 5, 9.0), drawn(rng, 50, 60.0), kind) for _ in range(20)]
    better = [told_of(drawn(rng, 5, 60.0), drawn(rng, 50, 9.0), kind) for _ in range(20)]
    assert sum(map(bool, honest)) <= 8, honest
    assert all(leaking)
    assert all(better), "better on fresh seeds than in the search is no less strange"


def several(confirms: Sequence[float]) -> str:
    trials = tuple(planned(n, (100.0 + n, 1.0, 10)) for n in range(len(confirms)))
    fresh = {n: planned(n, (loss, 1.0, 100), first=FRESH) for n, loss in enumerate(confirms)}
    story = Story(run=a_loss(), trials=trials, confirms=fresh)
    return disagreement(story.run, story.rows()[0], [])


def test_the_other_finalists_are_looked_at_too() -> None:
    assert several([100.0, 101.0]) == ""
    assert several([100.0, 900.0, 101.0]).startswith("The confirmed loss of trial 1, 900.0 ± 1.0, is further")
    assert several([800.0, 900.0, 950.0]).endswith("see `mops check`. The same holds for 2 more of the 3 finalists.")
