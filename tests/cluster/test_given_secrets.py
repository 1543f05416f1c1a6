"""Secrets that a user makes, through the command line: how a database outside is reached, and how images are pulled."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.cluster.command_line import RUN_VALUES, environment, well, workspace_yaml
from tests.cluster.conftest import Cluster, new_namespace
from tests.cluster.outside import Outside, outside
from tests.cluster.test_secrets import forms
from tests.support.dask_cluster import make_certificates
from tests.support.projects import Project, line_spec, project

pytestmark = pytest.mark.cluster
PASSWORD = "a pull password: 'quoted' $\\ \""
DOCKER = json.dumps({"auths": {"registry.test": {"auth": base64.b64encode(f"anna:{PASSWORD}".encode()).decode()}}})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("given")


@pytest.fixture(scope="module")
def space(cluster: Cluster, folder: Path) -> Iterator[str]:
    """The namespace, and the name, of a workspace whose images are pulled with a Secret made from a file."""
    (folder / "config.json").write_text(DOCKER)
    here = Project(folder, environment(folder / "home"))
    file = str(workspace_yaml(folder, replicas=1))
    with new_namespace(cluster, "given") as name:
        command = ("workspace", "up", name, "--namespace", name, "--file", file, "--pull-secret-file", "config.json")
        well(here.mops(*command))
        yield name


def a_run(folder: Path, there: Outside, mode: str, name: str) -> Project:
    """A spec whose ledger is `there`, by the Secret `ledger`."""
    store = f"central_store: {{mode: {mode}, existing_secret: ledger}}\n"
    workers = "workers: {replicas: 1, resources: {requests: {cpu: 50m, memory: 256Mi}}}\n"
    made = project(folder / name, spec=line_spec(trials=10, extra=workers + store))
    more = {"image": {"tag": os.environ.get("TAG", "test")}, "networkPolicy": {"egress": there.egress()}}
    (made.root / "more.yaml").write_text(yaml.safe_dump(more))
    return Project(made.root, environment(folder / f"{name}-home"))


def up(space: str, namespace: str, *more: str) -> tuple[str, ...]:
    where = ("--namespace", namespace, "--workspace", space, "--workspace-namespace", space)
    return ("adaptive", "up", "adaptive.yaml", "--run-id", "run", *where, *RUN_VALUES, "--values", "more.yaml", *more)


def pulled_with(cluster: Cluster, namespace: str) -> dict[str, list[str]]:
    """Of each pod, by its component: the names of the Secrets its images are pulled with."""
    pods = json.loads(cluster.kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"]
    return {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]: [
            secret["name"] for secret in pod["spec"].get("imagePullSecrets", [])
        ]
        for pod in pods
    }


def test_a_pull_secret_from_a_file_arrives_on_the_pods_and_is_no_part_of_the_release(
    cluster: Cluster, space: str
) -> None:
    assert pulled_with(cluster, space) == {"scheduler": ["modelops-pull"], "worker": ["modelops-pull"]}
    secret = json.loads(cluster.kubectl("-n", space, "get", "secret", "modelops-pull", "-o", "json"))
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    assert base64.b64decode(secret["data"][".dockerconfigjson"]).decode() == DOCKER
    assert not told(cluster, space, space)


def told(cluster: Cluster, namespace: str, release: str) -> bool:
    """Whether the release tells the password, or the auth that holds it."""
    everything = cluster.helm("get", "all", release, "-n", namespace)
    assert "modelops-pull" in everything or "of-mine" in everything
    return tells(everything)


def tells(text: str) -> bool:
    """In any form."""
    secrets = (PASSWORD.encode(), base64.b64encode(f"anna:{PASSWORD}".encode()), DOCKER.encode())
    return any(form in text.encode() for secret in secrets for form in forms(secret))


def test_a_password_that_is_told_is_found() -> None:
    for told_as in (PASSWORD, DOCKER, base64.b64encode(DOCKER.encode()).decode()):
        assert tells(f"config: {told_as}\n")
    assert not tells("imagePullSecrets: [{name: modelops-pull}]")


def test_a_run_with_an_external_store_that_only_its_pods_can_reach(
    cluster: Cluster, space: str, folder: Path, tmp_path: Path
) -> None:
    with new_namespace(cluster, "given-run") as namespace, outside(tmp_path, tls=False) as there:
        line = a_run(folder, there, "external", "external")
        line = replace(line, env={**line.env, "MOPS_PULL_SECRET": DOCKER})
        missing = line.mops(*up(space, namespace))
        assert missing.code == 2
        assert f"there is no Secret ledger in namespace {namespace}; make one with PGHOST" in missing.err
        cluster.kubectl("-n", namespace, "create", "-f", "-", stdin=there.as_service("db"))
        given = there.literals(f"db.{namespace}.svc")
        cluster.kubectl("-n", namespace, "create", "secret", "generic", "ledger", *given)

        well(line.mops(*up(space, namespace)))
        assert pulled_with(cluster, namespace) == {"worker": ["modelops-pull"]}
        assert not told(cluster, namespace, "run")
        cluster.wait("the run's end", lambda: finished(there) == 10)
        ended = line.mops("adaptive", "down", "run", "--namespace", namespace, "--to", "out")
        well(ended)
        assert "the run's Postgres does not answer here" in ended.err
        assert "sends the results through its log" in ended.err
        assert "pw" not in ended.err
        assert (line.root / "out/report.html").stat().st_size > 10_000


def finished(there: Outside) -> int:
    """Search trials."""
    query = "SELECT count(*) FROM modelops.trial WHERE phase = 'search' AND status = 'COMPLETED'"
    return there.server.execute(query, database="modelops")[0][0]


def test_a_run_with_a_managed_store_whose_certificate_is_checked_here_too(
    cluster: Cluster, space: str, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with new_namespace(cluster, "given-run") as namespace, outside(tmp_path, tls=True) as there:
        line = a_run(folder, there, "managed", "managed")
        secret = ("-n", namespace, "create", "secret", "generic", "ledger", *there.literals())
        cluster.kubectl(*secret, f"--from-file=ca.crt={there.ca}")
        cluster.kubectl("-n", namespace, "create", "secret", "docker-registry", "of-mine",
                        "--docker-server=registry.test", "--docker-username=anna", f"--docker-password={PASSWORD}")  # fmt: skip
        well(line.mops(*up(space, namespace, "--pull-secret", "of-mine")))
        assert pulled_with(cluster, namespace) == {"worker": ["of-mine"]}
        assert not told(cluster, namespace, "run")
        results = ("adaptive", "results", "run", "--namespace", namespace, "--to", "out")
        ended = line.mops(*results)
        well(ended)
        assert ended.err == ""

        cluster.kubectl("-n", namespace, "delete", "secret", "ledger")
        cluster.kubectl(*secret, f"--from-file=ca.crt={make_certificates(other).ca}")
        refused = line.mops(*results)
        assert refused.code == 1
        (said,) = refused.err.splitlines()
        assert "of no CA that is trusted here" in said
