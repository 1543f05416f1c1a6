"""Results outlive the run: the same export and report as of a local run."""

from __future__ import annotations

from pathlib import Path

from modelops_runtime.ledger.base import Ledger
from modelops_runtime.results.export import Format, export_run
from modelops_runtime.results.report import write_report
from mops.adaptive.ledger import ledger_of
from mops.adaptive.place import ClusterRun
from mops.kube.access import Access


def fetch(access: Access, run: ClusterRun, to: Path, *, format: Format = "parquet") -> list[Path]:
    """Write trials, replicates, fit, run.json and report.html into `to`; empty when there is no ledger yet."""
    with ledger_of(access, run) as ledger:
        if ledger is None or ledger.get_run(run.place.run_id) is None:
            return []
        return write_results(ledger, run.place.run_id, to, format=format)


def write_results(ledger: Ledger, run_id: str, to: Path, *, format: Format = "parquet") -> list[Path]:
    return [*export_run(ledger, run_id, to, format=format), write_report(ledger, run_id, to / "report.html")]
