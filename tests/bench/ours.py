"""ModelOps, run in this process as `mops run` runs it, with the time of each of its events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from modelops_runtime.ledger.base import Replicate, Trial
from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.runner.events import Counts, Event, RunStarted, TrialFinished
from modelops_runtime.runner.request import RunReport, RunRequest
from modelops_runtime.runner.run import run_spec
from modelops_runtime.runner.signals import StopRequest
from modelops_runtime.specs.loading import load_spec
from tests.bench.processor_time import processor_time_s
from tests.bench.workload import BURNER, REPLICATES, SLOTS, Measured, Workload, model_of

SPEC = """
version: 1
name: bench
model: {{entrypoint: "{model}.py:simulate", timeout: 60s, memory: 1Gi}}
parameters:
  x: {{min: -1, max: 1}}
  y: {{min: -1, max: 1}}
  seconds: {seconds}
  slow_one_in: {slow_one_in}
targets:
  {target}
search: {{trials: {trials}, replicates: {replicates}, common_random_numbers: false, racing: false, confirm: {{top: 0}}}}
"""
"""Noise of its own for each set, as the peers have it: with common noise, the slow simulations would be the same in all sets."""

TARGETS = {
    BURNER: "bowl: {observed: data.csv, match: {exact: t}, value: value, loss: mean_signal}",
    "ward": "in_bed: {observed: data.csv, match: {exact: day}, value: in_bed, loss: mean_signal}",
}


@dataclass(frozen=True, slots=True)
class OurRun:
    """A run that is over."""

    started: float
    """When the first trial was about to be asked for, on `time.monotonic`."""
    finished: list[tuple[float, Trial, Counts]]
    """When each trial was told as finished, in that order."""
    report: RunReport
    replicates: list[Replicate]
    processor_s: float
    """Of all processes, from `started` to the end of the last trial."""

    @property
    def wall_s(self) -> float:
        return self.finished[-1][0] - self.started


def run(spec: Path, *, slots: int = SLOTS, ledger_url: str | None = None) -> OurRun:
    """Run a spec on an empty ledger: a new SQLite file beside it, unless `ledger_url` says another."""
    loaded = load_spec(spec)
    url = ledger_url or f"sqlite:///{spec.parent.resolve()}/ledger.sqlite"
    started: list[float] = []
    finished: list[tuple[float, Trial, Counts]] = []
    used: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, RunStarted):
            used.append(processor_time_s())
            started.append(time.monotonic())
        elif isinstance(event, TrialFinished):
            finished.append((time.monotonic(), event.trial, event.counts))
            if event.counts.finished == event.counts.trials:
                used.append(processor_time_s())

    request = RunRequest(loaded=loaded, ledger_url=url, run_id=loaded.spec.name, slots=slots)
    report = run_spec(request, on_event=note, stop=StopRequest())
    ledger = open_ledger(url, create=False)
    try:
        return OurRun(started[0], finished, report, ledger.replicates(loaded.spec.name), used[-1] - used[0])
    finally:
        ledger.close()


@contextmanager
def opened() -> Iterator[Callable[[Workload], Measured]]:
    yield _measure


def write_project(root: Path, workload: Workload) -> Path:
    """The spec of a search over the workload's model, with what it names."""
    copyfile(model_of(workload.model).__file__, root / f"{workload.model}.py")
    (root / "data.csv").write_text(_data(workload.model))
    target = TARGETS[workload.model]
    text = SPEC.format(
        model=workload.model, target=target, trials=workload.trials, replicates=REPLICATES, **workload.fixed
    )
    spec = root / "adaptive.yaml"
    spec.write_text(text)
    return spec


def _data(model: str) -> str:
    if model == BURNER:
        return "t,value\n0,0.0\n"
    return "day,in_bed\n" + "".join(f"{day},{value}\n" for day, value in enumerate(model_of(model).OBSERVED))


def _measure(workload: Workload) -> Measured:
    with TemporaryDirectory(prefix="modelops-bench-") as folder:
        done = run(write_project(Path(folder), workload))
    expected = REPLICATES * workload.trials
    if len(done.replicates) != expected:
        raise RuntimeError(f"{len(done.replicates)} replicates in the ledger, {expected} expected")
    cost_s = model_of(workload.model).cost_s
    seconds = [cost_s(workload.fixed, row.seed) for row in done.replicates]
    return Measured(
        simulations=len(seconds), simulated_s=sum(seconds), wall_s=done.wall_s, processor_s=done.processor_s
    )
