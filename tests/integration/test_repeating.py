"""A model that does not repeat itself, or that the seed does not reach, is told so by `check` and at the start of `run`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelops_runtime import calibrate, open_run
from modelops_runtime.runner.request import RunRequest
from modelops_runtime.runner.run import run_spec
from modelops_runtime.runner.setup.model_files import held_code
from modelops_runtime.runner.setup.preparation import planned
from modelops_runtime.runner.setup.services import opened_service
from modelops_runtime.runner.signals import StopRequest
from modelops_runtime.specs.loading import load_spec
from tests.support.dask_cluster import Cluster
from tests.support.ledgers import answer_of
from tests.support.patience import PATIENCE_S
from tests.support.pods import log_lines, start_runner
from tests.support.projects import Project, line_project, line_spec, project

DIFFERS = "differs with the same seed: state is kept between calls, or noise that the seed does not reach"
NOTHING = "the seed changes nothing"

_HEAD = """
import os
import random
import time
import numpy as np

t = np.arange(5)
fixed = np.random.default_rng(1)
kept, calls, last, rng = {}, [], None, None


def line(params, noise):
    return {"t": t, "y": params["slope"] * t + params["height"] + noise}

"""


def model(body: str) -> str:
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return f"{_HEAD}\ndef simulate(params, seed):\n    global last, rng\n{lines}\n"


DIFFERENT = {
    "numpy's global generator": "return line(params, np.random.normal(size=5))",
    "Python's global generator": "return line(params, [random.random() for _ in t])",
    "a generator made at the import": "return line(params, fixed.normal(size=5))",
    "a generator of its own, without the seed": "return line(params, np.random.default_rng().normal(size=5))",
    "the clock": "return line(params, time.time() % 1)",
    "the process": "return line(params, os.getpid())",
    "a generator seeded by the first call": """
rng = rng or np.random.default_rng(seed)
return line(params, rng.normal(size=5))""",
    "a generator for each parameter set": """
rng = kept.setdefault(params["slope"], np.random.default_rng(seed))
return line(params, rng.normal(size=5))""",
    "a generator for each set and seed": """
rng = kept.setdefault((params["slope"], seed), np.random.default_rng(seed))
return line(params, rng.normal(size=5))""",
    "seeded again where the parameters change": """
if params != last:
    rng, last = np.random.default_rng(seed), params
return line(params, rng.normal(size=5))""",
    "seeded again where the seed changes": """
if seed != last:
    rng, last = np.random.default_rng(seed), seed
return line(params, rng.normal(size=5))""",
    "a list that grows": """
calls.append(params["slope"])
return line(params, np.random.default_rng(seed).normal(size=5) + sum(calls))""",
    "a count of calls for each set": """
kept[params["slope"]] = kept.get(params["slope"], 0) + 1
return line(params, np.random.default_rng(seed).normal(size=5) * kept[params["slope"]])""",
    "results kept by the seed alone": """
if seed not in kept:
    kept[seed] = line(params, np.random.default_rng(seed).normal(size=5))
return kept[seed]""",
    "results kept by the parameters alone": """
if params["slope"] not in kept:
    kept[params["slope"]] = line(params, np.random.default_rng(seed).normal(size=5))
return kept[params["slope"]]""",
    "a file that grows": """
with open("calls.txt", "a+") as file:
    file.write(".")
    calls = file.tell()
return line(params, np.random.default_rng(seed).normal(size=5) + calls)""",
    "an error from the second call on": """
calls.append(seed)
if len(calls) > 1:
    raise ValueError("the buffer is not empty")
return line(params, np.random.default_rng(seed).normal(size=5))""",
}

WITHOUT_EFFECT = {
    "no noise": "return line(params, 0.0)",
    "a seed of its own": "return line(params, np.random.default_rng(0).normal(size=5))",
}

SOUND = {
    "seeded": "return line(params, np.random.default_rng(seed).normal(size=5))",
    "its global generators seeded": """
np.random.seed(seed % 2**32)
random.seed(seed)
return line(params, np.random.normal(size=5) + random.random())""",
    "its parameters changed": """
params["slope"] += 1
return line(params, np.random.default_rng(seed).normal(size=5))""",
    "results kept by parameters and seed": """
key = (params["slope"], params["height"], seed)
return kept.setdefault(key, line(params, np.random.default_rng(seed).normal(size=5)))""",
    "nothing in the middle of its space": """
noise = np.random.default_rng(seed).normal(size=5)
return line(params, noise if abs(params["slope"] - 2.5) > 0.1 else 0.0)""",
    "one number everywhere": 'return {"t": t, "y": np.zeros(5)}',
    "not a number where nothing is matched": """
return line(params, np.random.default_rng(seed).normal(size=5)) | {"z": np.full(5, np.nan)}""",
    "failing elsewhere": """
if params["slope"] > 3:
    raise ValueError("too steep")
return line(params, np.random.default_rng(seed).normal(size=5))""",
    "ending its process elsewhere": """
if params["slope"] > 3:
    os._exit(1)
