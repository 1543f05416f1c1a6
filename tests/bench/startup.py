"""How soon the commands answer, and how soon after `mops run` the first simulation runs.

Libraries take most of it, so the whole run is held against an interpreter that imports those of them that are heavy. Which
modules each command may import is held by tests/integration/test_imports.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.report import Report, Settings, Table, Target, median

MODEL = """
import time

def simulate(params, seed):
    with open(params["stamps"], "a") as file:
        file.write(f"{time.time()}\\n")
    return {"t": [0], "value": [params["x"]]}
"""
"""Writes down when it runs; imports nothing that takes time."""

SPEC = """
version: 1
name: bench
model: {{entrypoint: "model.py:simulate", timeout: 60s}}
parameters:
  x: {{min: -1, max: 1}}
  stamps: {stamps}
targets:
  bowl: {{observed: data.csv, match: {{exact: t}}, value: value, loss: mean_signal}}
search: {{trials: 2, replicates: 2, confirm: {{top: 0}}}}
"""

HELP, FIRST, SEARCH, WHOLE = "mops --help", "mops run: the look at the model", "mops run: the search", "mops run: whole"
OVER = "mops run: whole, over the libraries"
LIBRARIES = "import numpy, scipy.special, optuna"
AFTERWARDS = {
    "mops status": ("status", "bench"),
    "mops results show": ("results", "show", "bench"),
    "mops check": ("check", "--spec", "adaptive.yaml"),
}
LIMITS = {HELP: 0.2, FIRST: 1.5, SEARCH: 1.5, OVER: 1.5, "mops status": 0.4}
MOPS = Path(sys.executable).with_name("mops")
PATIENCE_S = 120


def run(settings: Settings) -> Report:
    seconds: dict[str, list[float]] = {}
    with TemporaryDirectory(prefix="modelops-bench-") as folder:
        for turn in range(6 if settings.full else 4):
            found = _once(Path(folder) / str(turn))
            if turn:  # the first fills the disk's and Python's caches
                for what, value in found.items():
                    seconds.setdefault(what, []).append(value)
    medians = {what: median(values) for what, values in seconds.items()}
    medians[OVER] = medians[WHOLE] - medians[f"python -c '{LIBRARIES}'"]
    bare = medians["python -c pass"]
    rows = [[what, f"{value:.3f}", f"{value / bare:.1f}"] for what, value in medians.items()]
    return Report(
        title=f"start-up: seconds, medians of {len(seconds[HELP])}",
        tables=[Table(["", "seconds", "over python -c pass"], rows)],
        targets=[Target(what, medians[what], "at most", limit) for what, limit in LIMITS.items()],
        notes=[
            "'the look at the model' is the one simulation before a run; 'the search' is the first simulation after it"
        ],
        figures={"medians": medians, "seconds": seconds},
    )


def _once(root: Path) -> dict[str, float]:
    root.mkdir()
    stamps = root / "stamps.txt"
    (root / "model.py").write_text(MODEL)
    (root / "data.csv").write_text("t,value\n0,0.0\n")
    (root / "adaptive.yaml").write_text(SPEC.format(stamps=stamps))
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MODELOPS_", "PG"))}
    found = {
        "python -c pass": _seconds([sys.executable, "-c", "pass"], env),
        f"python -c '{LIBRARIES}'": _seconds([sys.executable, "-c", LIBRARIES], env),
        HELP: _seconds([str(MOPS), "--help"], env),
    }
    started = time.time()
    whole = _seconds([str(MOPS), "run", "--spec", str(root / "adaptive.yaml"), "--quiet"], env)
    first, search, *_ = sorted(float(line) for line in stamps.read_text().splitlines())
    found |= {FIRST: first - started, SEARCH: search - started, WHOLE: whole}
    return found | {what: _seconds([str(MOPS), *args], env, root) for what, args in AFTERWARDS.items()}


def _seconds(command: Sequence[str], env: Mapping[str, str], folder: Path | None = None) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return time.perf_counter() - started
