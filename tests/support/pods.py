"""`python -m modelops_runtime.pods.worker` as a pod runs it: its log, and its metrics."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

from tests.support.patience import PATIENCE_S
from tests.support.projects import Project


def start_runner(made: Project, *args: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "modelops_runtime.pods.worker", "--spec", "adaptive.yaml", *args]
    return subprocess.Popen(
        command,
        cwd=made.root,
        env={**made.env, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def log_lines(text: str) -> list[dict[str, Any]]:
    """Each line as its object; strict JSON, so that any other reader can take it too."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def scraped(text: str) -> dict[str, float]:
    """`name{label="x"}` to value, labels in alphabetical order and without `run`."""
    from prometheus_client.parser import text_string_to_metric_families

    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{k}="{v}"' for k, v in sorted(sample.labels.items()) if k != "run")
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def scrape(port: int) -> str:
    """What /metrics says, as soon as it answers."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                return answer.read().decode()
        except OSError:
            assert time.monotonic() < give_up, f"nobody answers at port {port}"
            time.sleep(0.1)