return line(params, np.random.default_rng(seed).normal(size=5))""",
}


def made(tmp_path: Path, body: str, *, replicates: int = 3) -> Project:
    return project(tmp_path / "p", spec=line_spec(replicates=replicates), model=model(body))


def said_by_check(tmp_path: Path, body: str) -> list[str]:
    ended = made(tmp_path, body).mops("check", "--spec", "adaptive.yaml", "--json")
    return [text for text in json.loads(ended.out)["warnings"] if not text.startswith("the model fails at")]


@pytest.mark.parametrize("kind", DIFFERENT)
def test_check_tells_of_what_differs_with_the_same_seed(kind: str, tmp_path: Path) -> None:
    (warning,) = said_by_check(tmp_path, DIFFERENT[kind])
    assert DIFFERS in warning


@pytest.mark.parametrize("kind", WITHOUT_EFFECT)
def test_check_tells_of_a_seed_without_effect(kind: str, tmp_path: Path) -> None:
    (warning,) = said_by_check(tmp_path, WITHOUT_EFFECT[kind])
    assert warning.startswith(NOTHING)
    assert "one replicate is enough (search.replicates is 3)" in warning


@pytest.mark.parametrize("kind", SOUND)
def test_check_says_nothing_of_what_repeats_itself(kind: str, tmp_path: Path) -> None:
    assert said_by_check(tmp_path, SOUND[kind]) == []


def test_a_command_in_another_language_is_tried_the_same_way(tmp_path: Path) -> None:
    spec = line_spec().replace('entrypoint: "model.py:simulate"', "command: [sh, model.sh]")
    other = project(tmp_path / "p", spec=spec)
    noise = "$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')"
    (other.root / "model.sh").write_text(f'echo t,y; for t in 0 1 2 3 4; do echo "$t,{noise}"; done\n')
    (warning,) = json.loads(other.mops("check", "--spec", "adaptive.yaml", "--json").out)["warnings"]
    assert DIFFERS in warning


def test_a_deterministic_model_with_one_replicate_is_not_told_to_take_one(tmp_path: Path) -> None:
    ended = made(tmp_path, WITHOUT_EFFECT["no noise"], replicates=1).mops("check", "--spec", "adaptive.yaml")
    assert (ended.code, NOTHING in ended.out, "enough" in ended.out) == (0, True, False)


@pytest.mark.parametrize("workers", ["1", "3"])
def test_run_warns_and_keeps_the_warning_with_its_answer(workers: str, tmp_path: Path) -> None:
    kind = "a list that grows"
    run = made(tmp_path, DIFFERENT[kind])
    ended = run.mops("run", "--spec", "adaptive.yaml", "--workers", workers, "--json")
    assert ended.code == 0, ended.err
    events = [json.loads(line) for line in ended.out.splitlines()]
    (warning,) = [e["text"] for e in events if e["event"] == "notice" and DIFFERS in e["text"]]
    assert warning.startswith("warning: the model differs")
    assert events[-1]["warnings"] == [warning.removeprefix("warning: ")]
    shown = run.mops("results", "show", "line")
    assert warning in shown.out
    assert DIFFERS in run.mops("status", "line").out
    assert json.loads(run.mops("status", "line", "--json").out)["warnings"] == events[-1]["warnings"]
    assert json.loads(run.mops("results", "show", "line", "--json").out)["warnings"] == [
        warning.removeprefix("warning: ")
    ]
    assert DIFFERS in (run.root / "modelops-out" / "line" / "report.html").read_text()
    again = run.mops("run", "--spec", "adaptive.yaml", "--trials", "14")
    assert DIFFERS not in again.err, "a run with results is not tried again"
    assert warning in again.out, "but its answer carries it, ..."
    assert DIFFERS in run.mops("results", "show", "line").out
    finished = run.mops("run", "--spec", "adaptive.yaml", "--trials", "14", "--quiet")
    assert warning in finished.out, "... and so it does without progress, and when it was finished already"


def test_from_python_the_warnings_are_the_calibrations(tmp_path: Path) -> None:
    run = made(tmp_path, WITHOUT_EFFECT["no noise"])
    done = calibrate(run.root / "adaptive.yaml", workers=2)
    (warning,) = done.warnings
    assert warning.startswith(NOTHING)
    assert open_run("line", run.ledger).warnings == done.warnings
    assert done.simulations == done.replicates().num_rows


def test_on_dask_it_is_tried_there(tmp_path: Path) -> None:
    run = made(tmp_path, DIFFERENT["results kept by the seed alone"])
    (tmp_path / "dask").mkdir()
    with Cluster(tmp_path / "dask") as cluster:
        cluster.add_worker(threads=2)
        ended = run.shipped("run", "--spec", "adaptive.yaml", "--dask", cluster.address)
    assert ended.code == 0, ended.err
    assert DIFFERS in ended.err


def test_a_pod_logs_the_warning(tmp_path: Path) -> None:
    run = made(tmp_path, DIFFERENT["numpy's global generator"])
    process = start_runner(run, "--ledger", str(run.ledger))
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out
    assert [DIFFERS in line["message"] for line in log_lines(out) if "warning:" in line["message"]] == [True]


def test_what_is_tried_beforehand_leaves_no_trace_in_the_trials(tmp_path: Path) -> None:
    tried, untried = (line_project(tmp_path / name) for name in ("tried", "untried"))
    assert tried.mops("run", "--spec", "adaptive.yaml", "--workers", "1").code == 0
    request = RunRequest(
        loaded=load_spec(untried.root / "adaptive.yaml"), ledger_url=str(untried.ledger), run_id="line", slots=1
    )
    with held_code(request.loaded) as code:
        plan, _ = planned(request.loaded, code)
        assert plan is not None
        with opened_service(request, code, plan, keep_tables=False) as service:
            run_spec(request, on_event=lambda event: None, stop=StopRequest(), code=code, service=service)
    assert answer_of(str(tried.ledger), "line") == answer_of(str(untried.ledger), "line")
