"""The report's sections, each from rows in which it has something to say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from modelops_runtime.contracts.caution import Caution, CautionKind
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.inference.identifiability import interval_rows, intervals_say, not_identified
from modelops_runtime.inference.intervals import Interval, Intervals, intervals
from modelops_runtime.inference.loss_family import intervals_of
from modelops_runtime.inference.run_data import BEST_SETS, RunData, error_shape, failed_examples, gather
from modelops_runtime.inference.searched import Searched
from modelops_runtime.inference.targets import targets_of
from modelops_runtime.ledger.base import Trial
from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.results.report.failures import failures_by_kind, failures_say
from modelops_runtime.results.report.figure import PageSection
from modelops_runtime.results.report.figures.fit import draw_target
from modelops_runtime.results.report.figures.pairs import chosen_pairs, draw_pairs, pairs_say
from modelops_runtime.results.report.figures.time_simulating import draw_simulating
from modelops_runtime.results.report.figures.trials_by_worker import draw_trials, longest_gap
from modelops_runtime.results.report.page import page_of, write_report
from modelops_runtime.results.report.spans import spans_of, worker_times
from modelops_runtime.results.report.standalone import named_figures, standalone, write_figures
from modelops_runtime.results.report.style import page_style
from tests.unit.inference.runs import BEGAN, IN_BED, Story, a_run, boarding_school, completed, failed
from tests.unit.inference.test_intervals import BETA, GAMMA, best_of, bowl, trials_on
from tests.unit.results.stories import STORIES, drawings, page

SVG = "{http://www.w3.org/2000/svg}"


# what the data fix
def ridge_run():
    run = a_run(
        spec={
            "parameters": {
                n: {"min": p.low, "max": p.high, "scale": "log"} for n, p in (("beta", BETA), ("gamma", GAMMA))
            }
        }
    )
    return run, trials_on([BETA, GAMMA], bowl(np.outer([1.0, -1.0], [1.0, -1.0]) * 1_500, [0.5, 0.5]), noise=0.3)  # fmt: skip


def test_a_ridge_stands_in_the_page_with_its_combination():
    run, trials = ridge_run()
    html = page_of(RunData(run=run, trials=trials, replicates=[], now=BEGAN))
    assert "The data fix beta / gamma (about " in html
    assert "but not beta and gamma apart" in html


def test_a_ridges_parameters_are_not_told_a_second_time():
    run, trials = ridge_run()
    said = not_identified(intervals_of(run, trials), [BETA, GAMMA], best_of(trials), trials)
    assert CautionKind.BOUND not in [caution.kind for caution in said]


def test_intervals_stand_in_a_table_with_what_they_rest_on():
    trials = trials_on([BETA, GAMMA], bowl([[900, 300], [300, 500]], [0.5, 0.6]))
    html = page_of(RunData(run=a_run(), trials=trials, replicates=[], now=BEGAN))
    assert "95 % interval" in html
    assert "the trials bound all parameters within the searched ranges" in html
    assert "a profile likelihood" in html


def test_no_interval_says_why():
    assert "There are no intervals for this run: there are only 2 completed trials" in page(STORIES["in progress"]())


def test_a_best_set_outside_its_interval_is_called_lucky():
    found = Intervals(
        method="m", level=0.95, parameters=(Interval(name="x", low=1.0, high=2.0, estimate=1.5),), trials=30
    )
    (trial,), _ = Story(run=a_run(), trials=(completed(0, {"x": 2.5}, [IN_BED], 1.0),)).rows()
    (row,) = interval_rows(found, trial)
    assert (row.interval, row.best) == ("1 to 2", "2.5")
    assert "luck" in row.note
    assert intervals_say(found) == (
        "At 95 %, the trials bound the one parameter within the searched ranges; this rests on 30 trials near the best."
    )


def test_a_bound_is_told_among_what_is_not_fixed():
    trials = trials_on([BETA], bowl([[300.0]], [1.05]))
    best = best_of(trials)
    found = intervals([BETA], trials, best, is_likelihood=True)
    said = not_identified(found, [BETA], replace(best, params={"beta": 5.0}), trials)
    assert said == [Caution(CautionKind.BOUND, "beta sits on its upper bound (5): a wider range may fit better.")]


def test_choices_on_which_the_best_sets_do_not_agree_are_told():
    kind = Searched(name="kind", choices=("a", "b"))
    planned = tuple(completed(n, {"kind": "ab"[n % 2]}, [IN_BED], float(n)) for n in range(20))
    trials, _ = Story(run=a_run(), trials=planned).rows()
    found = intervals([kind], trials, trials[0], is_likelihood=True)
    (said,) = not_identified(found, [kind], trials[0], trials)
    assert said == Caution(CautionKind.NOT_IDENTIFIED, "The 5 best sets do not agree on kind.")


# parameters against each other
def test_all_pairs_of_a_few_parameters_are_drawn_and_of_many_the_telling_ones():
    few = [Searched(name=name, low=0.0, high=1.0) for name in "abcd"]
    nothing = Intervals(method="m", level=0.95, parameters=())
    assert len(chosen_pairs(few, [], nothing)) == 6
    many = [Searched(name=f"p{i:02d}", low=0.0, high=1.0) for i in range(20)]
    rng = np.random.default_rng(1)
    planned = tuple(
        completed(n, {p.name: float(rng.uniform()) for p in many} | {"p19": 0.5, "p18": 0.5}, [IN_BED], float(n))
        for n in range(60)
    )
    trials, _ = Story(
        run=a_run(spec={"parameters": {p.name: {"min": 0, "max": 1} for p in many}}), trials=planned
    ).rows()
    chosen = chosen_pairs(many, trials, nothing)
    assert len(chosen) == 15
    assert {chosen[0][0].name, chosen[0][1].name} == {"p18", "p19"}


def test_the_pair_that_goes_together_is_named():
    _, trials = ridge_run()
    top = sorted(trials, key=lambda trial: trial.loss or 0.0)[:15]
    assert pairs_say([BETA, GAMMA], top).startswith("In the 15 best sets beta and gamma rise together (correlation ")


def test_one_parameter_has_no_pair():
    trials = trials_on([BETA], bowl([[300.0]], [0.5]))
    run = a_run(spec={"parameters": {"beta": {"min": 0.5, "max": 5.0, "scale": "log"}}})
    assert draw_pairs(run, trials, trials[0], intervals_of(run, trials)) is None


# failures
def test_errors_that_differ_in_their_numbers_are_one():
    assert error_shape("state -1.25e-3 at 7 (model.py:12)") == error_shape("state 4 at 19 (model.py:12)")
    assert error_shape("bad (model.py:12)") != error_shape("bad (model.py:13)")


def test_failures_are_told_by_kind_with_their_logs():
    planned = [failed(n, {"beta": 1.0 + n}, error=f"ValueError: {n} is too large (model.py:3)") for n in range(5)]
    planned.append(failed(5, {"beta": 9.0}, kind="TIMEOUT", error="over 30 s"))
    trials, replicates = Story(run=a_run(), trials=tuple(planned)).rows()
    log = "\n".join(f"line {n}" for n in range(100))
    shown = failures_by_kind(trials, [replace(r, log=log) for r in replicates])
    assert [(kind.kind, kind.count, len(kind.errors), len(kind.logs)) for kind in shown] == [
        ("MODEL_ERROR", 5, 1, 3),
        ("TIMEOUT", 1, 1, 1),
    ]
    assert shown[0].errors[0][1] == 5
    first = shown[0].logs[0]
    assert first.lines.splitlines()[0] == "line 88"
    assert first.lines.endswith("line 99")
    assert first.cut
    assert failures_say(trials, shown).startswith(
        "6 of 6 trials failed (100 %); the commonest error, 5 times, with different numbers: ValueError"
    )


def test_examples_of_a_kind_have_different_errors_where_there_are_such():
    planned = [failed(n, {"beta": 1.0}, error="common") for n in range(9)]
    planned[2] = failed(2, {"beta": 1.0}, error="rare")
    trials, _ = Story(run=a_run(), trials=tuple(planned)).rows()
    assert {trial.error for trial in failed_examples(trials)} == {"common", "rare"}


def test_the_logs_of_failed_trials_are_read_from_the_ledger(tmp_path: Path):
    ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
    try:
        story = boarding_school(40)
        story.tell(ledger)
        found = gather(ledger, story.run.run_id)
        assert {7, 31} <= {replicate.number for replicate in found.replicates}
        assert len({candidate.search.number for candidate in found.ranked[:BEST_SETS]}) == 4
        html = write_report(ledger, story.run.run_id, tmp_path / "r.html").read_text("utf-8")
        assert "<pre>a\nb</pre>" in html
    finally:
        ledger.close()


# time
def timed(rows: list[tuple[str, float, float]]) -> list[Trial]:
    planned = tuple(completed(n, {"beta": 1.0}, [IN_BED], 1.0) for n in range(len(rows)))
    trials, _ = Story(run=a_run(), trials=planned).rows()
    return [
        replace(
            trial,
            worker=f"{worker}/12/34/boot",
            proposed_at=BEGAN + timedelta(seconds=start),
            finished_at=BEGAN + timedelta(seconds=stop),
            seconds=stop - start,
        )
        for trial, (worker, start, stop) in zip(trials, rows, strict=True)
    ]


def test_time_is_told_by_worker():
    trials = timed([("a", 0, 4), ("b", 0, 2), ("a", 4, 8), ("b", 20, 21)])
    trials[3] = replace(trials[3], status=TrialStatus.FAILED, loss=None)
    assert [(w.worker, w.trials, w.failed, w.simulated) for w in worker_times(trials)] == [
        ("a/12", 2, 0, 8.0),
        ("b/12", 2, 1, 3.0),
    ]
    _, spans = spans_of(trials)
    assert longest_gap(spans) == 12
    when, work = draw_trials(trials), draw_simulating(trials)
    assert when
    assert work
    assert when.says.startswith("2 workers finished 4 trials within 21 s from 2026-03-01 09:30:00 UTC")
    assert "the busiest did 73 % of the simulating; for 12 s nothing ran" in when.says
    assert work.says.startswith("11 s of simulation in 21 s: 0.52 simulations at a time on average")


def test_no_finished_trial_has_no_time():
    trials, _ = STORIES["no trial"]().rows()
    assert draw_trials(trials) is None
    assert draw_simulating(trials) is None


def test_many_workers_share_the_last_row():
    trials = timed([(f"w{n}", n, n + 1.5) for n in range(40)])
    drawing = draw_trials(trials)
    assert drawing
    assert "all others" in drawing.wide


# the next sets
def test_the_sets_next_to_the_best_are_drawn_over_the_data():
    drawn = drawings(boarding_school())
    assert [figure.kind for figure, _ in drawn[:3]] == ["fit", "near-best", "parameters"]
    near_best = drawn[1][1]
    assert len(near_best.panels) == BEST_SETS - 1
    assert near_best.says.startswith("Of 14 observed values, ")


def test_a_band_as_wide_as_the_data_is_said_to_say_little():
    (target,) = targets_of(a_run())
    wide = np.stack([np.array(IN_BED) * factor for factor in np.linspace(0.0, 2.0, 40)])
    narrow = np.stack([np.array(IN_BED) * factor for factor in np.linspace(0.95, 1.05, 40)])
    assert (
        "which says little: the band is 1.8 times as wide as the values are large"
        in draw_target(target, wide, "x").says
    )
    assert "says little" not in draw_target(target, narrow, "x").says


def test_of_a_single_set_there_is_no_next():
    assert [figure.kind for figure, _ in drawings(STORIES["hostile"]()) if figure.section is PageSection.FIT] == ["fit"]


# size, and files of their own
def two_thousand() -> Story:
    rng = np.random.default_rng(5)
    names = [f"p{i}" for i in range(8)]
    planned = []
    for n in range(2_000):
        params = {name: float(rng.uniform()) for name in names}
        loss = float(sum((value - 0.5) ** 2 for value in params.values()) * 200 + rng.normal())
        values = rng.poisson(np.array(IN_BED), (50, 14)) if n % 500 == 0 else []
        if n % 9 == 0 and n % 500:
            planned.append(failed(n, params, error=f"ValueError: {n} of its own kind {n} " + "long " * 200))
        else:
            planned.append(completed(n, params, values, 60 + loss - 1_000 * (n % 500 == 0), stopped_early=n % 3 == 1))
    run = a_run(trials=2_000, spec={"parameters": {name: {"min": 0, "max": 1} for name in names}})
    return Story(run=run, trials=tuple(planned))


def test_two_thousand_trials_of_eight_parameters_stay_well_under_six_megabytes():
    assert len(page(two_thousand()).encode()) < 3_000_000


@pytest.mark.parametrize("name", STORIES)
def test_every_figure_is_a_file_of_its_own(name):
    files = list(named_figures([drawing for _, drawing in drawings(STORIES[name]())]))
    assert len({name.lower() for name, _ in files}) == len(files)
    for file, text in files:
        assert file.endswith(".svg")
        assert set(file) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
        root = ElementTree.fromstring(text)
        assert root.tag == f"{SVG}svg"
        assert root.find(f"{SVG}rect").get("fill") == "#ffffff"  # type: ignore[union-attr]
        assert root.find(f"{SVG}desc").text  # type: ignore[union-attr]
        assert "var(" not in text
        assert "href" not in text


def test_characters_that_xml_forbids_are_replaced():
    drawing = next(d for figure, d in drawings(STORIES["boarding school"]()) if figure.kind == "convergence")
    ElementTree.fromstring(standalone(drawing.wide, replace(drawing, says="a\x00b\x1bc\ud800d")))


def test_figures_are_written_from_a_ledger_all_or_none(tmp_path: Path):
    ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
    try:
        story = boarding_school(30)
        story.tell(ledger)
        paths = write_figures(ledger, story.run.run_id, tmp_path / "figures")
        assert {"fit-in_bed.svg", "pair-beta-and-gamma.svg", "convergence.svg"} <= {path.name for path in paths}
        assert all(path.is_file() for path in paths)
    finally:
        ledger.close()


def resting_on(effective: float) -> Story:
    """The boarding school with all confirmed losses resting on so many of their 50 replicates."""
    story = boarding_school()
    confirms = {
        number: replace(
            planned,
            end=replace(
                planned.end, effective_sample_size=effective, loss_se=planned.end.loss_se if effective >= 5 else None
            ),
        )
        for number, planned in story.confirms.items()
        if planned.end is not None
    }
    return replace(story, confirms=confirms)


def test_confirmed_losses_that_rest_on_too_few_replicates_give_no_interval_no_order_and_no_error():
    story = resting_on(1.07)
    found = intervals_of(story.run, story.rows()[0])
    reason = "the best set's confirmed loss rests on 1.1 of its 50 replicates (effective sample size; an error needs 5)"
    assert found.reason == reason
    assert found.advice.startswith("More replicates hardly help: add observations up")
    assert {interval.reason for interval in found.parameters} == {found.reason}
    assert all(interval.low is None for interval in found.parameters)
    html = page(story)
    assert "±" not in html
    assert "its error is unknown: the loss rests on 1.1 of its 50 replicates" in html
    assert "Their order is not known: " in html
    assert html.count("More replicates hardly help: ") == 1
    assert '<td class="number">–</td><td class="number">' in html, "no rank"


def test_from_five_on_there_are_intervals_an_order_and_errors():
    enough, unknown = resting_on(5.0), boarding_school()
    assert intervals_of(enough.run, enough.rows()[0]) == intervals_of(unknown.run, unknown.rows()[0])
    assert page(enough) == page(unknown)
    assert "±" in page(enough)


def test_search_trials_that_rest_on_too_few_replicates_are_in_no_fit():
    story = boarding_school()
    few = [
        replace(t, effective_sample_size=1.0, diagnostics={"loss_bias": None}) if t.phase == "search" else t
        for t in story.rows()[0]
    ]
    found = intervals_of(story.run, few)
    assert found.reason.startswith("only 0 of 58 completed trials have a loss whose bias is known")
    assert "search.replicates" in found.advice


# contents and colours
def test_the_contents_list_links_to_every_section_in_its_order():
    html = page(STORIES["in progress"]())
    nav = html[html.index("<nav") : html.index("</nav>")]
    links = re.findall(r'<a href="#([^"]+)">(.*?)</a>', nav)
    assert len(links) > 2
    assert links == re.findall(r'<h2 id="([^"]+)">(.*?)</h2>', html)


def test_every_css_variable_that_is_used_has_a_value_in_light_dark_and_print():
    css = page_style()
    used = set(re.findall(r"var\(--([\w-]+)", css))
    schemes = [set(re.findall(r"--([\w-]+):", block)) for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)]
    assert len(schemes) == 3
    assert used
    assert [used - defined for defined in schemes] == [set(), set(), set()]
