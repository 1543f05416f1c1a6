"""What `mops-azure delete` does with Helm releases, by real Helm on a real cluster, within one namespace."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mops_azure.releases import NoHelm, releases, uninstall
from tests.cluster.conftest import Cluster

pytestmark = pytest.mark.cluster

KUBECONFIG = Path(os.environ.get("KUBECONFIG", "/nowhere"))


def chart(folder: Path, name: str) -> str:
    """The smallest chart of that name."""
    (folder / name / "templates").mkdir(parents=True)
    (folder / name / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 0.1.0\n")
    (folder / name / "templates" / "map.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n"
    )
    return str(folder / name)


def test_our_releases_are_found_runs_first_and_uninstalled(cluster: Cluster, namespace: str, tmp_path: Path):
    for release, name in (("ws", "dask-workspace"), ("run-a", "adaptive-run"), ("other", "somebody-elses")):
        cluster.helm("install", release, chart(tmp_path / release, name), "--namespace", namespace)
    scope = ("--namespace", namespace)
    found = releases(KUBECONFIG, scope=scope)
    assert [(one.name, one.order) for one in found] == [("run-a", 0), ("ws", 1), ("other", None)]
    for one in found[:2]:
        uninstall(KUBECONFIG, one)
        uninstall(KUBECONFIG, one)  # gone already
    assert [one.name for one in releases(KUBECONFIG, scope=scope)] == ["other"]
    maps = json.loads(cluster.kubectl("get", "configmaps", "--namespace", namespace, "--output", "json"))["items"]
    assert {one["metadata"]["name"] for one in maps} == {"other", "kube-root-ca.crt"}


def test_a_cluster_that_does_not_answer_is_one_line(tmp_path: Path):
    path = tmp_path / "kubeconfig"
    path.write_text(
        "apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]\n"
        "users: []\ncontexts: [{name: a, context: {cluster: a, user: a}}]\ncurrent-context: a\n"
    )
    with pytest.raises(NoHelm, match="helm list") as caught:
        releases(path)
    assert "\n" not in str(caught.value)
