"""What the pod of a Dask worker does before it ends: accept no more tasks, finish those that run, hand results to other workers.

`python -m modelops_runtime.pods.retire --dask tls://... --metrics http://127.0.0.1:8789/metrics`, in the
pod of the worker. It never makes the end of the pod fail: results that cannot be handed over are simulated again.
"""

from __future__ import annotations

import argparse
import re
import socket
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelops_runtime.contracts.errors import ModelOpsError
from modelops_runtime.contracts.plain_text import plain_streams
from modelops_runtime.simulation.dask.scheduler_address import SchedulerAddress

_CONNECT_S = 15.0
_LOOK_S = 0.5
_BUSY = re.compile(r'^dask_worker_tasks\{state="(?:executing|long-running|ready)"\} (\S+)$', re.MULTILINE)


def main(args: Sequence[str] | None = None) -> int:
    """Retire the worker; returns the exit code."""
    options = _parser().parse_args(args)
    target = SchedulerAddress(address=options.dask, ca=options.dask_ca, cert=options.dask_cert, key=options.dask_key)
    try:
        print(f"retire: {retire(target, options.name, options.metrics, patience_s=options.patience)}")  # noqa: T201
    except (ModelOpsError, OSError, ValueError) as error:
        print(f"retire: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def retire(target: SchedulerAddress, name: str, metrics: str, *, patience_s: float) -> str:
    """Wait until nothing runs on the worker and others hold its results, at most `patience_s` seconds; returns how it went.

    `metrics` is the address of the worker's own Prometheus metrics: the scheduler does not know which tasks really run.
    """
    from distributed import Client

    from modelops_runtime.simulation.dask.connection import security_of

    give_up = time.monotonic() + patience_s
    security, timeout = security_of(target), min(_CONNECT_S, patience_s)
    with Client(target.address, security=security, timeout=timeout, set_as_default=False) as client:
        known: dict[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
        address = next((address for address, worker in known.items() if worker["name"] == name), None)
        if address is None:
            return f"the scheduler knows no worker {name}"
        client.retire_workers([address], close_workers=False, remove=False)
        while _busy(metrics) and time.monotonic() < give_up:
            time.sleep(_LOOK_S)
        client.retire_workers([address], close_workers=False, remove=False)
    return f"{name} has handed over its results" if time.monotonic() < give_up else f"{name} still runs something"


def _busy(metrics: str) -> bool:
    with urllib.request.urlopen(metrics, timeout=10) as answer:
        return any(float(number) > 0 for number in _BUSY.findall(answer.read().decode()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m modelops_runtime.pods.retire", description=__doc__)
    parser.add_argument("--dask", metavar="ADDR", required=True, help="tcp://... or tls://...")
    for name in ("ca", "cert", "key"):
        parser.add_argument(f"--dask-{name}", type=Path, metavar="FILE", help="PEM file, for tls://")
    parser.add_argument("--name", default=socket.gethostname(), help="the worker's; default: the pod's")
    parser.add_argument("--metrics", metavar="URL", required=True, help="the worker's own Prometheus metrics")
    parser.add_argument(
        "--patience", type=float, default=60.0, metavar="SECONDS", help="how long a simulation may take"
    )
    return parser


if __name__ == "__main__":
    with plain_streams():
        sys.exit(main())
