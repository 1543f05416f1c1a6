"""A model whose simulations wait once so many have begun: a test meddles with a run in its middle, however fast it is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from modelops_runtime.runner.setup.repeating import AGAIN
from tests.support.patience import eventually
from tests.support.projects import Project

_WAIT = """
import time


def wait_while_held():
    with open({begun!r}, "ab", buffering=0) as begun:
        begun.write(b".")
        mine = begun.tell()
    while True:
        try:
            with open({limit!r}) as limit:
                if mine <= int(limit.read()):
                    return
        except FileNotFoundError:
            return
        time.sleep(0.01)

"""

_WHERE = "    rng = "

BEFORE_THE_LEDGER = 1 + len(AGAIN)
"""Simulations before a new run stands in its ledger: the first of all, and those that show whether the model repeats itself."""


@dataclass(frozen=True)
class Hold:
    """Of one project; see `held`."""

    begun: Path
    """Of one byte for each simulation that has begun."""
    limit: Path

    def after(self, simulations: int) -> None:
        """So many of all that ever begin go on, the others wait."""
        new = self.limit.with_suffix(".new")
        new.write_text(str(simulations))
        new.replace(self.limit)

    def lift(self) -> None:
        """Nothing waits any more."""
        self.limit.unlink()

    @property
    def simulations(self) -> int:
        """How many have begun, those that wait among them."""
        return self.begun.stat().st_size if self.begun.exists() else 0

    def wait_until_reached(self, waiting: int = 1) -> None:
        """Until so many simulations wait."""
        wanted = int(self.limit.read_text()) + waiting
        assert eventually(lambda: self.simulations >= wanted), f"{self.simulations} simulations began, not {wanted}"


def held(made: Project, *, after: int, name: str = "") -> Hold:
    """Change the project's model, before it ever runs, so that only the first `after` simulations do not wait.

    Whoever asks the ledger for the run once the hold is reached lets more than `BEFORE_THE_LEDGER` of them through.
    Projects side by side with one `name` have one hold, and the same model.
    """
    name = os.path.join(made.root.parent, name or made.root.name)
    hold = Hold(Path(f"{name}.begun"), Path(f"{name}.limit"))
    model, spec = made.root / "model.py", made.root / "adaptive.yaml"
    text = model.read_text()
    assert _WHERE in text
    waits = text.replace(_WHERE, f"    wait_while_held()\n{_WHERE}", 1)
    model.write_text(_WAIT.format(begun=str(hold.begun), limit=str(hold.limit)) + waits)
    assert "timeout: 20s" in spec.read_text()
    spec.write_text(spec.read_text().replace("timeout: 20s", "timeout: 1h"))
    hold.after(after)
    return hold
