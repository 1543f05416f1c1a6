"""Results outlive the run: the same export and report as of a local run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from modelops_runtime.ledger.base import Ledger
from modelops_runtime.results.atomic_files import written_together
from modelops_runtime.results.export import CSV_FILES, FILES, STUDY_FILES, Format, export_run
from modelops_runtime.results.report.page import write_report
from mops.adaptive.ledger import NotFromHere, ledger_of
from mops.adaptive.release_ref import ClusterRun
from mops.adaptive.results_by_job import fetch_by_job
from mops.cluster.access import Access, Kube
from mops.terminal.notify import Notify

REPORT = "report.html"


def fetch(access: Access, run: ClusterRun, to: Path, *, notify: Notify, format: Format = "parquet") -> list[Path]:
    """Write trials, replicates, fit, bands, run.json and report.html into `to`; returns none if there is no ledger yet."""
    try:
        with ledger_of(access, run) as ledger:
            if ledger is None or ledger.get_run(run.ref.run_id) is None:
                return []
            return write_results(ledger, run.ref.run_id, to, format=format)
    except NotFromHere as error:
        notify(f"{error.what}; a job in {run.ref.namespace} sends the results through its log")
        files = fetch_by_job(Kube(access), run, format)
        return _write(files, to) if files else []


def _write(files: Mapping[str, bytes], to: Path) -> list[Path]:
    """Write all files or none, in their order; only files of an export, whatever the pod sends."""
    names = [name for name in dict.fromkeys((*FILES, *CSV_FILES, *STUDY_FILES, REPORT)) if name in files]
    with written_together(to, names) as paths:
        for name, path in zip(names, paths, strict=True):
            path.write_bytes(files[name])
    return [to / name for name in names]


def write_results(ledger: Ledger, run_id: str, to: Path, *, format: Format = "parquet") -> list[Path]:
    return [*export_run(ledger, run_id, to, format=format), write_report(ledger, run_id, to / REPORT)]
