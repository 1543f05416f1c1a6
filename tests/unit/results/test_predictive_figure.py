"""The page begins with answer, certainty and fit; its histogram stands for the checks, and no set is drawn twice."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Any

import numpy as np
import pytest

from modelops_runtime.inference.cautions import findings_of
from modelops_runtime.inference.identifiability import intervals_say
from modelops_runtime.results.report.figures import near_best, predictive
from tests.unit.inference.runs import IN_BED, Story, a_run, boarding_school, completed, observations
from tests.unit.results.stories import drawings, page, run_data_of


def with_loss(loss: dict[str, Any], at_nine: float = 0) -> Story:
    """The boarding school with another loss, and with another observation of the tenth day if it is given."""
    story = boarding_school()
    part = dict(story.run.observations.as_json()["in_bed"], loss=loss["kind"])
    part["observed"] = [*IN_BED[:9], at_nine or IN_BED[9], *IN_BED[10:]]
    spec = {**story.run.spec, "targets": {"in_bed": {"match": {"exact": "date"}, "value": "in_bed", "loss": loss}}}
    made = a_run(observations={"in_bed": part}, spec=spec)
    return replace(story, run=replace(story.run, spec=made.spec, observations=made.observations))


@pytest.fixture(scope="module")
def school() -> Story:
    return with_loss({"kind": "negative_binomial", "dispersion": 10.0})


def test_the_page_begins_with_the_answer_how_sure_it_is_and_whether_the_model_fits(school: Story) -> None:
    html = unescape(page(school))
    found = findings_of(run_data_of(school))
    lead = html[: html.index("<nav")]
    answer, sure, fits = (
        lead.index(text) for text in ("The best parameters are", intervals_say(found.intervals), found.fit.says)
    )
    assert answer < sure < fits
    assert intervals_say(found.intervals) not in html[html.index("<main>") :], "said once"


def test_the_same_page_twice(school: Story) -> None:
    assert page(school) == page(school)


def test_the_histogram_says_coverage_beside_chance_and_names_what_lies_furthest_outside(school: Story) -> None:
    (drawn,) = [drawing for figure, drawing in drawings(school) if figure is predictive.FIGURE]
    assert re.match(r"Inside the central 50 %: \d+ of 14 \(by chance \d+ to \d+\), 90 %: ", drawn.says)
    assert [panel.title for panel in drawn.panels] == ["in_bed"]
    assert drawn.panels[0].svg.count('class="count"') == 1
    wrong = with_loss({"kind": "poisson"}, at_nine=4_000)
    (drawn,) = [drawing for figure, drawing in drawings(wrong) if figure is predictive.FIGURE]
    assert re.search(r"Furthest outside 95 %: date 1978-01-31: 4,000 observed, ", drawn.says)


def test_a_distance_has_no_histogram_and_the_page_says_why_chance_is_silent() -> None:
    story = with_loss({"kind": "mean_signal"})
    assert not [drawing for figure, drawing in drawings(story) if figure is predictive.FIGURE]
    assert "Chance does not say whether the model fits: " in page(story)


def test_a_set_that_looks_like_the_best_is_named_and_not_drawn() -> None:
    rng = np.random.default_rng(7)
    level = np.array(IN_BED, dtype=float)
    runs = level * rng.lognormal(0, 0.2, (30, 14))
    sets = [runs, runs * 1.01, runs * 1.5]
    trials = tuple(completed(at, {"beta": 1.0 + at}, values, float(at)) for at, values in enumerate(sets))
    story = Story(run=a_run(observations={"in_bed": observations(IN_BED, {"day": range(14)})}), trials=trials)
    (drawn,) = [drawing for figure, drawing in drawings(story) if figure is near_best.FIGURE]
    assert [panel.title for panel in drawn.panels] == ["trial 2"]
    assert "Trial 1 lies all but where the best set does, and is not drawn." in drawn.says


def test_where_all_sets_look_alike_the_least_alike_is_drawn() -> None:
    values = np.tile(np.array(IN_BED, dtype=float), (5, 1)) * np.linspace(0.5, 1.5, 5)[:, None]
    trials = tuple(completed(at, {"beta": 1.0 + at}, values * (1 + at / 100), float(at)) for at in range(3))
    story = Story(run=a_run(observations={"in_bed": observations(IN_BED, {"day": range(14)})}), trials=trials)
    (drawn,) = [drawing for figure, drawing in drawings(story) if figure is near_best.FIGURE]
    assert [panel.title for panel in drawn.panels] == ["trial 2"]
