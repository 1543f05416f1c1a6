"""A run as one HTML file that needs nothing else: to read, to print, to send to colleagues."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelops_runtime.contracts.plain_json import plain
from modelops_runtime.contracts.plain_text import plain_text
from modelops_runtime.contracts.wording import counted, duration, fmt, plus_minus
from modelops_runtime.inference.cautions import Findings, findings_of
from modelops_runtime.inference.history import history_of
from modelops_runtime.inference.identifiability import how_found, interval_rows, intervals_say, not_identified
from modelops_runtime.inference.intervals import Intervals
from modelops_runtime.inference.ranking import Candidate, candidates, finalists, without_support
from modelops_runtime.inference.run_data import RunData, gather
from modelops_runtime.inference.searched import on_bound, searched_of
from modelops_runtime.inference.targets import targets_of
from modelops_runtime.ledger.base import Ledger, Run, RunState, Trial
from modelops_runtime.results.report.failures import failures_say, failures_shown, times
from modelops_runtime.results.report.figures import figures_of
from modelops_runtime.results.report.plot.svg import key
from modelops_runtime.results.report.time import worker_times
from modelops_runtime.results.summary import RunSummary, summary_of
from modelops_runtime.results.version import modelops_version
from modelops_runtime.statistics.effective_sample_size import why_no_error

TEMPLATES = Path(__file__).parent / "templates"

WORKERS = 20
"""Workers with a line of their own in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a table: a name, its value, and what is worth knowing about it."""

    name: str
    value: str
    note: str = ""


def write_report(ledger: Ledger, run_id: str, path: Path) -> Path:
    """Write the report of a run as it stands, whole or not at all; returns `path`.

    Raises LedgerError when there is no such run.
    """
    return write_page(gather(ledger, run_id), path)


def write_page(evidence: RunData, path: Path, found: Findings | None = None) -> Path:
    """The same of rows that the caller has read, and of what it found out of them."""
    from modelops_runtime.results.writing import together

    html = page_of(evidence, found)
    with together(path.parent, [path.name]) as (part,):
        part.write_text(html, encoding="utf-8")
    return path


def page_of(evidence: RunData, found: Findings | None = None) -> str:
    """The page, as HTML, in plain text throughout: names, errors and logs are others'."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"duration": duration, "key": key, "times": times}
    return plain_text(pages.get_template("report.html").render(_context(evidence, found or findings_of(evidence))))


def _context(evidence: RunData, findings: Findings) -> dict[str, Any]:
    run, trials, found = evidence.run, evidence.trials, findings.intervals
    summary = summary_of(run, trials, evidence.now)
    best = next(iter(evidence.ranked), None)
    return {
        "run_id": run.run_id,
        "kind": _kind(run, best),
        "headline": headline(run, summary, best),
        "reason": run.reason,
        "warnings": run.warnings,
        "doubts": findings.doubts,
        "tiles": _tiles(summary, best),
        "parameters": _parameters(run, trials, best),
        "derived": [Row(name=name, value=fmt(value)) for name, value in summary.derived.items()],
        "figures": figures_of(evidence, found),
        "finalists_say": finalists_say(trials),
        "finalists": _finalists(trials),
        "parameter_names": [parameter.name for parameter in searched_of(run, trials)],
        **_identified(evidence, found),
        **_failures(evidence),
        "workers": worker_times(trials)[:WORKERS],
        "provenance": list(_provenance(run)),
        "spec": json.dumps(plain(run.spec), indent=2, ensure_ascii=False),
        "made": f"{evidence.now:%Y-%m-%d %H:%M} UTC",
        "version": modelops_version(),
    }


def _identified(evidence: RunData, found: Intervals) -> dict[str, Any]:
    run, trials = evidence.run, evidence.trials
    best = next((candidate.search for candidate in evidence.ranked), None)
    searched = searched_of(run, trials)
    if best is None or not searched:
        return {"intervals": [], "intervals_say": "", "how_found": "", "not_identified": [], "level": ""}
    return {
        "intervals": [] if found.reason else interval_rows(found, best),
        "intervals_say": intervals_say(found),
        "how_found": how_found(found),
        "not_identified": not_identified(found, searched, best, history_of(trials).full),
        "level": f"{100 * found.level:.3g} %",
    }


def _failures(evidence: RunData) -> dict[str, Any]:
    shown = failures_shown(evidence.trials, evidence.replicates)
    return {"failures": shown, "failures_say": failures_say(evidence.trials, shown) if shown else ""}


def _kind(run: Run, best: Candidate | None) -> str:
    if run.state is RunState.FAILED:
        return "failed"
    if run.state is RunState.COMPLETED and best is not None:
        return "done"
    return "open"


def headline(run: Run, summary: RunSummary, best: Candidate | None) -> str:
    """The answer in a sentence or two, or why there is none."""
    done = f"{summary.finished:,} of {counted(run.trials, 'trial')}"
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
    found += f"; {unknown}" if (unknown := _why_no_error(best)) else ""
    if run.state is RunState.FAILED:
        return (
            f"The run failed after {done}. The best set until then, not an answer to rely on: trial {number}, {found}."
        )
    if run.state is RunState.OPEN:
        return f"The run is not over: {done} finished. The best set so far is trial {number}: {found}."
    return f"The best parameters are those of trial {number}: {found}."


