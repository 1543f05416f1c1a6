"""The pod of `helm test`: a task through the Dask scheduler, and a row written to and read from the ledger.

`python -m modelops_runtime.pods.helm_test --ledger postgresql:// --dask tls://...`; the exit codes are those of the runner.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelops_runtime.contracts.errors import LedgerError, ModelOpsError, RunFailed
from modelops_runtime.contracts.plain_text import plain_streams
from modelops_runtime.ledger.tls import add_ledger_options, asked_ledger
from modelops_runtime.simulation.dask.scheduler_address import SchedulerAddress

_TASK_S = 60.0
_PATIENCE_S = 60.0


def main(args: Sequence[str] | None = None) -> int:
    """Test the servers that are given; returns the exit code."""
    options = _parser().parse_args(args)
    try:
        if options.ledger:
            _try_ledger(asked_ledger(options))
            print("ledger: a row was written and read")  # noqa: T201
        if options.dask:
            target = SchedulerAddress(
                address=options.dask, ca=options.dask_ca, cert=options.dask_cert, key=options.dask_key
            )
            print(f"dask: a task ran on {_try_dask(target)}")  # noqa: T201
    except ModelOpsError as error:
        for line in str(error).splitlines():
            print(f"selftest: {line}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0


def _try_ledger(url: str) -> None:
    """Write and read the row of a run in a transaction that is rolled back."""
    import psycopg

    from modelops_runtime.ledger.opening import open_ledger

    open_ledger(url, patience_s=_PATIENCE_S).close()
    run_id = f"selftest-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        with psycopg.connect(url) as connection, connection.transaction(force_rollback=True):
            connection.execute(
                "INSERT INTO modelops.run (run_id, identity, identity_parts, spec, provenance, observations, replicates,"
                " created_at) VALUES (%s, '', '{}', '{}', '{}', '[]', 1, now())",
                [run_id],
            )
            found = connection.execute("SELECT count(*) FROM modelops.run WHERE run_id = %s", [run_id]).fetchone()
    except psycopg.Error as error:
        raise LedgerError(f"the ledger does not take a row: {str(error).splitlines()[0]}") from error
    if found != (1,):
        raise LedgerError("the ledger does not give back a row that was written")


def _try_dask(target: SchedulerAddress) -> str:
    """Run a task; returns where it ran."""
    from distributed import Client

    from modelops_runtime.simulation.dask.connection import security_of

    try:
        with Client(target.address, security=security_of(target), timeout=_TASK_S, set_as_default=False) as client:
            answer = client.submit(os.getpid, pure=False)
            answer.result(timeout=_TASK_S)
            holders: Any = client.who_has([answer])  # Any: its types do not know that this client is not asynchronous
            return ", ".join(*holders.values())
    except (OSError, TimeoutError, ValueError) as error:
        raise RunFailed(f"no task ran at {target.address} within {_TASK_S:g} s: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m modelops_runtime.pods.helm_test", description=__doc__)
    add_ledger_options(parser, default=None)
    parser.add_argument("--dask", metavar="ADDR", help="tcp://... or tls://...")
    for name in ("ca", "cert", "key"):
        parser.add_argument(f"--dask-{name}", type=Path, metavar="FILE", help="PEM file, for tls://")
    return parser


if __name__ == "__main__":
    with plain_streams():
        sys.exit(main())
