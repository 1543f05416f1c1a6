"""What the loop says while it works. Whoever shows progress takes these; nothing else is printed by the runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.ledger.base import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Where the run stands just now."""

    finished: int
    """Search trials, of all workers."""
    found: int
    """Of these, how many were in the ledger when this worker began."""
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
    """Slots that simulate. Right in a Tick; a TrialFinished is said before its slot is filled again."""
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
    """Search trials found finished in the ledger: a resumed run."""
    slots: int


@dataclass(frozen=True, slots=True)
class TrialFinished:
    trial: Trial
    counts: Counts


@dataclass(frozen=True, slots=True)
class Tick:
    """Now and then, while nothing finished."""

    counts: Counts


@dataclass(frozen=True, slots=True)
class Notice:
    """A line worth showing."""

    text: str


Event = RunStarted | TrialFinished | Tick | Notice
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


def _counts_json(counts: Counts) -> dict[str, object]:
    """Without the best's parameters, which its own event has, and the pause, which is a notice."""
    return {name: value for name, value in asdict(counts).items() if name not in ("best_params", "paused")}
