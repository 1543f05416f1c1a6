"""`--infra azure` on a real cluster: the loopback Azure hands out its kubeconfig, as Azure does an AKS cluster's."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.azure.arm_server import ArmServer
from tests.azure.conftest import Mops, arm, certificate, config, environment, mops_azure  # noqa: F401
from tests.cluster.command_line import a_line, unique, well
from tests.cluster.conftest import Cluster
from tests.support.projects import Project

pytestmark = pytest.mark.cluster

VALUES = """
scheduler: {{image: {{tag: {tag}, pullPolicy: Never}}, resources: {{requests: {{cpu: 50m, memory: 256Mi}}}}}}
workers: {{image: {{tag: {tag}, pullPolicy: Never}}, replicas: 1, resources: {{requests: {{cpu: 50m, memory: 256Mi}}}}}}
"""
RUN_VALUES = """
postgres: {image: {repository: registry.test/postgres, tag: "1", pullPolicy: Never}, persistence: {size: 1Gi}}
"""
"""The worker's own image is the one beside the workspace's."""


@pytest.fixture
def azure(arm: ArmServer, config, mops_azure: Mops) -> Path:  # noqa: F811
    """The provider config of a cluster that was created, and of a registry whose name the nodes know."""
    path = config(acr={"enabled": True})
    made = mops_azure("registry", "create", "-y", config=path)
    assert made.returncode == 0, made.stderr
    made = mops_azure("create", "-y", config=path)
    assert made.returncode == 0, made.stderr
    arm.kubeconfig = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    (registry,) = (one for key, one in arm.resources.items() if key.split("/")[-2] == "registries")
    registry["properties"]["loginServer"] = "registry.test"
    return path


@pytest.fixture
def line(azure: Path, environment: dict[str, str], tmp_path: Path) -> Project:  # noqa: F811
    """A run's folder, with an environment in which Azure alone knows the cluster."""
    (tmp_path / "left").mkdir()
    made = a_line(tmp_path / "line", trials=8)
    return Project(made.root, {**environment, "MOPS_AZURE_CONFIG": str(azure), "TMPDIR": str(tmp_path / "left")})


@pytest.fixture
def name(cluster: Cluster, line: Project) -> Iterator[str]:
    name = unique("azure")
    yield name
    line.mops("adaptive", "down", name, "--purge", "--discard", "--infra", "azure")
    line.mops("workspace", "down", name, "--purge", "--infra", "azure")


def images_in(cluster: Cluster, namespace: str) -> set[str]:
    """Without their tags."""
    pods = json.loads(cluster.kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"]
    return {pod["spec"]["containers"][0]["image"].rpartition(":")[0] for pod in pods}


def test_a_workspace_and_a_run_come_up_where_azure_says(
    arm: ArmServer, cluster: Cluster, name: str, line: Project, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    (tmp_path / "workspace.yaml").write_text(VALUES.format(tag=os.environ.get("TAG", "test")))
    (tmp_path / "run.yaml").write_text(RUN_VALUES)
    up = ("workspace", "up", name, "--infra", "azure", "--values", str(tmp_path / "workspace.yaml"))
    assert "Deployment" in well(line.mops(*up, "--dry-run"))
    well(line.mops(*up))
    ours = "registry.test/modelops"
    assert images_in(cluster, f"modelops-ws-{name}") == {f"{ours}/dask-scheduler", f"{ours}/dask-worker"}

    which = ("--workspace", name, "--run-id", name, "--infra", "azure", "--values", str(tmp_path / "run.yaml"))
    ended = line.mops("run", "--spec", "adaptive.yaml", *which, "--json")
    assert json.loads(well(ended).splitlines()[-1])["state"] == "COMPLETED"
    assert f"{ours}/adaptive-worker" in images_in(cluster, f"modelops-run-{name}")
    again = well(line.mops("adaptive", "up", "adaptive.yaml", *which))
    assert f"`mops adaptive status {name} --infra azure` shows where it stands" in again
    listed = json.loads(well(line.mops("adaptive", "status", "--json", "--infra", "azure")))
    assert name in [one["name"] for one in listed]
    assert sum(one.path.endswith("/listClusterUserCredential") for one in arm.log) == 5
    assert list((tmp_path / "left").iterdir()) == []
