"""The table of failed trials: how many of each kind, their errors, and the last lines that a few of them printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.contracts.wording import counted, fmt
from modelops_runtime.inference.run_data import error_shape, failed_examples
from modelops_runtime.ledger.base import Replicate, Trial

LOG_LINES = 12
"""How many of the last lines of a log are shown."""

LOG_WIDTH = 240

ERRORS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The last lines that a failed simulation printed."""

    trial: int
    params: str
    error: str
    lines: str
    """Empty if it printed nothing."""
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FailuresOfKind:
    """All failed trials of one kind."""

    kind: str
    count: int
    errors: tuple[tuple[str, int], ...]
    """(error, trials that had it, whatever the numbers in it), the most frequent first."""
    others: int
    """Errors that are not listed."""
    logs: tuple[Log, ...]


def failures_by_kind(trials: Sequence[Trial], replicates: Sequence[Replicate]) -> list[FailuresOfKind]:
    """Failed trials by kind, the most frequent first, confirmations included."""
    by_kind: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.status in (TrialStatus.FAILED, TrialStatus.TIMEOUT):
            by_kind.setdefault(_kind(trial), []).append(trial)
    examples = failed_examples(trials)
    found: list[FailuresOfKind] = []
    for kind, those in by_kind.items():
        ranked = _errors(those)
        found.append(
            FailuresOfKind(
                kind=kind,
                count=len(those),
                errors=tuple(ranked[:ERRORS]),
                others=max(len(ranked) - ERRORS, 0),
                logs=tuple(_log(trial, replicates) for trial in examples if _kind(trial) == kind),
            )
        )
    return sorted(found, key=lambda failures: (-failures.count, failures.kind))


def _errors(trials: Sequence[Trial]) -> list[tuple[str, int]]:
    """(an error, how many trials had it, whatever the numbers in it), the most frequent first."""
    by_shape: dict[str, list[str]] = {}
    for trial in trials:
        error = trial.error or "no message"
        by_shape.setdefault(error_shape(error), []).append(error)
    found = [(Counter(errors).most_common(1)[0][0], len(errors)) for errors in by_shape.values()]
    return sorted(found, key=lambda item: (-item[1], item[0]))


def _kind(trial: Trial) -> str:
    return trial.failure or str(trial.status)


def failures_say(trials: Sequence[Trial], failures: Sequence[FailuresOfKind]) -> str:
    """How many trials failed of how many, and what most of them had in common."""
    finished = sum(trial.status.is_final for trial in trials)
    failed = sum(kind.count for kind in failures)
    said = (
        f"{failed:,} of {counted(finished, 'trial')} failed ({fmt(float(f'{100 * failed / max(finished, 1):.2g}'))} %)"
    )
    error, count = max((kind.errors[0] for kind in failures), key=lambda item: item[1])
    return f"{said}; the commonest error, {times(error, count)}: {error}"


def times(error: str, count: int) -> str:
    """`7 times, with different numbers`: errors that differ only in their numbers count as one."""
    varies = count > 1 and error_shape(error) != error
    return counted(count, "time") + (", with different numbers" if varies else "")


def _log(trial: Trial, replicates: Sequence[Replicate]) -> Log:
    failed = [r for r in replicates if r.number == trial.number and r.status == "FAILED"]
    texts = [r.log for r in failed if r.log.strip()]
    lines = (texts[0] if texts else "").rstrip().splitlines()
    kept = [line if len(line) <= LOG_WIDTH else f"{line[: LOG_WIDTH - 1]}…" for line in lines[-LOG_LINES:]]
    params = ", ".join(f"{name} {fmt(value)}" for name, value in (trial.params or {}).items())
    return Log(
        trial=trial.number,
        params=params,
        error=trial.error or "no message",
        lines="\n".join(kept),
        cut=len(lines) > LOG_LINES,
    )
