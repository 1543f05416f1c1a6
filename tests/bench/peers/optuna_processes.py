"""Optuna's own way to use two cores: as many processes that share a study in a journal file."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from tests.bench.workload import REPLICATES, SLOTS, Measured, Workload, simulate_trial

PATIENCE_S = 600

Objective = Callable[[Any, Any], float]
"""Called with what `run` was given and with the trial; what it returns is told."""


@contextmanager
def opened() -> Iterator[Callable[[Workload], Measured]]:
    yield _measure


def _measure(workload: Workload) -> Measured:
    parts = run(_objective, workload, trials=workload.trials, seed=1)
    seconds = [attributes["seconds"] for *_, attributes in parts.trials]
    return Measured(
        simulations=REPLICATES * len(seconds),
        simulated_s=sum(seconds),
        wall_s=parts.wall_s,
        processor_s=parts.processor_s,
    )


def _objective(workload: Workload, trial: Any) -> float:
    x, y = trial.suggest_float("x", -1, 1), trial.suggest_float("y", -1, 1)
    loss, seconds = simulate_trial(workload.params(x, y), workload.model)
    trial.set_user_attr("seconds", seconds)
    return loss


class Study:
    """What SLOTS processes made of a study."""

    def __init__(
        self, parts: list[tuple[float, float, list[tuple[float, float, dict[str, Any], dict[str, Any]]]]]
    ) -> None:
        self.started = min(started for started, *_ in parts)
        self.processor_s = sum(processor_s for _, processor_s, _ in parts)
        self.trials = sorted((row for *_, rows in parts for row in rows), key=lambda row: row[0])
        """(finished at, loss, params, attributes), as they finished; more than was asked for by up to a process each."""
        self.wall_s = self.trials[-1][0] - self.started


def run(objective: Objective, argument: Any, *, trials: int, seed: int) -> Study:
    """Search with Optuna's default sampler in SLOTS processes until `trials` are complete; time begins when all are ready."""
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(SLOTS), context.Queue()
    with tempfile.TemporaryDirectory(prefix="modelops-bench-") as folder:
        journal = str(Path(folder) / "journal.log")
        arguments = [(objective, argument, journal, trials, seed * 1000 + i, barrier, queue) for i in range(SLOTS)]
        processes = [context.Process(target=_work, args=each, daemon=True) for each in arguments]
        for process in processes:
            process.start()
        parts = [queue.get(timeout=PATIENCE_S) for _ in processes]
        for process in processes:
            process.join()
    for part in parts:
        if isinstance(part, str):
            raise RuntimeError(f"Optuna: {part}")
    return Study(parts)


def _work(
    objective: Objective, argument: Any, journal: str, trials: int, seed: int, barrier: Barrier, queue: Queue[Any]
) -> None:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rows: list[tuple[float, float | None, dict[str, Any], dict[str, Any]]] = []

    def note(_study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        rows.append((time.monotonic(), trial.value, trial.params, trial.user_attrs))

    try:
        storage = optuna.storages.JournalStorage(JournalFileBackend(journal))
        sampler = optuna.samplers.TPESampler(seed=seed)
        study = optuna.create_study(storage=storage, study_name="bench", sampler=sampler, load_if_exists=True)
        barrier.wait(PATIENCE_S)
        started, used = time.monotonic(), time.process_time()
        enough = optuna.study.MaxTrialsCallback(trials, states=(optuna.trial.TrialState.COMPLETE,))
        study.optimize(lambda trial: objective(argument, trial), callbacks=[note, enough])
        queue.put((started, time.process_time() - used, rows))
    except BaseException as error:
        barrier.abort()  # the others need not wait for this one
        queue.put(f"{type(error).__name__}: {error}")
        raise
