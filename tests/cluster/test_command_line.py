"""The shipped `mops` on a real cluster: a workspace, runs on it, their ends, stops in the middle, mistakes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from tests.cluster.conftest import ROOT, Cluster
from tests.support.projects import Ended, Project, line_spec, mops_environment, project

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1500)]

SCHOOL = ROOT / "examples/boarding-school"
RUN_VALUES = ("--values", str(ROOT / "tests/cluster/run-values.yaml"))
PATIENCE_S = 900
"""The machine may be busy with other things."""

ON_A_CLUSTER = """
workers: {replicas: 2, resources: {requests: {cpu: 50m, memory: 256Mi}}}
central_store: {kind: postgres, persistence: {size: 1Gi}}
"""


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:6]}"


def environment(home: Path) -> dict[str, str]:
    home.mkdir(parents=True, exist_ok=True)
    return mops_environment(home)


def a_school(root: Path) -> Project:
    ignored = shutil.ignore_patterns(".modelops", "modelops-out", "__pycache__")
    shutil.copytree(SCHOOL, root, ignore=ignored)
    with (root / "adaptive.yaml").open("a") as spec:
        spec.write(ON_A_CLUSTER)
    return Project(root, environment(root.parent / f"{root.name}-home"))


def a_line(root: Path, **changes: object) -> Project:
    made = project(root, spec=line_spec(extra=ON_A_CLUSTER, **changes))  # type: ignore[arg-type]
    return Project(made.root, environment(root.parent / f"{root.name}-home"))


def well(ended: Ended) -> str:
    assert ended.code == 0, f"{ended.out}\n{ended.err}"
    return ended.out


def workspace_yaml(folder: Path, replicas: int = 3) -> Path:
    """tests/cluster/workspace-values.yaml, as a workspace.yaml."""
    values = yaml.safe_load((ROOT / "tests/cluster/workspace-values.yaml").read_text())

    def part(name: str) -> dict[str, object]:
        image = values[name]["image"]
        small = {"requests": {"cpu": "50m", "memory": "256Mi"}}
        return {"image": f"{image['repository']}:{os.environ.get('TAG', image['tag'])}", "resources": small}

    path = folder / "workspace.yaml"
    dask = {"scheduler": part("scheduler"), "workers": {**part("workers"), "replicas": replicas}}
    path.write_text(yaml.safe_dump({"version": 1, "dask": dask}))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("command-line")


@pytest.fixture(scope="module")
def here(folder: Path) -> Project:
    """`mops` in a folder without a spec."""
    return Project(folder, environment(folder / "home"))


@pytest.fixture(scope="module")
def space(cluster: Cluster, here: Project) -> Iterator[str]:
    """The name of a workspace with three workers, made by `mops workspace up`."""
    name = unique("ws")
    file = workspace_yaml(here.root)
    try:
        said = well(here.mops("workspace", "up", name, "--file", str(file), timeout_s=PATIENCE_S))
        assert f"workspace {name} is ready" in said
        yield name
    finally:
        here.mops("workspace", "down", name, "--purge", "--force", timeout_s=PATIENCE_S)


@pytest.fixture
def run_id(cluster: Cluster, here: Project) -> Iterator[str]:
    """The name of a run that a test may make."""
    name = unique("run")
    yield name
    here.mops("adaptive", "down", name, "--purge", "--discard", timeout_s=PATIENCE_S)


def interval(report: dict[str, float]) -> tuple[float, float]:
    """About 99.9 %."""
    half = 3.3 * report["confirmed_loss_se"]
    return report["confirmed_loss"] - half, report["confirmed_loss"] + half


def test_the_boarding_school_on_a_workspace_finds_what_it_finds_here(
    space: str, run_id: str, here: Project, tmp_path: Path
) -> None:
    far = a_school(tmp_path / "far")
    ended = far.mops(
        "run", "--spec", "adaptive.yaml", "--workspace", space, "--run-id", run_id, *RUN_VALUES, "--json",
        timeout_s=PATIENCE_S,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    events = [json.loads(line) for line in ended.out.splitlines()]
    assert events[0]["event"] == "run_started"
    assert events[0]["slots"] == 3
    assert sum(event["event"] == "trial" for event in events) >= 1
    assert events[-1]["state"] == "COMPLETED"

    near = a_school(tmp_path / "near").mops("run", "--spec", "adaptive.yaml", "--json", timeout_s=PATIENCE_S)
    assert near.code == 0, near.err
    there, at_home = events[-1]["summary"], json.loads(near.out.splitlines()[-1])["summary"]
    (low, high), (other_low, other_high) = interval(there), interval(at_home)
    assert low <= other_high
    assert other_low <= high
    out = far.root / "modelops-out" / run_id
    trials = pq.read_table(out / "trials.parquet")
    assert trials.num_rows == 300
    assert len(set(trials.column("worker").to_pylist())) == 2
    assert (out / "report.html").stat().st_size > 10_000

    again = far.mops(
        "run", "--spec", "adaptive.yaml", "--workspace", space, "--run-id", run_id, *RUN_VALUES, timeout_s=PATIENCE_S
    )
    assert "confirmed on" in well(again)
    assert pq.read_table(out / "trials.parquet").num_rows == 300


def test_a_run_from_up_to_down_and_back(
    cluster: Cluster, space: str, run_id: str, here: Project, tmp_path: Path
) -> None:
    line = a_line(tmp_path / "line", trials=60, sleep=1.0)
    up = ("adaptive", "up", "adaptive.yaml", "--run-id", run_id, "--workspace", space, *RUN_VALUES)
    planned = well(line.mops(*up, "--dry-run", timeout_s=PATIENCE_S))
    assert f"+ Namespace/modelops-run-{run_id}" in planned
    assert f"+ StatefulSet/{run_id}-postgres" in planned
    assert cluster.kubectl("get", "namespace", f"modelops-run-{run_id}", "--ignore-not-found") == ""

    assert f"run {run_id} is at work" in well(line.mops(*up, timeout_s=PATIENCE_S))
    refused = here.mops("workspace", "down", space, timeout_s=PATIENCE_S)
    assert refused.code == 1
    assert run_id in refused.err
    seen = json.loads(well(here.mops("adaptive", "status", run_id, "--json", timeout_s=PATIENCE_S)))
    assert seen["ledger"]["trials"] == 60
    assert {pod["component"] for pod in seen["pods"]} == {"worker", "database"}
    assert run_id in well(here.mops("adaptive", "status", timeout_s=PATIENCE_S))
    assert f"modelops-run-{run_id}/{run_id}" in well(here.mops("workspace", "status", space, timeout_s=PATIENCE_S))

    def completed() -> bool:
        now = json.loads(well(here.mops("adaptive", "status", run_id, "--json", timeout_s=PATIENCE_S)))
        assert now["job"] != "failed", now
        return now["job"] == "complete"

    cluster.wait("the run's end", PATIENCE_S, completed)
    assert '"run_ended"' in well(here.mops("adaptive", "logs", run_id, timeout_s=PATIENCE_S))
    well(here.mops("adaptive", "results", run_id, "--to", str(tmp_path / "out"), timeout_s=PATIENCE_S))
    kept = json.loads((tmp_path / "out" / "run.json").read_text())
    assert pq.read_table(tmp_path / "out" / "trials.parquet").num_rows == 60

    assert well(line.mops(*up, "--dry-run", timeout_s=PATIENCE_S)) == "nothing would change\n"
    data = (line.root / "data.csv").read_text()
    (line.root / "data.csv").write_text(data.replace("9.0", "10.0"))
    other = line.mops(*up, timeout_s=PATIENCE_S)
    assert other.code == 2
    assert "exists with another spec (targets.line.observed: " in other.err
    again = json.loads(well(here.mops("adaptive", "status", run_id, "--json", timeout_s=PATIENCE_S)))
    assert (again["job"], again["revision"]) == ("complete", 1)
    (line.root / "data.csv").write_text(data)

    well(here.mops("adaptive", "down", run_id, "--to", str(tmp_path / "last"), timeout_s=PATIENCE_S))
    assert json.loads((tmp_path / "last" / "run.json").read_text())["summary"] == kept["summary"]
    assert "data-" in cluster.kubectl("-n", f"modelops-run-{run_id}", "get", "pvc", "-o", "name")
    spec = (line.root / "adaptive.yaml").read_text()
    (line.root / "adaptive.yaml").write_text(spec.replace("trials: 60", "trials: 64"))
    well(line.mops(*up, timeout_s=PATIENCE_S))
    cluster.wait("the longer run's end", PATIENCE_S, completed)
    well(here.mops("adaptive", "down", run_id, "--to", str(tmp_path / "last"), "--purge", timeout_s=PATIENCE_S))
    assert pq.read_table(tmp_path / "last" / "trials.parquet").num_rows == 64
    gone = ("get", "namespace", f"modelops-run-{run_id}", "--ignore-not-found", "-o", "name")
    cluster.wait("the namespace's end", PATIENCE_S, lambda: cluster.kubectl(*gone) == "")


def test_ctrl_c_detaches_and_the_same_command_follows_again(
    space: str, run_id: str, here: Project, tmp_path: Path
) -> None:
    line = a_line(tmp_path / "line", trials=40, sleep=0.3)
    command = ("run", "--spec", "adaptive.yaml", "--workspace", space, "--run-id", run_id, *RUN_VALUES, "--json")
    process = line.start(*command)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["event"] == "run_started"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert f"mops run --spec adaptive.yaml --workspace {space}" in said
    assert f"mops adaptive status {run_id}" in said
    ended = line.mops(*command, timeout_s=PATIENCE_S)
    assert ended.code == 0, ended.err
    assert pq.read_table(line.root / "modelops-out" / run_id / "trials.parquet").num_rows == 40


def test_logs_are_followed_to_the_end_of_the_run_or_until_ctrl_c(
    cluster: Cluster, space: str, run_id: str, here: Project, tmp_path: Path
) -> None:
    line = a_line(tmp_path / "line", trials=30, sleep=0.5)
    up = ("adaptive", "up", "adaptive.yaml", "--run-id", run_id, "--workspace", space, *RUN_VALUES)
    well(line.mops(*up, timeout_s=PATIENCE_S))
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
    out, err = following.communicate(timeout=PATIENCE_S)
    assert following.returncode == 0, err
    said = [text.partition("  ") for text in [first, *out.splitlines()]]
    speakers = {pod for pod, _, _ in said}
    assert killed in speakers
    assert len(speakers - workers) == 1, "the pod that took its place was not joined"
    assert sum('"run_ended"' in text for _, _, text in said) >= 1
    assert len({(pod, text) for pod, _, text in said}) == len(said), "a line was shown twice"
    state = json.loads(well(here.mops("adaptive", "status", run_id, "--json", timeout_s=PATIENCE_S)))
    assert state["job"] == "complete"

    assert workspaces.poll() is None
    workspaces.send_signal(signal.SIGINT)
    shown, err = workspaces.communicate(timeout=60)
    assert workspaces.returncode == 130
    assert "Traceback" not in err
    assert f"{space}-scheduler-" in shown


def _status(cluster: Cluster, namespace: str) -> str:
    """Of the newest revision of the release there."""
    found = json.loads(cluster.kubectl("-n", namespace, "get", "secrets", "-l", "owner=helm", "-o", "json"))["items"]
    labels = sorted((secret["metadata"]["labels"] for secret in found), key=lambda one: int(one["version"]))
    return labels[-1]["status"] if labels else ""


def test_up_heals_a_release_whose_helm_was_killed(cluster: Cluster, here: Project, tmp_path: Path) -> None:
    name = unique("cut")
    namespace = f"modelops-ws-{name}"
    up = ("workspace", "up", name, "--file", str(workspace_yaml(tmp_path, replicas=1)))
    cluster.kubectl("create", "namespace", namespace)
    cluster.kubectl("label", "namespace", namespace, "app.kubernetes.io/managed-by=mops")
    try:
        for wanted in ("pending-install", "pending-upgrade"):
            _cut_off(cluster, name, namespace, wanted)
            assert _status(cluster, namespace) == wanted
            well(here.mops(*up, timeout_s=PATIENCE_S))
            assert _status(cluster, namespace) == "deployed"
        stopped = here.start(*up, "--values", str(_lost_image(tmp_path)))
        assert stopped.stderr is not None
        while "ready;" not in (line := stopped.stderr.readline()):
            assert line, "it ended before it waited"
        stopped.send_signal(signal.SIGINT)
        _, said = stopped.communicate(timeout=60)
        assert stopped.returncode == 130, said
        assert f"`mops workspace up {name}` goes on" in said
        well(here.mops(*up, timeout_s=PATIENCE_S))
    finally:
        here.mops("workspace", "down", name, "--purge", timeout_s=PATIENCE_S)


def _lost_image(folder: Path) -> Path:
    path = folder / "lost.yaml"
    path.write_text("workers: {image: {repository: registry.test/nothing, tag: '1'}}\n")
    return path


def _cut_off(cluster: Cluster, name: str, namespace: str, wanted: str) -> None:
    """Kill a helm that waits for pods which never come, as a power cut would."""
    command = ["helm", "upgrade", "--install", name, str(ROOT / "charts/dask-workspace"), "-n", namespace, "--wait"]
    waiting = subprocess.Popen([*command, "--set", "workers.image.repository=registry.test/nothing"])
    try:
        cluster.wait(f"a release that is {wanted}", PATIENCE_S, lambda: _status(cluster, namespace) == wanted)
    finally:
        waiting.kill()
        waiting.wait()


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
        well(here.mops("adaptive", "down", names[0], "--purge", "--discard", timeout_s=PATIENCE_S))
        other = json.loads(well(here.mops("adaptive", "status", names[1], "--json", timeout_s=PATIENCE_S)))
        assert other["ledger"]["finished"] == 20
    finally:
        for name in names:
            here.mops("adaptive", "down", name, "--purge", "--discard", timeout_s=PATIENCE_S)


def test_a_model_that_cannot_be_loaded_ends_with_its_pods_last_words(space: str, run_id: str, tmp_path: Path) -> None:
    line = a_line(tmp_path / "line")
    (line.root / "model.py").write_text("import nothing_of_this_name\n")
    ended = line.mops(
        "adaptive", "up", "adaptive.yaml", "--run-id", run_id, "--workspace", space, *RUN_VALUES, timeout_s=PATIENCE_S
    )
    assert ended.code == 2
    assert f"pod modelops-run-{run_id}/{run_id}-" in ended.err
    assert "nothing_of_this_name" in ended.err
    assert "kubectl" in ended.err
    assert "Traceback (most recent call last)" not in ended.err.partition("pod ")[0]


def test_an_image_that_is_not_there_is_named(cluster: Cluster, here: Project, tmp_path: Path) -> None:
    name = unique("lost")
    file = tmp_path / "workspace.yaml"
    file.write_text("version: 1\ndask: {workers: {image: 'registry.test/nothing:1', replicas: 1}}\n")
    try:
        ended = here.mops("workspace", "up", name, "--file", str(file), timeout_s=PATIENCE_S)
        assert ended.code == 1
        assert "does not start" in ended.err
        assert "kubectl -n" in ended.err
    finally:
        here.mops("workspace", "down", name, "--purge", timeout_s=PATIENCE_S)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("adaptive", "up", "nothing.yaml"), "there is no such file"),
        (("adaptive", "up", "wrong.yaml"), "wrong.yaml:1:1: name is missing"),
        (("adaptive", "status", "nothing"), "there is no run 'nothing'"),
        (("adaptive", "up", "adaptive.yaml", "--workspace", "nowhere"), "`mops workspace up nowhere` makes it"),
        (("adaptive", "up", "adaptive.yaml", "--timeout", "soon"), "--timeout: 'soon' is not a duration"),
        (("workspace", "up", "--file", "wrong.yaml"), "there is no key 'model' here"),
        (("workspace", "status", "--context", "nowhere"), "nowhere"),
        (("run", "--spec", "adaptive.yaml", "--workspace", "x", "--trials", "3"), "--trials is for a run on this machine"),
        (("run", "--spec", "adaptive.yaml", "--values", "x.yaml"), "goes with --workspace"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_exit_code_2(
    args: tuple[str, ...], said: str, cluster: Cluster, tmp_path: Path
) -> None:
    line = a_line(tmp_path / "line")
    (line.root / "wrong.yaml").write_text("{version: 1, model: {entrypoint: 'model.py:simulate'}, targets: {a: {}}}\n")
    ended = line.mops(*args, timeout_s=PATIENCE_S)
    assert ended.code == 2, ended.err
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert all(text.startswith("mops: ") for text in ended.err.splitlines())


def test_doctor_tries_the_cluster_and_leaves_nothing(cluster: Cluster, here: Project) -> None:
    image = "registry.test/modelops/dask-worker:test"
    ended = here.mops("doctor", "--image", image, "--json", timeout_s=PATIENCE_S)
    assert ended.code == 0, ended.out
    found = {one["what"]: one for one in map(json.loads, ended.out.splitlines())}
    assert found["image"]["is_good"]
    assert found["network"]["is_good"]
    assert found["NetworkPolicy"]["said"] == "enforced"
    listed = ("get", "namespaces", "-o", "jsonpath={.items[?(@.status.phase=='Active')].metadata.name}")
    assert "modelops-doctor" not in cluster.kubectl(*listed)
    missing = here.mops("doctor", "--image", "registry.test/nothing:1", "--timeout", "60s", timeout_s=PATIENCE_S)
    assert missing.code == 1
    assert "BAD   image" in missing.out


def test_the_dashboard_comes_to_this_machine(space: str, here: Project) -> None:
    from urllib.request import urlopen

    process = here.start("dashboard", space, "--port", "0")
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        with urlopen(address, timeout=60) as page:
            assert page.status == 200
            assert b"Dask" in page.read()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_scaling_changes_the_workers_and_nothing_else(space: str, here: Project) -> None:
    assert "has 1 workers" in well(here.mops("workspace", "scale", "1", space, timeout_s=PATIENCE_S))
    seen = json.loads(well(here.mops("workspace", "status", space, "--json", timeout_s=PATIENCE_S)))
    assert [pod["component"] for pod in seen["pods"]] == ["scheduler", "worker"]
    assert {pod["state"] for pod in seen["pods"]} == {"Ready"}
    well(here.mops("workspace", "scale", "3", space, timeout_s=PATIENCE_S))
    assert space in well(here.mops("workspace", "ls", timeout_s=PATIENCE_S))
    assert "Register worker" in well(
        here.mops("workspace", "logs", space, "--component", "scheduler", timeout_s=PATIENCE_S)
    )
