"""The report of a run: one HTML file that needs no other file, to read, print or send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from modelops_runtime.contracts.plain_json import plain
from modelops_runtime.contracts.plain_text import plain_text
from modelops_runtime.contracts.wording import duration, fmt
from modelops_runtime.inference.cautions import Findings, findings_of
from modelops_runtime.inference.identifiability import (
    how_found,
    interval_notes,
    interval_rows,
    intervals_say,
    not_identified,
)
from modelops_runtime.inference.intervals import Intervals
from modelops_runtime.inference.run_data import RunData, gather
from modelops_runtime.inference.search_trials import search_trials
from modelops_runtime.inference.searched import searched_of
from modelops_runtime.ledger.base import Ledger
from modelops_runtime.results.report.answer import AnswerRow, headline, kind_of, parameter_rows, tiles_of
from modelops_runtime.results.report.failures import failures_by_kind, failures_say, times
from modelops_runtime.results.report.figure import FigureData
from modelops_runtime.results.report.figure_discovery import drawings_of
from modelops_runtime.results.report.finalists import finalist_rows, finalists_say
from modelops_runtime.results.report.plot.svg import key
from modelops_runtime.results.report.provenance import provenance_rows
from modelops_runtime.results.report.spans import worker_times
from modelops_runtime.results.report.style import TEMPLATES, page_style
from modelops_runtime.results.run_progress import progress_of
from modelops_runtime.results.version import modelops_version

WORKERS = 20
"""How many workers have a line in the table."""


def write_report(ledger: Ledger, run_id: str, path: Path) -> Path:
    """Write the report of a run as it stands, atomically; returns `path`.

    Raises LedgerError when there is no such run.
    """
    return write_page(gather(ledger, run_id), path)


def write_page(run_data: RunData, path: Path, found: Findings | None = None) -> Path:
    """Write the report from rows that the caller has read, and from findings that it has computed."""
    from modelops_runtime.results.atomic_files import written_together

    html = page_of(run_data, found)
    with written_together(path.parent, [path.name]) as (part,):
        part.write_text(html, encoding="utf-8")
    return path


def page_of(run_data: RunData, found: Findings | None = None) -> str:
    """The page as HTML. All names, errors and logs are escaped, since they come from users and models."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"duration": duration, "key": key, "times": times}
    return plain_text(pages.get_template("report.html").render(_context(run_data, found or findings_of(run_data))))


def _context(run_data: RunData, findings: Findings) -> dict[str, Any]:
    run, trials, found = run_data.run, run_data.trials, findings.intervals
    progress = progress_of(run, trials, run_data.now)
    best = next(iter(run_data.ranked), None)
    return {
        "run_id": run.run_id,
        "kind": kind_of(run, best),
        "headline": headline(run, progress, best),
        "reason": run.reason,
        "warnings": run.warnings,
        "doubts": [caution.text for caution in findings.doubts],
        "tiles": tiles_of(progress, best),
        "parameters": parameter_rows(run, trials, best, interval_notes(found)),
        "fit_says": findings.fit.says,
        "derived": [AnswerRow(name=name, value=fmt(value)) for name, value in progress.derived.items()],
        "style": page_style(),
        "figures": drawings_of(FigureData(run_data=run_data, intervals=found, checks=findings.checks)),
        "finalists_say": finalists_say(trials),
        "finalists": finalist_rows(trials),
        "parameter_names": [parameter.name for parameter in searched_of(run, trials)],
        **_identified(run_data, found),
        **_failures(run_data),
        "workers": worker_times(trials)[:WORKERS],
        "provenance": list(provenance_rows(run)),
        "spec": json.dumps(plain(run.spec), indent=2, ensure_ascii=False),
        "made": f"{run_data.now:%Y-%m-%d %H:%M} UTC",
        "version": modelops_version(),
    }


def _identified(run_data: RunData, found: Intervals) -> dict[str, Any]:
    run, trials = run_data.run, run_data.trials
    best = next((candidate.search for candidate in run_data.ranked), None)
    searched = searched_of(run, trials)
    if best is None or not searched:
        return {"intervals": [], "intervals_say": "", "how_found": "", "not_identified": [], "level": ""}
    return {
        "intervals": [] if found.reason else interval_rows(found, best),
        "intervals_say": intervals_say(found),
        "how_found": how_found(found),
        "not_identified": [c.text for c in not_identified(found, searched, best, search_trials(trials).full)],
        "level": f"{100 * found.level:.3g} %",
    }


def _failures(run_data: RunData) -> dict[str, Any]:
    failures = failures_by_kind(run_data.trials, run_data.replicates)
    return {"failures": failures, "failures_say": failures_say(run_data.trials, failures) if failures else ""}
