"""The log of a pod: one JSON object in each line, with time, level and run, and with trial and replicate where they apply."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from modelops_runtime.contracts.plain_text import json_text
from modelops_runtime.runner.events import (
    Counts,
    Event,
    Notice,
    RunStarted,
    Simulated,
    Tick,
    TookOver,
    TrialFinished,
    event_json,
)

PROGRESS_EVERY_S = 10.0
"""Seconds between lines that only report progress."""

_log = logging.getLogger("modelops")


def log_as_json(stream: TextIO, *, with_dask: bool = False) -> None:
    """Write everything that is logged in this process, also by libraries and as warnings, to `stream` as JSON lines.

    `with_dask`: Dask is configured before its import, because it installs handlers that write plain text.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    _log.setLevel(logging.INFO)
    logging.captureWarnings(True)
    if with_dask:
        with contextlib.suppress(ImportError):
            from dask import config

            config.set({"logging": {"version": 1, "disable_existing_loggers": False, "incremental": True}})


class JsonFormatter(logging.Formatter):
    """`extra={"fields": {...}}` of a record become keys of its object."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json_text(said, default=str)


class RunLog:
    """Writes the events of a run to the log."""

    def __init__(self, run_id: str) -> None:
        self._run = run_id
        self._next_progress_s = 0.0

    def say(self, level: int, message: str, **fields: object) -> None:
        _log.log(level, message, extra={"fields": {"run": self._run, **fields}})

    def on_event(self, event: Event) -> None:
        match event:
            case RunStarted():
                text = f"{event.trials} trials, {event.finished} of them finished; {event.slots} slots"
                self._event(logging.INFO, text, event)
            case TrialFinished(trial, _):
                result = f"loss {trial.loss:.6g}" if trial.loss is not None else f"{trial.failure}: {trial.error}"
                level = logging.INFO if trial.failure is None else logging.WARNING
                self._event(level, f"{trial.phase} trial {trial.number} {trial.status}: {result}", event)
            case Tick(counts):
                if counts.elapsed_s >= self._next_progress_s:
                    self._next_progress_s = counts.elapsed_s + PROGRESS_EVERY_S
                    self._event(logging.INFO, _progress_text(counts), event)
            case Notice(text):
                self._event(logging.INFO, text, event)
            case TookOver():
                self._event(logging.WARNING, f"took over {event.phase} trial {event.trial}", event)
            case Simulated():
                self._failures(event)

    def _event(self, level: int, message: str, event: Event) -> None:
        self.say(level, message, **event_json(event))

    def _failures(self, done: Simulated) -> None:
        for outcome in done.outcomes:
            if outcome.failure is not None:
                fields: Mapping[str, object] = {
                    "event": "replicate_failed",
                    "phase": done.phase,
                    "trial": done.trial,
                    "replicate": outcome.index,
                    "failure": outcome.failure.kind,
                }
                text = f"{outcome.failure.kind}: {outcome.failure.message}"
                self.say(logging.WARNING, text, **fields)


def _progress_text(counts: Counts) -> str:
    best = "none yet" if counts.best_loss is None else f"{counts.best_loss:.6g}"
    return f"{counts.finished} of {counts.trials} trials, best loss {best}, {counts.busy} of {counts.slots} slots busy"
