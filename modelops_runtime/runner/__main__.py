"""What an adaptive worker's pod runs: `python -m modelops_runtime.runner --spec adaptive.yaml --dask tls://...`.

Without `--ledger`, the PG* variables say which Postgres. What happens is written as one JSON object a line.
Exit codes: 0 done, 1 failed, 2 a mistake in the spec, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from modelops_runtime.contracts.errors import ModelOpsError, RunFailed
from modelops_runtime.runner.events import event_json
from modelops_runtime.runner.interrupts import stop_on_signals
from modelops_runtime.runner.request import RunRequest
from modelops_runtime.simulation.dask_target import DaskTarget
from modelops_runtime.specs.loading import load_spec

_LEDGER_COMES_UP_S = 120.0
"""A pod may start before its Postgres does, or meet a name server that stutters; to give up early would fail its Job."""


def main(args: Sequence[str] | None = None) -> int:
    """Run one worker's part; returns the exit code."""
    options = _parser().parse_args(args)
    try:
        return _run(options)
    except ModelOpsError as error:
        for line in str(error).splitlines():
            print(f"modelops: {line}", file=sys.stderr)  # noqa: T201 (a pod's log is its user interface)
        return error.exit_code


def _run(options: argparse.Namespace) -> int:
    from modelops_runtime.ledger.opening import open_ledger
    from modelops_runtime.runner.run import run_spec

    loaded = load_spec(options.spec)
    open_ledger(options.ledger, patience_s=_LEDGER_COMES_UP_S).close()
    dask = None
    if options.dask:
        dask = DaskTarget(address=options.dask, ca=options.dask_ca, cert=options.dask_cert, key=options.dask_key)
    request = RunRequest(
        loaded=loaded,
        ledger_url=options.ledger,
        run_id=options.run_id or loaded.spec.name,
        trials=options.trials,
        slots=options.workers,
        dask=dask,
        patience_s=_LEDGER_COMES_UP_S,
    )
    try:
        with stop_on_signals(lambda: None) as stop:
            report = run_spec(request, on_event=lambda event: _say(event_json(event)), stop=stop)
    except RunFailed as error:
        _say({"event": "run_ended", "run": request.run_id, "state": "FAILED", "reason": str(error)})
        raise
    _say({"event": "run_ended", "run": report.run_id, "state": report.state, "summary": dict(report.summary)})
    return 130 if report.interrupted else 0


def _say(event: dict[str, object]) -> None:
    print(json.dumps(event), flush=True)  # noqa: T201


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m modelops_runtime.runner", description=__doc__)
    parser.add_argument("--spec", type=Path, required=True)
    parser.add_argument("--ledger", default="postgresql://", help="default: Postgres, as the PG* variables say")
    parser.add_argument("--run-id", help="default: the spec's name")
    parser.add_argument("--trials", type=int, help="default: the spec's")
    parser.add_argument("--workers", type=int, default=1, help="simulations side by side in this pod (without --dask)")
    parser.add_argument("--dask", metavar="ADDR", help="tcp://... or tls://...")
    for name in ("ca", "cert", "key"):
        parser.add_argument(f"--dask-{name}", type=Path, metavar="FILE", help="PEM file, for tls://")
    return parser


if __name__ == "__main__":
    sys.exit(main())
