"""The answer at the top of the page: its sentence, a few numbers, and the best parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelops_runtime.contracts.wording import counted, duration, fmt, plus_minus
from modelops_runtime.inference.ranking import Candidate
from modelops_runtime.inference.searched import on_bound, searched_in, searched_of
from modelops_runtime.ledger.base import Run, RunState, Trial
from modelops_runtime.results.run_progress import RunProgress
from modelops_runtime.specs.nuisance import kept_nuisance
from modelops_runtime.statistics.effective_sample_size import why_no_error


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """A line of a table: a name, its value and a note."""

    name: str
    value: str
    note: str = ""
    interval: str = ""


def kind_of(run: Run, best: Candidate | None) -> str:
    """`failed`, `done` or `open`: whether there is an answer."""
    if run.state is RunState.FAILED:
        return "failed"
    if run.state is RunState.COMPLETED and best is not None:
        return "done"
    return "open"


def headline(run: Run, progress: RunProgress, best: Candidate | None) -> str:
    """The answer in a sentence or two, or why there is no answer."""
    done = f"{progress.finished:,} of {counted(run.trials, 'trial')}"
    if best is None:
        why = f"The run failed after {done}" if run.state is RunState.FAILED else f"{done} finished so far"
        return f"{why}. No trial completed, so there is no answer."
    number, loss = best.search.number, best.confirmed_loss
    if loss is None:
        found = f"loss {plus_minus(best.search.loss, best.search.loss_se)} over {counted(best.search.replicates, 'replicate')}"
        found += ", not confirmed on fresh seeds"
    else:
        replicates = best.confirm.replicates if best.confirm else 0
        found = f"loss {plus_minus(loss, best.confirmed_loss_se)} over {counted(replicates, 'fresh replicate')}"
        found += f" (in the search: {fmt(best.search.loss)})"
    found += f"; {unknown}" if (unknown := unknown_error(best)) else ""
    if run.state is RunState.FAILED:
        return (
            f"The run failed after {done}. The best set until then, not an answer to rely on: trial {number}, {found}."
        )
    if run.state is RunState.OPEN:
        return f"The run is not over: {done} finished. The best set so far is trial {number}: {found}."
    return f"The best parameters are those of trial {number}: {found}."


def unknown_error(best: Candidate) -> str:
    """Why the loss of a set has no standard error; empty if it has one or needs none."""
    return why_no_error(best.judged_by.effective_sample_size, best.judged_by.replicates)


def tiles_of(progress: RunProgress, best: Candidate | None) -> list[AnswerRow]:
    """The few numbers under the headline."""
    rows: list[AnswerRow] = []
    if best is not None and best.confirmed_loss is not None:
        value = plus_minus(best.confirmed_loss, best.confirmed_loss_se)
        rows.append(AnswerRow(name="confirmed loss", value=value, note="error unknown" if unknown_error(best) else ""))
    elif best is not None:
        value = plus_minus(best.search.loss, best.search.loss_se)
        rows.append(
            AnswerRow(name="loss, not confirmed", value=value, note="error unknown" if unknown_error(best) else "")
        )
    early = f"{progress.stopped_early:,} stopped early" if progress.stopped_early else ""
    rows.append(AnswerRow(name="trials", value=f"{progress.finished:,} of {progress.trials:,}", note=early))
    busy = f"{duration(progress.simulation_s)} of simulation" if progress.simulation_s else ""
    rows.append(AnswerRow(name="simulations", value=f"{progress.simulations:,}", note=busy))
    if progress.created_at is not None:
        end = progress.finished_at or progress.at
        name = "time" if progress.finished_at else "time so far"
        began = f"from {progress.created_at:%Y-%m-%d %H:%M} UTC"
        rows.append(AnswerRow(name=name, value=duration((end - progress.created_at).total_seconds()), note=began))
    return rows


def parameter_rows(
    run: Run, trials: Sequence[Trial], best: Candidate | None, intervals: Mapping[str, str]
) -> list[AnswerRow]:
    """The best set: the searched parameters in the order of the spec with their `intervals`, then the fixed ones."""
    if best is None or not best.search.params:
        return []
    searched = {parameter.name: parameter for parameter in searched_of(run, trials)}
    rows: list[AnswerRow] = []
    for name in [*searched, *(n for n in best.search.params if n not in searched)]:
        if name not in best.search.params:
            continue
        parameter = searched.get(name)
        if parameter is None:
            note = "fixed"
        elif parameter.choices:
            note = f"of {', '.join(fmt(choice) for choice in parameter.choices)}"
        elif not parameter.is_known:
            note = "searched; its bounds are not known"
        else:
            note = f"searched from {fmt(parameter.low)} to {fmt(parameter.high)}"
            note += "" if parameter.scale == "linear" else f", {parameter.scale}"
            note += f"; prior {parameter.prior_text}"
            note += "; on its bound" if on_bound(parameter, best.search.params) else ""
        rows.append(
            AnswerRow(name=name, value=fmt(best.search.params[name]), note=note, interval=intervals.get(name, ""))
        )
    return [*rows, *_nuisance_rows(run, best)]


def _nuisance_rows(run: Run, best: Candidate) -> list[AnswerRow]:
    """The nuisance parameters of the observation, as the loss of the best set has found them."""
    try:
        ranges = {parameter.name: searched_in(parameter) for parameter in kept_nuisance(run.spec)}
    except ValueError:
        ranges = {}
    rows: list[AnswerRow] = []
    for name, value in sorted(best.nuisance.items()):
        note, known = "of the observation, found for this set", ranges.get(name)
        if known is not None:
            note += f" from {fmt(known.low)} to {fmt(known.high)}"
            note += "" if known.scale == "linear" else f", {known.scale}"
            note += f"; prior {known.prior_text}"
            note += "; on its bound" if on_bound(known, {name: value}) else ""
        rows.append(AnswerRow(name=name, value=fmt(value), note=note))
    return rows
