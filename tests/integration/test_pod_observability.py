"""What a pod of a run lets others see: metrics on a port, and a log of JSON lines, neither with a secret in it."""

from __future__ import annotations

import base64
import os
import re
import signal
import socket
import urllib.parse
from pathlib import Path

from modelops_runtime.contracts.trial import TrialStatus
from tests.support.dask_cluster import Cluster
from tests.support.ledgers import read, wait_for_trials
from tests.support.patience import PATIENCE_S
from tests.support.pods import log_lines, scrape, scraped, start_runner
from tests.support.ports import free_port
from tests.support.projects import line_project, line_spec, project

STEEP_FAILS = """
import time

import numpy as np

def simulate(params, seed):
    time.sleep(0.03)
    if params["slope"] > 4:
        raise ValueError("too steep")
    t = np.arange(5)
    return {"t": t, "y": params["slope"] * t + params["height"] + np.random.default_rng(seed).normal(0, 0.5, 5)}
"""
PASSWORD = "hush/hush+4711"


def test_metrics_agree_with_the_ledger_and_a_take_over_is_counted(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=60, replicates=3, sleep=0.1)
    ledger, port = str(tmp_path / "ledger.sqlite"), free_port()
    killed = start_runner(made, "--ledger", ledger)
    wait_for_trials(ledger, "line", killed, 3)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()

    process = start_runner(made, "--ledger", ledger, env={"MODELOPS_METRICS_PORT": str(port)})
    seen: dict[str, float] = {}
    finished_before = -1.0
    # Twice the same count: nothing was finished while the second one was put together.
    while (
        seen.get('modelops_trials_total{phase="search",status="COMPLETED"}', 0) < 5
        or seen["modelops_run_trials_finished"] != finished_before
    ):
        finished_before = seen.get("modelops_run_trials_finished", -1.0)
        text = scrape(port)
        seen = scraped(text)
    assert process.poll() is None, "the run ended before it was scraped"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, out

    finished = sorted(
        (t for t in read(ledger, "line")[0] if t.finished_seq is not None), key=lambda trial: trial.finished_seq or 0
    )
    known = finished[: int(seen["modelops_run_trials_finished"])]
    assert seen["modelops_run_trials"] == 60
    assert seen["modelops_best_loss"] == min(t.loss for t in known if t.loss is not None and not t.stopped_early)
    assert seen["modelops_last_loss"] == known[-1].loss
    assert seen["modelops_lease_takeovers_total"] == sum(trial.lease_no > 1 for trial in known) >= 1
    assert seen["modelops_ask_seconds_count"] >= 5 - 1  # but one set was proposed by the killed one
    assert seen["modelops_simulation_seconds_sum"] > 0.1
    assert seen["modelops_slots"] == 1
    assert 'run="line"' in text


def test_failures_are_counted_by_kind_and_logged_by_trial_and_replicate(tmp_path: Path) -> None:
    made = project(tmp_path / "steep", spec=line_spec(trials=150, replicates=2), model=STEEP_FAILS)
    ledger, port = str(tmp_path / "ledger.sqlite"), free_port()
    process = start_runner(made, "--ledger", ledger, "--metrics-port", str(port))
    seen: dict[str, float] = {}
    while seen.get('modelops_failures_total{kind="MODEL_ERROR"}', 0) < 1:
        seen = scraped(scrape(port))
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out
    assert seen['modelops_replicates_total{phase="search",status="FAILED"}'] >= 1

    lines = log_lines(out)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in lines)
    assert all(line["message"] and line["level"] for line in lines)
    assert {line["run"] for line in lines} == {"line"}
    told = {(line["trial"], line["replicate"]) for line in lines if line.get("event") == "replicate_failed"}
    trials, replicates = read(ledger, "line")
    assert told == {(number, index) for number, index, _, status, _ in replicates if status == "FAILED"} != set()
    assert {line["trial"] for line in lines if line.get("event") == "trial" and line["status"] == "FAILED"} == {
        trial.number for trial in trials if trial.status is TrialStatus.FAILED
    }
    assert lines[-1]["event"] == "run_ended"
    assert lines[-1]["state"] == "COMPLETED"


def test_the_ledgers_password_is_in_no_line_and_no_metric(tmp_path: Path, postgres_url: str) -> None:
    made = line_project(tmp_path / "line", trials=30, sleep=0.05)
    port = free_port()
    process = start_runner(made, "--ledger", postgres_url, "--metrics-port", str(port), env={"PGPASSWORD": PASSWORD})
    metrics = scrape(port)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out
    forms = [PASSWORD, urllib.parse.quote(PASSWORD, safe=""), base64.b64encode(PASSWORD.encode()).decode()]
    assert not [form for form in forms if form in metrics + out]
    assert any(form in f"planted: {base64.b64encode(PASSWORD.encode()).decode()}" for form in forms)


def test_what_dask_says_is_json_too_and_a_scheduler_that_is_not_there_is_tried_again_later(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=400, sleep=0.05)
    ledger = str(tmp_path / "ledger.sqlite")
    with Cluster(tmp_path) as cluster:
        cluster.add_worker()
        process = start_runner(made, "--ledger", ledger, "--dask", cluster.address)
        wait_for_trials(ledger, "line", process, 3)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)  # two of one kind, close together, may arrive as one
    out, _ = process.communicate(timeout=PATIENCE_S)
    lines = log_lines(out)
    assert process.returncode == 130, out
    assert any(line["logger"].startswith("distributed") for line in lines)

    process = start_runner(made, "--ledger", ledger, "--dask", cluster.address)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 75, out
    (line,) = [line for line in log_lines(out) if line["level"] == "ERROR"]
    assert "no Dask scheduler answers" in line["message"]


def test_a_port_that_cannot_be_had_is_one_line_and_2(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line")
    wrong = start_runner(made, "--metrics-port", "1e3")
    out, _ = wrong.communicate(timeout=PATIENCE_S)
    assert wrong.returncode == 2
    assert "'1e3' is no port" in out
    taken = free_port()
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", taken))
        listener.listen()
        process = start_runner(made, "--ledger", str(tmp_path / "l.sqlite"), "--metrics-port", str(taken))
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2, out
    (line,) = log_lines(out)
    assert f"--metrics-port {taken} cannot be had" in line["message"]
