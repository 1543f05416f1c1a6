"""What the loop says while it works. Whoever shows progress takes these; nothing else is printed by the runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.simulation import ReplicateOutcome
from modelops_runtime.ledger.base import Phase, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The current state of the run."""

    finished: int
    """Search trials, of all workers."""
    found: int
    """How many of these were in the ledger when this worker began."""
    trials: int
    """The budget."""
    failed: int
    stopped_early: int
    best_loss: float | None
    best_trial: int | None
    best_params: Mapping[str, Scalar] | None = None
    """All parameters of the best trial, the searched ones first."""
    simulations: int
    """Run by this worker."""
    elapsed_s: float
    slots: int
    busy: int
    """Slots that simulate. Exact in a Tick; a TrialFinished is sent before its slot is filled again."""
    paused: bool = False
    confirming: bool = False
    confirmed: int = 0
    finalists: int = 0

    @property
    def simulations_per_s(self) -> float:
        return self.simulations / self.elapsed_s if self.elapsed_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class RunStarted:
    run_id: str
    trials: int
    finished: int
    """Search trials that were finished in the ledger already (a resumed run)."""
    slots: int


@dataclass(frozen=True, slots=True)
class TrialFinished:
    trial: Trial
    counts: Counts


@dataclass(frozen=True, slots=True)
class Tick:
    """Sent from time to time while no trial finishes."""

    counts: Counts


@dataclass(frozen=True, slots=True)
class Notice:
    """A line worth showing."""

    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The algorithm was asked for a trial's parameters, which took `seconds`."""

    trial: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TookOver:
    """This worker continues a trial that another one held."""

    phase: Phase
    trial: int
    lease_no: int


@dataclass(frozen=True, slots=True)
class Simulated:
    """A task returned these replicates of a trial. LOST ones are usually run again."""

    phase: Phase
    trial: int
    outcomes: Sequence[ReplicateOutcome]


Detail = Asked | TookOver | Simulated
"""Frequent events for metrics; they do not carry the state of the run."""

Event = RunStarted | TrialFinished | Tick | Notice | Detail
OnEvent = Callable[[Event], None]


def event_json(event: Event) -> dict[str, object]:
    """One event as plain values, for programs: `{"event": "trial", ...}`."""
    match event:
        case RunStarted():
            return {"event": "run_started", **asdict(event)}
        case TrialFinished(trial, counts):
            return {
                "event": "trial",
                "phase": trial.phase,
                "trial": trial.number,
                "status": trial.status,
                "params": trial.params,
                "loss": trial.loss,
                "loss_se": trial.loss_se,
                "effective_sample_size": trial.effective_sample_size,
                "loss_bias": trial.loss_bias,
                "stopped_early": trial.stopped_early,
                "replicates": trial.replicates,
                "seconds": trial.seconds,
                "error": trial.error,
                "progress": _counts_json(counts),
            }
        case Tick(counts):
            return {"event": "progress", **_counts_json(counts)}
        case Notice(text):
            return {"event": "notice", "text": text}
        case Asked():
            return {"event": "asked", **asdict(event)}
        case TookOver():
            return {"event": "took_over", **asdict(event)}
        case Simulated(phase, trial, outcomes):
            failures = [
                {"replicate": o.index, "kind": o.failure.kind, "error": o.failure.message}
                for o in outcomes
                if o.failure
            ]
            replicates = [outcome.index for outcome in outcomes]
            return {
                "event": "simulated",
                "phase": phase,
                "trial": trial,
                "replicates": replicates,
                "failures": failures,
            }


def _counts_json(counts: Counts) -> dict[str, object]:
    """Without the best parameters, which have their own event, and the pause, which is a notice."""
    return {name: value for name, value in asdict(counts).items() if name not in ("best_params", "paused")}
