"""The Prometheus metrics of an adaptive worker, from the events of the runner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from modelops_runtime.contracts.errors import UserError
from modelops_runtime.ledger.worker_identity import worker_id
from modelops_runtime.runner.events import (
    Asked,
    Counts,
    Event,
    OnEvent,
    RunStarted,
    Simulated,
    Tick,
    TookOver,
    TrialFinished,
)

_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)


@contextmanager
def served_metrics(port: int | None, run_id: str) -> Iterator[OnEvent]:
    """Serve `/metrics` on `port` of every interface until the block ends; yields the listener. None: no metrics.

    Raises UserError when the package prometheus-client is missing or the port cannot be opened.
    """
    if port is None:
        yield lambda _event: None
        return
    try:
        from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
    except ImportError as error:
        raise UserError("--metrics-port needs prometheus-client: pip install prometheus-client") from error
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    metrics = Metrics(registry, run_id)
    try:
        server, thread = start_http_server(port, registry=registry)
    except OSError as error:
        raise UserError(f"--metrics-port {port} cannot be had ({error.strerror}); name another") from error
    try:
        yield metrics.on_event
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Metrics:
    """Counters are those of this worker, so that their sum over the workers of a run is right; gauges are those of the run."""

    def __init__(self, registry, run_id: str) -> None:  # prometheus_client.CollectorRegistry
        from prometheus_client import Counter, Gauge, Histogram

        self._worker = worker_id()
        self._run = run_id

        def made(kind, name: str, about: str, labels: tuple[str, ...] = (), **options: object):
            return kind(f"modelops_{name}", about, ("run", *labels), registry=registry, **options)

        def alone(kind, name: str, about: str, **options: object):
            return made(kind, name, about, (), **options).labels(run_id)

        self._trials = made(Counter, "trials", "Trials that this worker finished.", ("phase", "status"))
        self._stopped_early = alone(Counter, "trials_stopped_early", "Of these, the ones that racing stopped.")
        self._replicates = made(
            Counter, "replicates", "Simulations that came back to this worker.", ("phase", "status")
        )
        self._failures = made(
            Counter, "failures", "Simulations that failed, LOST ones that are run again too.", ("kind",)
        )
        self._simulation = alone(
            Histogram, "simulation_seconds", "Wall time of a simulation that did not fail.", buckets=_SECONDS
        )
        self._ask = alone(Histogram, "ask_seconds", "Time that the algorithm took to propose a set.", buckets=_SECONDS)
        self._takeovers = alone(Counter, "lease_takeovers", "Trials taken over from another worker.")
        self._loss = alone(Gauge, "last_loss", "Loss of the search trial that completed last.")
        self._best = alone(Gauge, "best_loss", "Lowest loss of the run's completed search trials.")
        self._best.set(float("nan"))
        self._loss.set(float("nan"))
        self._budget = alone(Gauge, "run_trials", "The run's budget of search trials.")
        self._finished = alone(Gauge, "run_trials_finished", "Search trials that all workers finished.")
        self._failed = alone(Gauge, "run_trials_failed", "Of these, the ones that failed.")
        self._slots = alone(Gauge, "slots", "Simulations that can run side by side.")
        self._busy = alone(Gauge, "slots_busy", "Slots that simulate for this worker.")

    def on_event(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._budget.set(event.trials)
                self._finished.set(event.finished)
                self._slots.set(event.slots)
            case TrialFinished(trial, counts):
                self._stand(counts)
                if trial.phase == "search" and trial.loss is not None:
                    self._loss.set(trial.loss)
                if trial.worker == self._worker:
                    self._trials.labels(self._run, trial.phase, trial.status).inc()
                    self._stopped_early.inc(trial.stopped_early)
            case Tick(counts):
                self._stand(counts)
                self._busy.set(counts.busy)
            case Asked(_, seconds):
                self._ask.observe(seconds)
            case TookOver():
                self._takeovers.inc()
            case Simulated():
                self._simulated(event)

    def _stand(self, counts: Counts) -> None:
        self._budget.set(counts.trials)
        self._finished.set(counts.finished)
        self._failed.set(counts.failed)
        self._slots.set(counts.slots)
        if counts.best_loss is not None:
            self._best.set(counts.best_loss)

    def _simulated(self, done: Simulated) -> None:
        for outcome in done.outcomes:
            status = "COMPLETED" if outcome.failure is None else "FAILED"
            self._replicates.labels(self._run, done.phase, status).inc()
            if outcome.failure is None:
                self._simulation.observe(outcome.seconds)
            else:
                self._failures.labels(self._run, outcome.failure.kind).inc()
