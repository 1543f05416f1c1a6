from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.inference.search_trials import search_trials
from modelops_runtime.inference.searched import Searched, near_bound, on_bound, searched_of
from modelops_runtime.inference.series import series_of
from modelops_runtime.inference.targets import targets_of
from modelops_runtime.ledger.base import RunState
from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.results.report.figures.convergence import convergence_says
from modelops_runtime.results.report.figures.fit import draw_target
from modelops_runtime.results.report.page import write_report
from tests.unit.inference.runs import FRESH, IN_BED, Planned, Story, a_run, boarding_school, completed, failed
from tests.unit.results.stories import STORIES, hostile, page

VOID = {"meta", "link", "br", "img", "path"}


class Balanced(HTMLParser):
    """Collects tags that were not closed, references to anything outside, and texts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.figures = 0
        self.outside: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.figures += tag == "svg" and ("class", "figure") in attrs
        self.outside += [
            v for k, v in attrs if k in ("src", "href", "xlink:href") and v and not v.startswith(("data:", "#"))
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag, f"</{tag}> closes something else"


def parsed(html: str) -> Balanced:
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    return parser


@pytest.mark.parametrize("name", STORIES)
def test_every_run_has_a_whole_page_that_needs_nothing_from_outside(name):
    html = page(STORIES[name]())
    assert parsed(html).outside == []
    assert len(html.encode()) < 1_500_000
    assert "NaN" not in html
    assert ">nan<" not in html
    assert "None" not in html


def test_the_answer_stands_at_the_top():
    html = page(boarding_school())
    top = html[: html.index("<main>")]
    assert "The best parameters are those of trial" in top
    assert "50 fresh replicates" in top
    assert "R0" in html
    assert "60 of 60" in html


def test_there_is_a_figure_for_the_fit_the_next_sets_the_search_each_parameter_their_pair_and_the_time():
    assert parsed(page(boarding_school())).figures == 2 + 3 + 2 + 1 + 2 + 4


def test_what_comes_from_users_is_escaped():
    html = page(hostile())
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_a_failed_run_says_why_and_gives_no_answer():
    html = page(STORIES["failed run"]())
    assert "The run failed after 12 of 60 trials. No trial completed, so there is no answer." in html
    assert "12 of 12 trials failed" in html
    assert "Best parameters" not in html


def test_a_run_that_is_not_over_says_so():
    html = page(STORIES["in progress"]())
    assert "The run is not over: 2 of 60 trials finished." in html
    assert "Best set so far" in html


def test_without_confirmation_the_loss_is_called_unconfirmed():
    html = page(STORIES["no confirmation"]())
    assert "not confirmed on fresh seeds" in html
    assert "The finalists" not in html


def test_the_report_through_a_ledger_is_written_whole(tmp_path: Path):
    ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
    try:
        story = boarding_school(30)
        story.tell(ledger)
        path = tmp_path / "out" / "report.html"
        assert write_report(ledger, story.run.run_id, path) == path
        assert sorted(p.name for p in path.parent.iterdir()) == [".mops-results", "report.html"]
        html = path.read_text(encoding="utf-8")
        assert "50 confirmation runs of trial" in html
        parsed(html)
        with pytest.raises(LedgerError, match="no run 'nobody'"):
            write_report(ledger, "nobody", path)
    finally:
        ledger.close()


def test_the_search_is_told_in_one_sentence():
    def says(story: Story, budget: int = 3) -> str:
        return convergence_says(search_trials(story.rows()[0]), budget)

    first = completed(0, {"beta": 1.0}, [IN_BED], 10.0)
    worse = completed(1, {"beta": 1.0}, [IN_BED], 11.0)
    raced = completed(2, {"beta": 1.0}, [IN_BED], 5.0, stopped_early=True)
    run = a_run()
    assert says(Story(run=run, trials=(first, worse, raced))) == (
        "The best loss stopped improving after trial 0 of 3; 1 set was stopped early."
    )
    assert says(Story(run=run, trials=(first, failed(1, {"beta": 1.0})))) == (
        "So far the best of 2 trials (of 3) is trial 0; 1 failed."
    )
    improving = tuple(completed(n, {"beta": 1.0}, [IN_BED], 100.0 - n) for n in range(30))
    assert "still improving at trial 29 of 30" in says(Story(run=run, trials=improving), 30)


def test_the_fit_counts_observations_inside_the_band():
    (target,) = targets_of(a_run())
    near = np.array([IN_BED] * 5, dtype=np.float64) + np.arange(-2, 3)[:, None]
    far = near + np.where(np.arange(14) < 7, 0, 500)
    assert draw_target(target, near, "the 5 runs").says.startswith(
        "14 of 14 observed values lie inside the central 90 %"
    )
    assert draw_target(target, far, "the 5 runs").says == (
        "7 of 14 observed values lie inside the central 90 % of the 5 runs: the model does not reach all of the data."
    )


def test_groups_are_panels_in_the_order_of_the_data_each_sorted_along_its_axis():
    story = STORIES["groups"]()
    target = targets_of(story.run)[0]
    series = series_of(target, np.arange(8.0)[None, :])
    assert [one.title for one in series] == ["region north", "region south"]
    assert series[0].x.tolist() == [0, 1, 2, 3]
    assert series[0].simulated.tolist() == [[6.0, 4.0, 2.0, 0.0]]


def test_dates_are_dates_again():
    (target,) = targets_of(a_run())
    assert target.on == "date"
    assert [v.isoformat() for v in target.keys["date"][:2]] == ["1978-01-22", "1978-01-23"]  # type: ignore[union-attr]


def test_a_best_value_on_its_bound_is_pointed_out():
    beta = Searched(name="beta", low=0.5, high=5.0, scale="log")
    assert on_bound(beta, {"beta": 5.0}) == "beta sits on its upper bound (5): a wider range may fit better."
    assert on_bound(beta, {"beta": 0.501}) == "beta sits on its lower bound (0.5): a wider range may fit better."
    assert on_bound(beta, {"beta": 1.7}) == ""


def class_run(**space: object) -> Story:
    """A run whose spec leaves all bounds to the model's class."""
    trials = tuple(completed(n, {"beta": 1.0 + n, "mode": "ab"[n % 2], "n": 5}, [IN_BED], 1.0) for n in range(4))
    spec = {"parameters": {"beta": {"scale": "log", "type": "float"}}}
    return Story(run=a_run(spec=spec, space=space), trials=trials)


