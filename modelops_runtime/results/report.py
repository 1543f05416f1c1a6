"""A run as one HTML file that needs nothing else: to read, to print, to send to colleagues."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.evaluation.fit import stack
from modelops_runtime.ledger.base import Ledger, Replicate, Run, RunState, Trial
from modelops_runtime.results.convergence import convergence
from modelops_runtime.results.export import modelops_version, plain
from modelops_runtime.results.figures import Figure, counted, fmt, plus_minus
from modelops_runtime.results.fit_figures import fit_figures
from modelops_runtime.results.parameter_figures import parameter_figure
from modelops_runtime.results.searched import on_bound, searched_of
from modelops_runtime.results.standing import CONFIRM_FROM, Candidate, candidates, finalists
from modelops_runtime.results.summary import RunSummary, summary_of
from modelops_runtime.results.targets import targets_of

TEMPLATES = Path(__file__).parent / "templates"


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
    from modelops_runtime.results.writing import together

    run = ledger.get_run(run_id)
    if run is None:
        raise LedgerError(f"no run {run_id!r} in this ledger")
    trials = ledger.trials(run_id)
    ranked = candidates(trials)
    replicates = ledger.replicates(run_id, ranked[0].search.number) if ranked else []
    html = report_html(run, trials, replicates, ledger.now())
    with together(path.parent, [path.name]) as (part,):
        part.write_text(html, encoding="utf-8")
    return path


def report_html(run: Run, trials: Sequence[Trial], replicates: Sequence[Replicate], now: datetime) -> str:
    """The page. `replicates` are the best trial's, of its search and its confirmation."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template("report.html").render(_context(run, trials, replicates, now))


def _context(run: Run, trials: Sequence[Trial], replicates: Sequence[Replicate], now: datetime) -> dict[str, Any]:
    summary = summary_of(run, trials, now)
    ranked = candidates(trials)
    best = ranked[0] if ranked else None
    return {
        "run_id": run.run_id,
        "kind": _kind(run, best),
        "headline": headline(run, summary, best),
        "reason": run.reason,
        "tiles": _tiles(summary, best),
        "parameters": _parameters(run, trials, best),
        "derived": [Row(name=name, value=fmt(value)) for name, value in summary.derived.items()],
        "figures": _figures(run, trials, replicates, best),
        "finalists_say": finalists_say(trials),
        "finalists": [_finalist(candidate, rank) for rank, candidate in enumerate(finalists(trials), start=1)],
        "parameter_names": [parameter.name for parameter in searched_of(run, trials)],
        "failures": summary.failures,
        "last_errors": summary.last_errors,
        "provenance": list(_provenance(run)),
        "spec": json.dumps(plain(run.spec), indent=2, ensure_ascii=False),
        "made": f"{now:%Y-%m-%d %H:%M} UTC",
        "version": modelops_version(),
    }


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
    if run.state is RunState.FAILED:
        return (
            f"The run failed after {done}. The best set until then, not an answer to rely on: trial {number}, {found}."
        )
    if run.state is RunState.OPEN:
        return f"The run is not over: {done} finished. The best set so far is trial {number}: {found}."
    return f"The best parameters are those of trial {number}: {found}."


def _tiles(summary: RunSummary, best: Candidate | None) -> list[Row]:
    rows: list[Row] = []
    if best is not None and best.confirmed_loss is not None:
        rows.append(Row(name="confirmed loss", value=plus_minus(best.confirmed_loss, best.confirmed_loss_se)))
    elif best is not None:
        rows.append(Row(name="loss, not confirmed", value=plus_minus(best.search.loss, best.search.loss_se)))
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


def duration(seconds: float) -> str:
    """`4.2 s`, `42 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60:02d} s" if whole < 3600 else f"{whole // 3600:,} h {whole % 3600 // 60:02d} min"
    )


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
        else:
            note = f"searched from {fmt(parameter.low)} to {fmt(parameter.high)}"
            note += "" if parameter.scale == "linear" else f", {parameter.scale}"
            note += "; on its bound" if on_bound(parameter, best.search.params) else ""
        rows.append(Row(name=name, value=fmt(best.search.params[name]), note=note))
    return rows


def _figures(
    run: Run, trials: Sequence[Trial], replicates: Sequence[Replicate], best: Candidate | None
) -> list[Figure]:
    targets = targets_of(run)
    rows, whose = _fit_rows(replicates, best)
    observations = max((target.stop for target in targets), default=0)
    rows = [row for row in rows if len(row) == 8 * observations]
    values = stack(rows) if rows else np.empty((0, observations))
    figures = [*fit_figures(targets, values, whose)]
    figures += [
        f for f in (convergence(trials, run.trials), parameter_figure(run, trials, best.search if best else None)) if f
    ]
    return figures


def _fit_rows(replicates: Sequence[Replicate], best: Candidate | None) -> tuple[list[bytes], str]:
    """The aligned values to draw: the confirmation's runs where there are any, else the search's."""
    if best is None:
        return [], ""
    done = [r for r in replicates if r.status == "COMPLETED" and r.number == best.search.number]
    fresh = [r.aligned for r in done if r.index >= CONFIRM_FROM]
    if fresh and best.confirmed_loss is not None:
        return fresh, f"the {counted(len(fresh), 'confirmation run')} of trial {best.search.number}"
    searched = [r.aligned for r in done if r.index < CONFIRM_FROM]
    return searched, f"the {counted(len(searched), 'run')} of trial {best.search.number} (not confirmed)"


def finalists_say(trials: Sequence[Trial]) -> str:
    """What the confirmation changed."""
    start = (
        "The lowest loss of a search is lucky as well as good, so the best sets were run again on seeds it never saw. "
    )
    confirmed = [c for c in finalists(trials) if c.confirmed_loss is not None]
    if not confirmed:
        return f"{start}None is done yet."
    lowest = min(confirmed, key=lambda c: (c.search.loss, c.search.number))
    now = plus_minus(lowest.confirmed_loss, lowest.confirmed_loss_se)
    best = confirmed[0].search.number
    text = f"Trial {lowest.search.number}, the best of the search with {fmt(lowest.search.loss)}, comes to {now} there"
    return start + text + (", and stays the best." if best == lowest.search.number else f"; trial {best} is better.")


def _finalist(candidate: Candidate, rank: int) -> dict[str, Any]:
    confirm = candidate.confirm
    status = str(confirm.status).lower() if confirm is not None else ""
    return {
        "rank": rank,
        "trial": candidate.search.number,
        "confirmed": plus_minus(candidate.confirmed_loss, candidate.confirmed_loss_se)
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
    yield from _flat(run.provenance, "")


def _flat(value: Any, name: str) -> Iterator[Row]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{name} {key}".strip())
    elif isinstance(value, list | tuple):
        yield Row(name=name, value=", ".join(str(item) for item in value))
    elif value is not None:
        yield Row(name=name, value=str(value))
