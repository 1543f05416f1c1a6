"""What the events of a run become for Prometheus, and in the log."""

from __future__ import annotations

import io
import json
import logging
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from modelops_runtime.contracts.failures import Failure, FailureKind
from modelops_runtime.contracts.simulation import ReplicateOutcome
from modelops_runtime.ledger.worker_identity import worker_id
from modelops_runtime.pods.json_log import PROGRESS_EVERY_S, RunLog, log_as_json
from modelops_runtime.pods.metrics import Metrics
from modelops_runtime.runner.events import Asked, Counts, Event, RunStarted, Simulated, Tick, TookOver, TrialFinished
from tests.support.pods import log_lines, scraped
from tests.unit.runner.records import trial

DOCS = Path(__file__).resolve().parents[3] / "docs/observability.md"


def counts(**changes: object) -> Counts:
    defaults: dict[str, object] = {
        "finished": 1,
        "found": 0,
        "trials": 9,
        "failed": 0,
        "stopped_early": 0,
        "best_loss": None,
        "best_trial": None,
        "simulations": 3,
        "elapsed_s": 1.0,
        "slots": 4,
        "busy": 2,
    }
    return Counts(**(defaults | changes))  # type: ignore[arg-type]


def seen_after(*events: Event) -> dict[str, float]:
    registry = CollectorRegistry()
    metrics = Metrics(registry, "r")
    for event in events:
        metrics.on_event(event)
    return scraped(generate_latest(registry).decode())


def outcome(index: int, kind: FailureKind | None = None) -> ReplicateOutcome:
    failure = None if kind is None else Failure(kind, "no\nreason")
    return ReplicateOutcome(index=index, seed=1, seconds=0.25, failure=failure)


class TestMetrics:
    def test_only_this_workers_trials_are_counted_and_the_gauges_are_the_runs(self):
        ours = TrialFinished(trial(0, 3.0, worker=worker_id()), counts(best_loss=3.0))
        theirs = TrialFinished(trial(1, 2.0, worker="other"), counts(finished=2, best_loss=2.0))
        seen = seen_after(RunStarted("r", 9, 0, 4), ours, theirs)
        assert seen['modelops_trials_total{phase="search",status="COMPLETED"}'] == 1
        assert (seen["modelops_run_trials_finished"], seen["modelops_run_trials"]) == (2, 9)
        assert (seen["modelops_best_loss"], seen["modelops_last_loss"]) == (2.0, 2.0)

    def test_there_is_no_best_loss_before_the_first(self):
        assert math.isnan(seen_after(RunStarted("r", 9, 0, 4))["modelops_best_loss"])

    def test_failures_are_counted_by_kind_and_take_no_part_in_the_times(self):
        seen = seen_after(Simulated("search", 0, [outcome(0), outcome(1, FailureKind.LOST), outcome(2)]))
        assert seen['modelops_failures_total{kind="LOST"}'] == 1
        assert seen['modelops_replicates_total{phase="search",status="COMPLETED"}'] == 2
        assert (seen["modelops_simulation_seconds_count"], seen["modelops_simulation_seconds_sum"]) == (2, 0.5)

    def test_asking_and_taking_over_are_seen(self):
        seen = seen_after(Asked(0, 0.5), Asked(1, 0.5), TookOver("search", 0, 2), Tick(counts()))
        assert (seen["modelops_ask_seconds_count"], seen["modelops_ask_seconds_sum"]) == (2, 1.0)
        assert seen["modelops_lease_takeovers_total"] == 1
        assert (seen["modelops_slots"], seen["modelops_slots_busy"]) == (4, 2)

    def test_the_docs_name_each_of_them_and_no_other(self):
        ours = TrialFinished(trial(0, 3.0, worker=worker_id()), counts())
        seen = seen_after(ours, Simulated("search", 0, [outcome(0), outcome(1, FailureKind.LOST)]))
        names = {name.partition("{")[0] for name in seen}
        made = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names if not name.endswith("_created")}
        table = DOCS.read_text("utf-8").partition("Counters are")[0]
        told = set(re.findall(r"`(modelops_\w+)", table))
        assert told == made


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the log goes; the process' own logging is put back."""
    root, ours = logging.getLogger(), logging.getLogger("modelops")
    before = root.handlers[:], root.level, ours.level
    there = io.StringIO()
    log_as_json(there)
    yield there
    logging.captureWarnings(False)
    root.handlers[:], level, ours_level = before
    root.setLevel(level)
    ours.setLevel(ours_level)


class TestLog:
    def test_a_failed_replicate_is_one_line_with_trial_and_replicate(self, stream: io.StringIO):
        RunLog("r").on_event(Simulated("search", 7, [outcome(0), outcome(3, FailureKind.TIMEOUT)]))
        (line,) = log_lines(stream.getvalue())
        assert (line["run"], line["trial"], line["replicate"], line["failure"]) == ("r", 7, 3, "TIMEOUT")
        assert line["level"] == "WARNING"

    def test_progress_is_said_now_and_then(self, stream: io.StringIO):
        log = RunLog("r")
        for second in range(int(2 * PROGRESS_EVERY_S)):
            log.on_event(Tick(counts(elapsed_s=float(second))))
        assert len(log_lines(stream.getvalue())) == 2

    def test_what_libraries_log_is_json_too_with_its_traceback_in_one_line(self, stream: io.StringIO):
        try:
            json.loads("{")
        except ValueError:
            logging.getLogger("a.library").exception("said %s", "no")
        (line,) = log_lines(stream.getvalue())
        assert (line["logger"], line["message"]) == ("a.library", "said no")
        assert "JSONDecodeError" in line["traceback"]