def test_a_class_bounds_come_from_the_space_that_was_searched():
    story = class_run(
        beta={"min": 0.1, "max": 9.0, "scale": "log"},
        mode={"choices": ["a", "b", "c"]},
        many={"min": 1, "max": 7, "scale": "linear", "type": "int", "step": 1},
    )
    assert searched_of(story.run, story.rows()[0]) == [
        Searched(name="beta", low=0.1, high=9.0, scale="log"),
        Searched(name="many", low=1.0, high=7.0, whole=True),
        Searched(name="mode", choices=("a", "b", "c")),
    ]
    assert "searched from 0.1 to 9, log" in page(story)


def test_bounds_that_an_older_run_did_not_keep_are_never_those_of_what_was_tried():
    story = class_run()
    beta, mode = searched_of(story.run, story.rows()[0])
    for parameter in (beta, mode):
        assert (parameter.low, parameter.high, parameter.choices, parameter.is_known) == (None, None, (), False)
    assert beta.scale == "log"
    html = page(story)
    parsed(html)
    assert "searched; its bounds are not known" in html
    assert "searched from" not in html
    assert "sits on its" not in html
    assert "There are no intervals for this run: the bounds of beta and mode are not known." in html
    assert "The bounds of beta and mode are not known: the model&#39;s class has them" in html


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (3.0, "b sits on its lower bound (3): a wider range may fit better."),
        (3.03, "b is 3.03, near its lower bound (3): nothing beyond was tried, and the answer may lie there."),
        (4.97, "b is 4.97, near its upper bound (5): nothing beyond was tried, and the answer may lie there."),
        (3.09, ""),
    ],
)
def test_a_value_near_its_bound_has_its_own_sentence(value, said):
    b = Searched(name="b", low=3.0, high=5.0)
    assert (on_bound(b, {"b": value}) or near_bound(b, {"b": value}, excluded=True)) == said


def test_near_is_wider_where_no_interval_excludes_the_bound_and_on_the_parameters_own_scale():
    b = Searched(name="b", low=3.0, high=5.0)
    assert near_bound(b, {"b": 3.09}, excluded=False).startswith("b is 3.09, near its lower bound (3)")
    wide = Searched(name="b", low=1.0, high=10_000.0, scale="log")
    assert near_bound(wide, {"b": 20.0}, excluded=False) == ""
    assert near_bound(wide, {"b": 8_500.0}, excluded=True).startswith("b is 8,500, near its upper bound (10,000)")


def test_a_confirmation_under_way_is_listed_and_not_yet_ranked_first():
    trials = (completed(0, {"beta": 1.0}, [IN_BED], 1.0), completed(1, {"beta": 2.0}, [IN_BED], 2.0))
    confirms = {
        0: Planned(params={"beta": 1.0}, end=None),
        1: completed(1, {"beta": 2.0}, [IN_BED] * 3, 3.0, first=FRESH),
    }
    html = page(Story(run=a_run(), trials=trials, confirms=confirms))
    assert "leased" in html
    assert "trial 1: loss 3.0 ± 1.5 over 3 fresh replicates" in html


def test_large_runs_stay_small_pages():
    story = boarding_school(60)
    many = tuple(
        replace(completed(n, {"beta": 0.5 + n / 2_500, "gamma": 0.5, "population": 763}, [], 10.0 + n % 997), rows=())
        for n in range(10_000)
    )
    html = page(replace(story, trials=many, confirms={}, run=replace(story.run, state=RunState.OPEN, trials=10_000)))
    assert len(html.encode()) < 1_000_000


def test_warnings_of_the_model_stand_at_the_top_as_text():
    story = boarding_school(trials=12)
    warned = replace(
        story, run=replace(story.run, provenance={"python": "3.12", "warnings": ["noise > seed & <b>so</b>"]})
    )
    html = page(warned)
    assert html.count("noise &gt; seed &amp; &lt;b&gt;so&lt;/b&gt;") == 1
    assert html.index("Warning: noise") < html.index("<main>")
    assert "Warning" not in page(story)
