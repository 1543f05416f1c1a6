"""The shipped `mops` on a real cluster when something is wrong: stops in the middle, lost images, mistakes; and its doctor."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cluster.command_line import a_line, environment, unique, well, workspace_yaml
from tests.cluster.conftest import ROOT, Cluster
from tests.support.patience import PATIENCE_S
from tests.support.projects import Project

pytestmark = pytest.mark.cluster


@pytest.fixture
def here(tmp_path: Path) -> Project:
    """`mops` in a folder without a spec."""
    return Project(tmp_path, environment(tmp_path / "home"))


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
            well(here.mops(*up))
            assert _status(cluster, namespace) == "deployed"
        stopped = here.start(*up, "--values", str(_lost_image(tmp_path)))
        assert stopped.stderr is not None
        while "ready;" not in (line := stopped.stderr.readline()):
            assert line, "it ended before it waited"
        stopped.send_signal(signal.SIGINT)
        _, said = stopped.communicate(timeout=PATIENCE_S)
        assert stopped.returncode == 130, said
        assert f"`mops workspace up {name}` goes on" in said
        well(here.mops(*up))
    finally:
        here.mops("workspace", "down", name, "--purge")


def _lost_image(folder: Path) -> Path:
    path = folder / "lost.yaml"
    path.write_text("workers: {image: {repository: registry.test/nothing, tag: '1'}}\n")
    return path


def _cut_off(cluster: Cluster, name: str, namespace: str, wanted: str) -> None:
    """Kill a helm that waits for pods which never come, as a power cut would."""
    command = ["helm", "upgrade", "--install", name, str(ROOT / "charts/dask-workspace"), "-n", namespace, "--wait"]
    waiting = subprocess.Popen([*command, "--set", "workers.image.repository=registry.test/nothing"])
    try:
        cluster.wait(f"a release that is {wanted}", lambda: _status(cluster, namespace) == wanted)
    finally:
        waiting.kill()
        waiting.wait()


def test_an_image_that_is_not_there_is_named(cluster: Cluster, here: Project, tmp_path: Path) -> None:
    name = unique("lost")
    file = tmp_path / "workspace.yaml"
    file.write_text("version: 1\ndask: {workers: {image: 'registry.test/nothing:1', replicas: 1}}\n")
    try:
        ended = here.mops("workspace", "up", name, "--file", str(file))
        assert ended.code == 1
        assert "does not start" in ended.err
        assert "kubectl -n" in ended.err
    finally:
        here.mops("workspace", "down", name, "--purge")


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
    ended = line.mops(*args)
    assert ended.code == 2, ended.err
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert all(text.startswith("mops: ") for text in ended.err.splitlines())


def test_doctor_tries_the_cluster_and_leaves_nothing(cluster: Cluster, here: Project) -> None:
    image = "registry.test/modelops/dask-worker:test"
    ended = here.mops("doctor", "--image", image, "--json")
    assert ended.code == 0, ended.out
    found = {one["what"]: one for one in map(json.loads, ended.out.splitlines())}
    assert found["image"]["is_good"]
    assert found["network"]["is_good"]
    assert found["NetworkPolicy"]["said"] == "enforced"
    listed = ("get", "namespaces", "-o", "jsonpath={.items[?(@.status.phase=='Active')].metadata.name}")
    assert "modelops-doctor" not in cluster.kubectl(*listed)
    missing = here.mops("doctor", "--image", "registry.test/nothing:1", "--timeout", "60s")
    assert missing.code == 1
    assert "BAD   image" in missing.out
