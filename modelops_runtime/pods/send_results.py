"""Sends results out of a cluster through the log of a pod: `python -m modelops_runtime.pods.send_results --run-id RUN`.

Exit codes: 0 sent (no file when there is no such run yet), 1 failed, 2 a mistake.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from modelops_runtime.contracts.errors import ModelOpsError
from modelops_runtime.contracts.plain_text import plain_streams
from modelops_runtime.ledger.opening import ledger_exists, open_ledger
from modelops_runtime.ledger.tls import add_ledger_options, asked_ledger
from modelops_runtime.results.export import FORMATS, export_run
from modelops_runtime.results.log_transport import SUMMARY, sent
from modelops_runtime.results.report.page import write_report
from modelops_runtime.results.run_progress import read_progress

_PATIENCE_S = 120.0
"""NetworkPolicies admit a pod a moment after it has started, and the database may be starting too."""


def main(args: Sequence[str] | None = None) -> int:
    """Send the requested files; returns the exit code."""
    options = _parser().parse_args(args)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for line in sent(_written(options, Path(folder))):
                print(line)  # noqa: T201
    except ModelOpsError as error:
        for line in str(error).splitlines():
            print(f"send: {line}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0


def _written(options: argparse.Namespace, folder: Path) -> list[Path]:
    url, run_id = asked_ledger(options), options.run_id
    if not ledger_exists(url, patience_s=_PATIENCE_S):
        return []
    ledger = open_ledger(url, create=False, patience_s=_PATIENCE_S)
    try:
        if ledger.get_run(run_id) is None:
            return []
        if options.what == "summary":
            path = folder / SUMMARY
            path.write_text(json.dumps(read_progress(ledger, run_id).as_json()), encoding="utf-8")
            return [path]
        exported = export_run(ledger, run_id, folder, format=options.what)
        return [*exported, write_report(ledger, run_id, folder / "report.html")]
    finally:
        ledger.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m modelops_runtime.pods.send_results", description=__doc__)
    parser.add_argument("--run-id", required=True)
    parser.add_argument(
        "--what", choices=(*FORMATS, "summary"), default="parquet", help="an export and the report, or a summary"
    )
    add_ledger_options(parser, default="postgresql://")
    return parser


if __name__ == "__main__":
    with plain_streams():
        sys.exit(main())