def _why_no_error(best: Candidate) -> str:
    trial = best.confirm if best.confirm is not None and best.confirmed_loss is not None else best.search
    return why_no_error(trial.effective_sample_size, trial.replicates)


def _tiles(summary: RunSummary, best: Candidate | None) -> list[Row]:
    rows: list[Row] = []
    if best is not None and best.confirmed_loss is not None:
        value = plus_minus(best.confirmed_loss, best.confirmed_loss_se)
        rows.append(Row(name="confirmed loss", value=value, note="error unknown" if _why_no_error(best) else ""))
    elif best is not None:
        value = plus_minus(best.search.loss, best.search.loss_se)
        rows.append(Row(name="loss, not confirmed", value=value, note="error unknown" if _why_no_error(best) else ""))
    early = f"{summary.stopped_early:,} stopped early" if summary.stopped_early else ""
    rows.append(Row(name="trials", value=f"{summary.finished:,} of {summary.trials:,}", note=early))
    busy = f"{duration(summary.simulation_s)} of simulation" if summary.simulation_s else ""
    rows.append(Row(name="simulations", value=f"{summary.simulations:,}", note=busy))
    if summary.created_at is not None:
        end = summary.finished_at or summary.at
        name = "time" if summary.finished_at else "time so far"
        began = f"from {summary.created_at:%Y-%m-%d %H:%M} UTC"
        rows.append(Row(name=name, value=duration((end - summary.created_at).total_seconds()), note=began))
    return rows


def _parameters(run: Run, trials: Sequence[Trial], best: Candidate | None) -> list[Row]:
    if best is None or not best.search.params:
        return []
    searched = {parameter.name: parameter for parameter in searched_of(run, trials)}
    rows: list[Row] = []
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
            note += "; on its bound" if on_bound(parameter, best.search.params) else ""
        rows.append(Row(name=name, value=fmt(best.search.params[name]), note=note))
    return rows


def finalists_say(trials: Sequence[Trial]) -> str:
    """What the confirmation changed."""
    start = (
        "The lowest loss of a search is lucky as well as good, so the best sets were run again on seeds it never saw. "
    )
    confirmed = [c for c in finalists(trials) if c.confirmed_loss is not None]
    if not confirmed:
        return f"{start}None is done yet."
    if reason := without_support(candidates(trials)):
        return f"{start}But their order says nothing: {reason}."
    lowest = min(confirmed, key=lambda c: (c.search.loss, c.search.number))
    now = plus_minus(lowest.confirmed_loss, lowest.confirmed_loss_se)
    best = confirmed[0].search.number
    text = f"Trial {lowest.search.number}, the best of the search with {fmt(lowest.search.loss)}, comes to {now} there"
    return start + text + (", and stays the best." if best == lowest.search.number else f"; trial {best} is better.")


def _finalists(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """With their ranks, but where their losses tell none."""
    rankless = bool(without_support(candidates(trials)))
    return [_finalist(found, None if rankless else rank) for rank, found in enumerate(finalists(trials), start=1)]


def _finalist(candidate: Candidate, rank: int | None) -> dict[str, Any]:
    confirm = candidate.confirm
    status = str(confirm.status).lower() if confirm is not None else ""
    known = rank is None or not _why_no_error(candidate)
    return {
        "rank": "–" if rank is None else rank,
        "trial": candidate.search.number,
        "confirmed": plus_minus(candidate.confirmed_loss, candidate.confirmed_loss_se)
        + ("" if known else ", error unknown")
        if candidate.confirmed_loss is not None
        else status,
        "raw": fmt(candidate.search.loss),
        "replicates": confirm.replicates if confirm is not None else 0,
        "params": {name: fmt(value) for name, value in (candidate.search.params or {}).items()},
    }


def _provenance(run: Run) -> Iterator[Row]:
    yield Row(name="identity", value=run.identity)
    if run.created_at is not None:
        yield Row(name="created", value=f"{run.created_at:%Y-%m-%d %H:%M:%S} UTC")
    if run.finished_at is not None:
        yield Row(name="finished", value=f"{run.finished_at:%Y-%m-%d %H:%M:%S} UTC")
    for target in targets_of(run):
        left_out = f", {target.left_out} left out" if target.left_out else ""
        yield Row(
            name=f"target {target.name}",
            value=f"{counted(target.observed.size, 'observation')}{left_out}; loss {target.loss}; weight {target.weight:g}",
        )
    yield from _flat({name: value for name, value in run.provenance.items() if name != "warnings"}, "")


def _flat(value: Any, name: str) -> Iterator[Row]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{name} {key}".strip())
    elif isinstance(value, list | tuple):
        yield Row(name=name, value=", ".join(str(item) for item in value))
    elif value is not None:
        yield Row(name=name, value=str(value))
