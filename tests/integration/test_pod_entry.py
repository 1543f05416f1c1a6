"""`python -m modelops_runtime.pods.worker`, as an adaptive worker's pod runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.ledgers import assert_whole
from tests.support.patience import PATIENCE_S
from tests.support.projects import line_project


def test_the_pg_variables_say_which_ledger(tmp_path: Path, postgres_url: str) -> None:
    made = line_project(tmp_path / "line", trials=6)
    at = urlsplit(postgres_url)
    variables = {
        "PGHOST": str(at.hostname),
        "PGPORT": str(at.port),
        "PGUSER": str(at.username),
        "PGDATABASE": at.path[1:],
    }
    command = [sys.executable, "-m", "modelops_runtime.pods.worker", "--spec", "adaptive.yaml", "--run-id", "pod"]
    done = subprocess.run(
        command,
        cwd=made.root,
        env={**made.env, **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["event"] == "run_ended"
    assert_whole(postgres_url, "pod", trials=6)
    assert not made.ledger.exists()


def test_on_a_laptop_the_pg_variables_mean_nothing(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=3)
    astray = type(made)(made.root, {**made.env, "PGHOST": "127.0.0.1", "PGPORT": "1"})
    assert astray.mops("run", "--spec", "adaptive.yaml").code == 0
    assert made.ledger.exists()


def test_a_mistake_in_the_spec_is_one_line_and_2(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line")
    (made.root / "adaptive.yaml").write_text("version: 1\nname: x\n")
    command = [sys.executable, "-m", "modelops_runtime.pods.worker", "--spec", "adaptive.yaml"]
    done = subprocess.run(
        command, cwd=made.root, env=made.env, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
