"""The program of an adaptive worker: `python -m modelops_runtime.pods.worker --spec adaptive.yaml --dask tls://...`.

Without `--ledger`, the PG* variables name the Postgres database. Events are logged as one JSON object in each line.
Exit codes: 0 done, 1 failed, 2 a mistake in the spec, 75 a server cannot be reached (try again later), 130 interrupted.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from modelops_runtime.contracts.errors import ModelOpsError, RunFailed, Unreachable
from modelops_runtime.contracts.plain_text import plain_streams
from modelops_runtime.ledger.tls import add_ledger_options, asked_ledger
from modelops_runtime.pods.json_log import RunLog, log_as_json
from modelops_runtime.pods.metrics import served_metrics
from modelops_runtime.runner.events import Event
from modelops_runtime.runner.request import RunRequest
from modelops_runtime.runner.signals import stop_on_signals
from modelops_runtime.simulation.dask.scheduler_address import SchedulerAddress
from modelops_runtime.specs.loading import load_spec

_LEDGER_COMES_UP_S = 120.0
"""A pod may start before its Postgres, or while DNS fails; giving up early would fail its Job."""

_TRY_AGAIN = 75
"""EX_TEMPFAIL: the Job starts another pod, where 1 and 2 would fail it."""


def main(args: Sequence[str] | None = None) -> int:
    """Run one worker; returns the exit code."""
    options = _parser().parse_args(args)
    log_as_json(sys.stdout, with_dask=bool(options.dask))
    log = RunLog(options.run_id or "")
    # The first process of a container ignores signals without a handler, and it begins by waiting for the ledger.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(130))
    try:
        return _run(options)
    except ModelOpsError as error:
        for line in str(error).splitlines():
            log.say(logging.ERROR, line)
        return _TRY_AGAIN if isinstance(error, Unreachable) else error.exit_code
    except Exception:
        logging.getLogger("modelops").exception("a mistake in modelops itself; please report it")
        return 1


def _run(options: argparse.Namespace) -> int:
    from modelops_runtime.ledger.opening import open_ledger
    from modelops_runtime.runner.run import run_spec

    loaded = load_spec(options.spec)
    run_id = options.run_id or loaded.spec.name
    log = RunLog(run_id)
    dask = None
    if options.dask:
        dask = SchedulerAddress(address=options.dask, ca=options.dask_ca, cert=options.dask_cert, key=options.dask_key)
    ledger_url = asked_ledger(options)
    request = RunRequest(
        loaded=loaded,
        ledger_url=ledger_url,
        run_id=run_id,
        ledger_patience_s=_LEDGER_COMES_UP_S,
        trials=options.trials,
        slots=options.workers,
        dask=dask,
    )
    with served_metrics(options.metrics_port, run_id) as measure:

        def on_event(event: Event) -> None:
            measure(event)
            log.on_event(event)

        # The wait is here, where SIGTERM still ends the process at once; the handler of a run finishes its simulations first.
        open_ledger(ledger_url, patience_s=_LEDGER_COMES_UP_S).close()
        try:
            with stop_on_signals(lambda: None) as stop:
                report = run_spec(request, on_event=on_event, stop=stop)
        except RunFailed:
            log.say(logging.ERROR, "the run failed", event="run_ended", state="FAILED")
            raise
    text = "interrupted" if report.interrupted else f"the run is {report.state}"
    log.say(logging.INFO, text, event="run_ended", state=report.state, summary=dict(report.summary))
    return 130 if report.interrupted else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m modelops_runtime.pods.worker", description=__doc__)
    parser.add_argument("--spec", type=Path, required=True)
    add_ledger_options(parser, default="postgresql://")
    parser.add_argument("--run-id", help="default: the spec's name")
    parser.add_argument("--trials", type=int, help="default: the spec's")
    parser.add_argument("--workers", type=int, default=1, help="simulations side by side in this pod (without --dask)")
    parser.add_argument("--dask", metavar="ADDR", help="tcp://... or tls://...")
    for name in ("ca", "cert", "key"):
        parser.add_argument(f"--dask-{name}", type=Path, metavar="FILE", help="PEM file, for tls://")
    parser.add_argument(
        "--metrics-port",
        type=_port,
        default=os.environ.get("MODELOPS_METRICS_PORT") or None,
        help="serve Prometheus metrics there; default: MODELOPS_METRICS_PORT, else none",
    )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; a number from 1 to 65535 is right")
    return int(text)


if __name__ == "__main__":
    with plain_streams():
        sys.exit(main())
