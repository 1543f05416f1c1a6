"""Small projects (a spec, a model, data) made in a temporary folder, and the `mops` command on them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support import forked
from tests.support.forked import Ended as Ended
from tests.support.patience import PATIENCE_S

LINE_MODEL = """
import time
import numpy as np

def simulate(params, seed):
    rng = np.random.default_rng(seed)
    time.sleep(params.get("sleep", 0.0))
    t = np.arange(5)
    return {"t": t, "y": params["slope"] * t + params["height"] + rng.normal(0, 0.5, 5)}
"""
"""A straight line with noise."""

LINE_DATA = "t,y\n0,1.0\n1,3.0\n2,5.0\n3,7.0\n4,9.0\n"
"""Slope 2, height 1."""

LINE_SPEC = """
version: 1
name: {name}
model: {{entrypoint: "model.py:simulate", timeout: 20s, memory: 1Gi}}
parameters:
  slope: {{min: 0.0, max: 5.0}}
  height: {{min: -3.0, max: 5.0}}
  sleep: {sleep}
targets:
  line:
    observed: data.csv
    match: {{exact: t}}
    value: y
    loss: {loss}
search:
  trials: {trials}
  replicates: {replicates}
  seed: 7
  confirm: {{top: 2, replicates: 4}}
{extra}
"""


@dataclass(frozen=True)
class Project:
    """A folder with `adaptive.yaml`, and an environment of its own."""

    root: Path
    env: Mapping[str, str]

    @property
    def ledger(self) -> Path:
        return self.root / ".modelops" / "ledger.sqlite"

    def mops(self, *args: str, timeout_s: float = PATIENCE_S) -> Ended:
        """Run `mops ARGS` in the folder and wait for it; by a forked process where that is the same."""
        return forked.run("mops", args, environment=self.env, folder=self.root, timeout_s=timeout_s)

    def shipped(self, *args: str) -> Ended:
        """The same by an interpreter of its own, as a user starts it."""
        return forked.run("mops", args, environment=self.env, folder=self.root, fresh=True)

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start `mops ARGS` in a session of its own; the caller ends it."""
        return subprocess.Popen(
            mops_command(*args),
            cwd=self.root,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def mops_command(*args: str) -> Sequence[str]:
    return [sys.executable, "-c", "from mops.cli import main; main()", *args]


def project(root: Path, *, spec: str, model: str = LINE_MODEL, data: str = LINE_DATA) -> Project:
    """Write the files; the command's HOME is empty and no variable of ours reaches it."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "adaptive.yaml").write_text(spec)
    (root / "model.py").write_text(model)
    (root / "data.csv").write_text(data)
    home = root.parent / f"{root.name}-home"
    home.mkdir(exist_ok=True)
    return Project(root, mops_environment(home))


def mops_environment(home: Path) -> dict[str, str]:
    """Ours, with a HOME of its own and without the variables that mops reads."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MODELOPS_", "PG"))}
    return env | {"HOME": str(home)}


def line_spec(
    *,
    name: str = "line",
    trials: int = 12,
    replicates: int = 3,
    sleep: float = 0.0,
    loss: str = "mean_signal",
    extra: str = "",
) -> str:
    """A spec for the straight line; `extra` goes below `search` (indented) or after it."""
    return LINE_SPEC.format(name=name, trials=trials, replicates=replicates, sleep=sleep, loss=loss, extra=extra)


def line_project(root: Path, **changes: object) -> Project:
    return project(root, spec=line_spec(**changes))  # type: ignore[arg-type]


def finished_line(root: Path) -> Project:
    """The line, with its run of 30 trials x 4 replicates done, on one slot: the same trials every time."""
    made = line_project(root, trials=30, replicates=4)
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "1")
    assert ended.code == 0, ended.err
    return made
