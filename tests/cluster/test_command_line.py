"""The shipped `mops` on a real cluster: a workspace, runs on it, their ends."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cluster.command_line import (
    RUN_VALUES,
    a_line,
    a_school,
    environment,
    overlap,
    summary_of_a_run_here,
    unique,
    well,
    workspace_yaml,
)
from tests.cluster.conftest import Cluster, Tell
from tests.support.patience import PATIENCE_S
from tests.support.projects import Project

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("command-line")


@pytest.fixture(scope="module")
def here(folder: Path) -> Project:
    """`mops` in a folder without a spec."""
    return Project(folder, environment(folder / "home"))


@pytest.fixture(scope="module")
def made_space(cluster: Cluster, here: Project) -> Iterator[tuple[str, float]]:
    """The name of a workspace with three workers, and the seconds that `mops workspace up` took for it."""
    name = unique("ws")
    file = workspace_yaml(here.root)
    began = time.monotonic()
    try:
        said = well(here.shipped("workspace", "up", name, "--file", str(file)))
        assert f"workspace {name} is ready" in said
        yield name, time.monotonic() - began
    finally:
        here.mops("workspace", "down", name, "--purge", "--force")


@pytest.fixture(scope="module")
def space(made_space: tuple[str, float]) -> str:
    return made_space[0]


@pytest.fixture
def run_id(cluster: Cluster, here: Project) -> Iterator[str]:
    """The name of a run that a test may make."""
    name = unique("run")
    yield name
    here.mops("adaptive", "down", name, "--purge", "--discard")


def test_the_boarding_school_on_a_workspace_finds_what_it_finds_here(
    made_space: tuple[str, float], run_id: str, tmp_path: Path, tell: Tell
) -> None:
    space, space_s = made_space
    far = a_school(tmp_path / "far")
    up = ("run", "--spec", "adaptive.yaml", "--workspace", space, "--run-id", run_id, *RUN_VALUES)
    began, events, times = time.monotonic(), [], []
    process = far.start(*up, "--json")
    assert process.stdout is not None
    for line in process.stdout:
        events.append(json.loads(line))
        times.append(time.monotonic() - began)
    assert process.wait() == 0, process.communicate()[1]
    assert events[0]["event"] == "run_started"
    assert events[0]["slots"] == 3
    first = next(number for number, event in enumerate(events) if event["event"] == "trial")
    tell(f"`mops workspace up`, until it is ready: {space_s:.1f} s")
    tell(
        f"`mops run --workspace`, until a first trial is finished: {times[first]:.1f} s; until its end: {times[-1]:.1f} s"
    )
    assert events[-1]["state"] == "COMPLETED"

    assert overlap(events[-1]["summary"], summary_of_a_run_here(tmp_path / "near"))
    out = far.root / "modelops-out" / run_id
    trials = pq.read_table(out / "trials.parquet")
    assert trials.num_rows == 300
    assert len(set(trials.column("worker").to_pylist())) == 2
    assert (out / "report.html").stat().st_size > 10_000

    again = far.mops(*up)
    assert "confirmed on" in well(again)
    assert pq.read_table(out / "trials.parquet").num_rows == 300


def test_a_run_from_up_to_down_and_back(
    cluster: Cluster, space: str, run_id: str, here: Project, tmp_path: Path
) -> None:
    line = a_line(tmp_path / "line", trials=60, sleep=1.0)
    up = ("adaptive", "up", "adaptive.yaml", "--run-id", run_id, "--workspace", space, *RUN_VALUES)
    planned = well(line.mops(*up, "--dry-run"))
    assert f"+ Namespace/modelops-run-{run_id}" in planned
    assert f"+ StatefulSet/{run_id}-postgres" in planned
    assert cluster.kubectl("get", "namespace", f"modelops-run-{run_id}", "--ignore-not-found") == ""

    assert f"run {run_id} is at work" in well(line.shipped(*up))
    refused = here.mops("workspace", "down", space)
    assert refused.code == 1
    assert run_id in refused.err
    seen = json.loads(well(here.shipped("adaptive", "status", run_id, "--json")))
    assert seen["ledger"]["trials"] == 60
    assert {pod["component"] for pod in seen["pods"]} == {"worker", "database"}
    assert run_id in well(here.mops("adaptive", "status"))
    assert f"modelops-run-{run_id}/{run_id}" in well(here.mops("workspace", "status", space))

    def completed() -> bool:
        now = json.loads(well(here.mops("adaptive", "status", run_id, "--json")))
        assert now["job"] != "failed", here.mops("adaptive", "logs", run_id).out
        return now["job"] == "complete"

    cluster.wait("the run's end", completed)
    assert '"run_ended"' in well(here.mops("adaptive", "logs", run_id))
    well(here.shipped("adaptive", "results", run_id, "--to", str(tmp_path / "out")))
    kept = json.loads((tmp_path / "out" / "run.json").read_text())
    assert pq.read_table(tmp_path / "out" / "trials.parquet").num_rows == 60

    assert well(line.mops(*up, "--dry-run")) == "nothing would change\n"
    data = (line.root / "data.csv").read_text()
    (line.root / "data.csv").write_text(data.replace("9.0", "10.0"))
    other = line.mops(*up)
    assert other.code == 2
    assert "exists with another spec (targets.line.observed: " in other.err
    again = json.loads(well(here.mops("adaptive", "status", run_id, "--json")))
    assert (again["job"], again["revision"]) == ("complete", 1)
    (line.root / "data.csv").write_text(data)

    well(here.shipped("adaptive", "down", run_id, "--to", str(tmp_path / "last")))
    assert json.loads((tmp_path / "last" / "run.json").read_text())["summary"] == kept["summary"]
    assert "data-" in cluster.kubectl("-n", f"modelops-run-{run_id}", "get", "pvc", "-o", "name")
    spec = (line.root / "adaptive.yaml").read_text()
    (line.root / "adaptive.yaml").write_text(spec.replace("trials: 60", "trials: 64"))
    well(line.mops(*up))
    cluster.wait("the longer run's end", completed)
    well(here.mops("adaptive", "down", run_id, "--to", str(tmp_path / "last"), "--purge"))
    assert pq.read_table(tmp_path / "last" / "trials.parquet").num_rows == 64
    gone = ("get", "namespace", f"modelops-run-{run_id}", "--ignore-not-found", "-o", "name")
    cluster.wait("the namespace's end", lambda: cluster.kubectl(*gone) == "")


def test_ctrl_c_detaches_and_the_same_command_follows_again(
    space: str, run_id: str, here: Project, tmp_path: Path
) -> None:
    line = a_line(tmp_path / "line", trials=40, sleep=0.3)
    command = ("run", "--spec", "adaptive.yaml", "--workspace", space, "--run-id", run_id, *RUN_VALUES, "--json")
    process = line.start(*command)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["event"] == "run_started"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, said
    assert f"mops run --spec adaptive.yaml --workspace {space}" in said
    assert f"mops adaptive status {run_id}" in said
    ended = line.mops(*command)
    assert ended.code == 0, ended.err
    assert pq.read_table(line.root / "modelops-out" / run_id / "trials.parquet").num_rows == 40


def test_logs_are_followed_to_the_end_of_the_run_or_until_ctrl_c(
    cluster: Cluster, space: str, run_id: str, here: Project, tmp_path: Path
) -> None:
    line = a_line(tmp_path / "line", trials=30, sleep=0.5)
    up = ("adaptive", "up", "adaptive.yaml", "--run-id", run_id, "--workspace", space, *RUN_VALUES)
    well(line.mops(*up))
    following = here.start("adaptive", "logs", run_id, "--follow")
    workspaces = here.start("workspace", "logs", space, "-f", "--tail", "1")
    assert following.stdout is not None
    first = following.stdout.readline()
    pods = json.loads(cluster.kubectl("-n", f"modelops-run-{run_id}", "get", "pods", "-o", "json"))["items"]
    workers = {
        p["metadata"]["name"] for p in pods if p["metadata"]["labels"]["app.kubernetes.io/component"] == "worker"
    }
    killed = first.partition("  ")[0]
    assert killed in workers
    cluster.kubectl("-n", f"modelops-run-{run_id}", "delete", "pod", killed, "--grace-period=0", "--force")
    out = following.stdout.read()  # communicate() would leave out what readline() has already taken from the pipe
    _, err = following.communicate(timeout=PATIENCE_S)
    assert following.returncode == 0, err
    said = [text.partition("  ") for text in [first.rstrip("\n"), *out.splitlines()]]
    speakers = {pod for pod, _, _ in said}
    assert killed in speakers
    assert len(speakers - workers) == 1, "the pod that took its place was not joined"
    assert sum('"run_ended"' in text for _, _, text in said) >= 1
    assert len({(pod, text) for pod, _, text in said}) == len(said), "a line was shown twice"
    state = json.loads(well(here.mops("adaptive", "status", run_id, "--json")))
    assert state["job"] == "complete"

    assert workspaces.poll() is None
    workspaces.send_signal(signal.SIGINT)
    shown, err = workspaces.communicate(timeout=PATIENCE_S)
    assert workspaces.returncode == 130
    assert "Traceback" not in err
    assert f"{space}-scheduler-" in shown


def test_two_runs_side_by_side_never_touch_each_other(
    cluster: Cluster, space: str, here: Project, tmp_path: Path
) -> None:
    names = [unique("twin"), unique("twin")]
    lines = [a_line(tmp_path / name, trials=20, sleep=0.1) for name in names]
    (lines[1].root / "data.csv").write_text("t,y\n0,3.0\n1,4.0\n2,5.0\n3,6.0\n4,7.0\n")  # slope 1, height 3
    try:
        running = [
            line.start("run", "--spec", "adaptive.yaml", "--workspace", space, "--run-id", name, *RUN_VALUES, "--json")
            for name, line in zip(names, lines, strict=True)
        ]
        ends = [process.communicate(timeout=PATIENCE_S) for process in running]
        assert [process.returncode for process in running] == [0, 0], ends
        secrets = [
            json.loads(cluster.kubectl("-n", f"modelops-run-{name}", "get", "secret", f"{name}-postgres", "-o", "json"))
            for name in names
        ]
        assert secrets[0]["data"]["PGPASSWORD"] != secrets[1]["data"]["PGPASSWORD"]
        best = [json.loads(out.splitlines()[-1])["summary"]["params"]["slope"] for out, _ in ends]
        assert abs(best[0] - 2) < abs(best[0] - 1)
        assert abs(best[1] - 1) < abs(best[1] - 2)
        for name, line in zip(names, lines, strict=True):
            out = line.root / "modelops-out" / name
            assert pq.read_table(out / "trials.parquet").num_rows == 20
            assert json.loads((out / "run.json").read_text())["run_id"] == name
        well(here.mops("adaptive", "down", names[0], "--purge", "--discard"))
        other = json.loads(well(here.mops("adaptive", "status", names[1], "--json")))
        assert other["ledger"]["finished"] == 20
    finally:
        for name in names:
            here.mops("adaptive", "down", name, "--purge", "--discard")


def test_a_model_that_cannot_be_loaded_ends_with_its_pods_last_words(space: str, run_id: str, tmp_path: Path) -> None:
    line = a_line(tmp_path / "line")
    (line.root / "model.py").write_text("import nothing_of_this_name\n")
    ended = line.mops("adaptive", "up", "adaptive.yaml", "--run-id", run_id, "--workspace", space, *RUN_VALUES)
    assert ended.code == 2
    assert f"pod modelops-run-{run_id}/{run_id}-" in ended.err
    assert "nothing_of_this_name" in ended.err
    assert "kubectl" in ended.err
    assert "Traceback (most recent call last)" not in ended.err.partition("pod ")[0]


def test_the_dashboard_comes_to_this_machine(space: str, here: Project) -> None:
    from urllib.request import urlopen

    process = here.start("dashboard", space, "--port", "0")
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        with urlopen(address, timeout=PATIENCE_S) as page:
            assert page.status == 200
            assert b"Dask" in page.read()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0


def test_scaling_changes_the_workers_and_nothing_else(space: str, here: Project) -> None:
    assert "has 1 workers" in well(here.shipped("workspace", "scale", "1", space))
    seen = json.loads(well(here.mops("workspace", "status", space, "--json")))
    assert [pod["component"] for pod in seen["pods"]] == ["scheduler", "worker"]
    assert {pod["state"] for pod in seen["pods"]} == {"Ready"}
    well(here.mops("workspace", "scale", "3", space))
    assert space in well(here.shipped("workspace", "ls"))
    assert "Register worker" in well(here.shipped("workspace", "logs", space, "--component", "scheduler"))
