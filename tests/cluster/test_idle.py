"""A workspace that sleeps when nobody uses it: asked by hand for each look, as its CronJob does it by the clock."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from tests.cluster.command_line import RUN_VALUES, a_line, environment, unique, well, workspace_yaml
from tests.cluster.conftest import ROOT, Cluster, bind_to_workspace, conditions_of, new_namespace, values_of
from tests.cluster.runs import CHART as RUN_CHART
from tests.cluster.runs import completed, install_endless_run, quick_run
from tests.support.projects import Project

pytestmark = pytest.mark.cluster
CHART = str(ROOT / "charts/dask-workspace")
NEVER = "0 0 30 2 *"
"""There is no such day: the tests look when they want."""

SMALL = "resources.requests.cpu=50m"


@dataclass(frozen=True, kw_only=True)
class Sleeper:
    """A workspace, release `release` in `namespace`."""

    cluster: Cluster
    namespace: str
    release: str = "ws"

    def kubectl(self, *args: str) -> str:
        return self.cluster.kubectl("-n", self.namespace, *args)

    @property
    def workers(self) -> int:
        """Asked for."""
        deployment = json.loads(self.kubectl("get", "deployment", f"{self.release}-worker", "-o", "json"))
        return deployment["spec"]["replicas"]

    def look(self) -> str:
        """What one look says."""
        name = f"look-{uuid.uuid4().hex[:6]}"
        self.kubectl("create", "job", name, f"--from=cronjob/{self.release}-idle")

        def is_over() -> bool:
            job = json.loads(self.kubectl("get", "job", name, "-o", "json"))
            ended = conditions_of(job)
            assert "Failed" not in ended, self.kubectl("logs", f"job/{name}")
            return "Complete" in ended

        self.cluster.wait("the end of a look", is_over)
        return self.kubectl("logs", f"job/{name}")

    def look_until(self, said: str, workers: int) -> None:
        heard: list[str] = []

        def is_said() -> bool:
            heard.append(self.look())
            return said in heard[-1]

        try:
            self.cluster.wait(f"a look that says {said!r}", is_said)
        except AssertionError as error:
            raise AssertionError(f"{error}: {heard}") from None
        assert self.workers == workers

    def helm(self, *sets: str) -> None:
        """`helm upgrade` as anybody would."""
        flags = [flag for given in sets for flag in ("--set", given)]
        self.cluster.helm("upgrade", self.release, CHART, "-n", self.namespace, "--reuse-values", *flags)


@pytest.fixture(scope="module")
def sleeper(cluster: Cluster) -> Iterator[Sleeper]:
    idle = f"idle.enabled=true,idle.afterSeconds=1,idle.schedule={NEVER}"
    small = f"workers.replicas=2,workers.{SMALL},scheduler.{SMALL}"
    with new_namespace(cluster, "idle") as name:
        flags = ("-n", name, *values_of("workspace"), "--set", small, "--set", idle, "--wait", "--timeout", "600s")
        cluster.helm("install", "ws", CHART, *flags)
        yield Sleeper(cluster=cluster, namespace=name)


def test_its_pod_may_do_nothing_else_and_no_other_pod_has_a_token(sleeper: Sleeper) -> None:
    account = f"--as=system:serviceaccount:{sleeper.namespace}:ws-idle"

    def may(*what: str) -> bool:
        done = subprocess.run(
            ["kubectl", "-n", sleeper.namespace, "auth", "can-i", account, *what],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.strip() in ("yes", "no"), done.stderr
        return done.stdout.strip() == "yes"

    assert may("patch", "deployments/ws-worker", "--subresource=scale")
    assert may("patch", "configmaps/ws-idle")
    for what in (
        ("patch", "deployments/ws-worker"), ("patch", "deployments/ws-scheduler", "--subresource=scale"), ("get", "secrets"),
        ("delete", "deployments/ws-worker"), ("get", "configmaps/kube-root-ca.crt"), ("create", "pods"), ("list", "pods"),
        ("patch", "cronjobs/ws-idle"),
    ):  # fmt: skip
        assert not may(*what), what
    pods = json.loads(sleeper.kubectl("get", "pods", "-o", "json"))["items"]
    assert pods
    assert not [pod for pod in pods if "serviceAccountToken" in json.dumps(pod["spec"])]


def test_a_run_keeps_it_awake_and_one_that_comes_wakes_it(cluster: Cluster, sleeper: Sleeper, tmp_path: Path) -> None:
    with new_namespace(cluster) as name:
        install_endless_run(cluster, name, sleeper.namespace, tmp_path)
        sleeper.look_until("in use by 1 clients", 2)
        assert "in use by 1 clients" in sleeper.look()
        cluster.kubectl("-n", name, "delete", "job", "-l", "app.kubernetes.io/component=worker", "--cascade=orphan")
        cluster.kubectl(
            "-n", name, "delete", "pod", "-l", "app.kubernetes.io/component=worker", "--grace-period=0", "--force"
        )
    sleeper.look_until("2 workers scaled to none", 0)
    with new_namespace(cluster) as name:
        dask = bind_to_workspace(cluster, sleeper.namespace, name)
        cluster.helm("install", "run", RUN_CHART, "-n", name, *quick_run(tmp_path), *dask)
        sleeper.look_until("woken by 1 clients", 2)
        cluster.wait("the run's end", lambda: completed(cluster, name))
    sleeper.helm("workers.replicas=1")
    assert sleeper.workers == 1


def test_it_sleeps_without_a_run_and_any_helm_upgrade_wakes_it(sleeper: Sleeper) -> None:
    sleeper.helm("workers.replicas=2")
    sleeper.look_until("2 workers scaled to none", 0)
    sleeper.look_until("still asleep", 0)  # once they have ended
    sleeper.helm("workers.replicas=1")
    assert sleeper.workers == 1
    sleeper.look_until("1 workers scaled to none", 0)
    sleeper.kubectl("scale", "deployment/ws-worker", "--replicas=1")
    sleeper.helm("workers.replicas=2")
    assert sleeper.workers == 2
    sleeper.helm("idle.enabled=false")
    assert sleeper.workers == 2
    assert sleeper.kubectl("get", "all,configmap,role,rolebinding,serviceaccount", "-l",
                           "app.kubernetes.io/component=idle", "-o", "name").split() == []  # fmt: skip


def test_the_command_line_shows_it_and_wakes_it(cluster: Cluster, tmp_path: Path) -> None:
    name, run_id = unique("ws"), unique("run")
    here = Project(tmp_path, environment(tmp_path / "home"))
    file = workspace_yaml(tmp_path, replicas=2)
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "idle": "1s"}))
    seldom = tmp_path / "seldom.yaml"
    seldom.write_text(yaml.safe_dump({"idle": {"schedule": NEVER}}))
    up = ("workspace", "up", name, "--file", str(file), "--values", str(seldom))
    sleeper = Sleeper(cluster=cluster, namespace=f"modelops-ws-{name}", release=name)
    line = a_line(tmp_path / "line", trials=8)
    run = ("adaptive", "up", "adaptive.yaml", "--run-id", run_id, "--workspace", name, *RUN_VALUES)
    try:
        well(here.mops(*up))
        sleeper.look_until("2 workers scaled to none", 0)
        seen = json.loads(well(here.mops("workspace", "status", name, "--json")))
        assert datetime.fromisoformat(seen["asleep_since"]).tzinfo
        assert seen["slots"] == 2
        said = well(here.mops("workspace", "status", name))
        assert "UTC, 2 when a run comes" in said
        assert f"{name}-idle" not in said

        assert f"~ Deployment/{name}-worker  spec.replicas: 0 -> 2" in well(line.mops(*run, "--dry-run"))
        assert sleeper.workers == 0
        begun = line.mops(*run)
        well(begun)
        assert "woken, 2 workers" in begun.err
        assert sleeper.workers == 2
        cluster.wait("the run's end", lambda: completed(cluster, f"modelops-run-{run_id}"))
        assert json.loads(well(here.mops("workspace", "status", name, "--json")))["asleep_since"] is None

        sleeper.look_until("2 workers scaled to none", 0)
        scaled = here.mops("workspace", "scale", "1", name)
        assert f"workspace {name} has 1 workers" in well(scaled)
        assert "it was asleep since" in scaled.err
        assert sleeper.workers == 1
    finally:
        here.mops("adaptive", "down", run_id, "--purge", "--discard")
        here.mops("workspace", "down", name, "--purge", "--force")
