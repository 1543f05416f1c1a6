"""Ray Tune with its Optuna search, in a process of its own and, if need be, in another environment."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.bench.workload import Measured, Workload

ROOT = Path(__file__).parents[3]
PATIENCE_S = 1800


def python_with_ray(given: str | None) -> str | None:
    """The Python to run Ray with: the one that was given, this one when it has ray, else None."""
    return given or (sys.executable if importlib.util.find_spec("ray") else None)


@contextmanager
def opened(python: str) -> Iterator[Callable[[Workload], Measured]]:
    yield lambda workload: _measure(python, workload)


def _measure(python: str, workload: Workload) -> Measured:
    env = os.environ | {
        "PYTHONPATH": str(ROOT),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    }
    command = [python, "-m", "tests.bench.peers.ray_script", json.dumps(asdict(workload))]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode:
        raise RuntimeError(f"Ray Tune: {done.stderr[-2000:]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))
