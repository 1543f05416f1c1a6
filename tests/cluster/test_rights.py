"""Who may do no more than docs/rights.yaml says, in one namespace; and who may not even forward a port."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelops_runtime.results.log_transport import LIMIT, received
from tests.cluster.command_line import RUN_VALUES, a_line, environment, well, workspace_yaml
from tests.cluster.conftest import ROOT, Cluster, new_namespace
from tests.support.projects import Ended, Project

pytestmark = pytest.mark.cluster
RUN = "restricted"
WORKSPACE = "small"


@dataclass(frozen=True)
class User:
    """Somebody with a kubeconfig, and a folder with a spec."""

    cluster: Cluster
    namespace: str
    kubeconfig: Path
    project: Project

    def mops(self, *args: str) -> Ended:
        return self.project.mops(*args, "--namespace", self.namespace)

    def up(self) -> Ended:
        tag = self.project.root / "tag.yaml"
        tag.write_text(f"image: {{tag: {os.environ.get('TAG', 'test')}}}\n")
        values = (*RUN_VALUES, "--values", str(tag))
        return self.mops("adaptive", "up", "adaptive.yaml", "--run-id", RUN, "--workspace", WORKSPACE, *values)


def rules_without(*rights: tuple[str, str]) -> list[dict[str, Any]]:
    """The rules of docs/rights.yaml, but for these (resource, verb)."""
    left = []
    for rule in yaml.safe_load((ROOT / "docs/rights.yaml").read_text())["rules"]:
        for resource in rule["resources"]:
            verbs = [verb for verb in rule["verbs"] if (resource, verb) not in rights]
            left += [{"apiGroups": rule["apiGroups"], "resources": [resource], "verbs": verbs}] if verbs else []
    return left


def a_user(cluster: Cluster, namespace: str, name: str, rules: list[dict[str, Any]], folder: Path) -> User:
    """With these rights in the namespace, and none elsewhere."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules}
    cluster.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(role))
    cluster.kubectl("-n", namespace, "create", "serviceaccount", name)
    account = f"--serviceaccount={namespace}:{name}"
    cluster.kubectl("-n", namespace, "create", "rolebinding", name, f"--role={name}", account)
    token = cluster.kubectl("-n", namespace, "create", "token", name, "--duration=2h").strip()
    config = json.loads(cluster.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    config["users"][0]["user"] = {"token": token}
    kubeconfig = folder / f"{name}.kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    kubeconfig.chmod(0o600)
    line = a_line(folder / name, trials=10)
    env = {**environment(folder / f"{name}-home"), "KUBECONFIG": str(kubeconfig)}
    return User(cluster, namespace, kubeconfig, Project(line.root, env))


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """One that an administrator has made ready, as docs/cluster.md says."""
    with new_namespace(cluster, "restricted") as name:
        cluster.kubectl("label", "namespace", name, f"modelops.io/workspace={name}")
        yield name


@pytest.fixture(scope="module")
def user(cluster: Cluster, namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """With the rights of docs/rights.yaml; a workspace and a run are there, made by them, and the run is over."""
    folder = tmp_path_factory.mktemp("rights")
    user = a_user(cluster, namespace, "scientist", rules_without(), folder)
    well(user.mops("workspace", "up", WORKSPACE, "--file", str(workspace_yaml(folder, replicas=1))))
    well(user.up())
    cluster.wait("the run's end", lambda: standing(user)["job"] == "complete")
    return user


def standing(user: User) -> dict[str, Any]:
    found = json.loads(well(user.mops("adaptive", "status", RUN, "--json")))
    assert found["job"] != "failed", found
    return found


@pytest.fixture(scope="module")
def shut_out(user: User, tmp_path_factory: pytest.TempPathFactory) -> User:
    """Who may not forward a port."""
    rules = rules_without(("pods/portforward", "get"), ("pods/portforward", "create"))
    return a_user(user.cluster, user.namespace, "shut-out", rules, tmp_path_factory.mktemp("shut-out"))


def files(folder: Path) -> dict[str, object]:
    """Byte for byte, but for the versions of what wrote them, and the minute in which the report was made."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}
    found["report.html"], made = re.subn(rb"Made \d{4}-\d\d-\d\d \d\d:\d\d UTC", b"", found["report.html"])
    assert made == 1
    run = json.loads(found.pop("run.json"))
    del run["versions"]
    return {**found, "run.json": run}


def test_results_that_a_job_sends_are_those_that_a_forwarded_port_brings(user: User, shut_out: User) -> None:
    well(user.mops("adaptive", "results", RUN, "--to", "out"))
    ended = shut_out.mops("adaptive", "results", RUN, "--to", "out")
    well(ended)
    assert "may not get pods/portforward there" in ended.err
    assert "sends the results through its log" in ended.err
    assert files(shut_out.project.root / "out") == files(user.project.root / "out")
    assert set(files(user.project.root / "out")) >= {"trials.parquet", "report.html"}
    left = ("-n", user.namespace, "get", "jobs,pods", "-l", "app.kubernetes.io/component=export", "-o", "name")
    user.cluster.wait("the job's end", lambda: user.cluster.kubectl(*left) == "")


def test_status_is_the_same_by_a_job(user: User, shut_out: User) -> None:
    near, far = standing(user), standing(shut_out)
    assert far["ledger"].pop("at") > near["ledger"].pop("at")
    assert far == near
    assert near["ledger"]["finished"] == 10


def test_doctor_says_what_may_not_be_seen_and_goes_on(user: User) -> None:
    found = [json.loads(line) for line in well(user.project.mops("doctor", "--json")).splitlines()]
    hidden = {one["what"] for one in found if not one["is_good"]}
    assert hidden == {"rights", "storage class", "node label", "image, NetworkPolicy"}
    assert not any(one["is_needed"] for one in found if one["what"] in hidden)


LARGE = """
import os, pathlib
from modelops_runtime.results.log_transport import LIMIT, sent
path = pathlib.Path("/tmp/large")
path.write_bytes(os.urandom(LIMIT - 10_000))
for line in sent([path]):
    print(line)
"""


def test_as_much_as_is_promised_comes_through_a_log(cluster: Cluster, namespace: str) -> None:
    image = f"registry.test/modelops/adaptive-worker:{os.environ.get('TAG', 'test')}"
    closed = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "large", "image": image, "command": ["python", "-c", LARGE], "securityContext": closed}
    restricted = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"restartPolicy": "Never", "securityContext": restricted, "containers": [container]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "large"}, "spec": spec}
    cluster.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(pod))
    ended = ("-n", namespace, "wait", "pod/large", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=600s")
    cluster.kubectl(*ended)
    content = received(cluster.kubectl("-n", namespace, "logs", "large").splitlines())["large"]
    assert len(content) == LIMIT - 10_000


RIGHTS_AWAY = [
    (("secrets", "list"), ("adaptive", "status", RUN), "may not list secrets there"),
    (("pods", "list"), ("adaptive", "status", RUN), "may not list pods there"),
    (("jobs", "list"), ("adaptive", "status", RUN), "may not list jobs there"),
    (("secrets", "get"), ("adaptive", "results", RUN), "may not get secrets there"),
    (("secrets", "create"), ("workspace", "scale", "1", WORKSPACE), "may not create secrets there"),
    (("deployments", "patch"), ("workspace", "scale", "2", WORKSPACE), "may not patch deployments there"),
]


@pytest.mark.parametrize(("right", "args", "said"), RIGHTS_AWAY, ids=["-".join(right) for right, _, _ in RIGHTS_AWAY])
def test_a_right_that_is_missing_is_named_in_one_line(
    user: User, tmp_path: Path, right: tuple[str, str], args: tuple[str, ...], said: str
) -> None:
    refused(user, tmp_path, right, args, said)


def refused(user: User, folder: Path, right: tuple[str, str], args: tuple[str, ...], said: str) -> None:
    poorer = a_user(user.cluster, user.namespace, "-".join(right), rules_without(right), folder)
    ended = poorer.mops(*args)
    assert ended.code == 1, ended.out
    (line,) = ended.err.splitlines()
    assert said in line
    assert "docs/cluster.md" in line


def test_a_run_begins_and_goes_under_who_may_not_forward_a_port(shut_out: User) -> None:
    assert f"run {RUN} is at work" in well(shut_out.up())
    spec = ("--spec", "adaptive.yaml", "--run-id", RUN, "--workspace", WORKSPACE)
    followed = shut_out.mops("run", *spec, *RUN_VALUES, "--values", "tag.yaml")
    assert "confirmed on 4 fresh replicates" in well(followed)
    assert "nothing is shown until the run is over" in followed.out + followed.err
    ended = shut_out.mops("adaptive", "down", RUN, "--to", "last")
    well(ended)
    assert "sends the results through its log" in ended.err
    assert "report.html" in files(shut_out.project.root / "last")


def test_what_is_left_when_a_right_is_missing_goes_with_all_rights(user: User, tmp_path: Path) -> None:
    well(user.up())
    logs = ("adaptive", "logs", RUN)
    user.cluster.wait("the run's end", lambda: '"run_ended"' in well(user.mops(*logs)))
    down = ("adaptive", "down", RUN, "--purge", "--discard")
    refused(user, tmp_path, ("jobs", "delete"), down, "may not delete jobs there")
    well(user.mops(*down))
    well(user.mops("workspace", "down", WORKSPACE, "--purge"))
    kinds = "deployments,statefulsets,jobs,pvc,secrets,configmaps,networkpolicies"
    left = user.cluster.kubectl("-n", user.namespace, "get", kinds, "-l", "app.kubernetes.io/managed-by", "-o", "name")
    assert left == ""
