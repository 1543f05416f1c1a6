"""Helm releases in a cluster that will be deleted: ours are uninstalled first, so that their disks and addresses are freed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelops_runtime.contracts.errors import ModelOpsError
from mops_azure.errors import one_line

OUR_CHARTS = ("adaptive-run", "dask-workspace")
"""In the order in which they are uninstalled: runs before the workspaces that they use."""
LIST_TIMEOUT_S = 60
UNINSTALL_TIMEOUT_S = 300


class NoHelm(ModelOpsError):
    """Helm is missing, or the cluster does not answer it; the text says which."""


@dataclass(frozen=True, kw_only=True)
class ListedRelease:
    """A Helm release, as `helm list` shows it."""

    name: str
    namespace: str
    chart: str

    @property
    def order(self) -> int | None:
        """Place among ours; None of others' charts."""
        return next((at for at, one in enumerate(OUR_CHARTS) if self.chart.rpartition("-")[0] == one), None)


def releases(kubeconfig: Path, *, scope: Sequence[str] = ("--all-namespaces",)) -> list[ListedRelease]:
    """All, ours first. Raises NoHelm."""
    found = json.loads(
        _helm(kubeconfig, ["list", *scope, "--max", "10000", "--output", "json"], LIST_TIMEOUT_S) or "[]"
    )
    read = [ListedRelease(name=one["name"], namespace=one["namespace"], chart=one["chart"]) for one in found]
    return sorted(read, key=lambda one: (len(OUR_CHARTS) if one.order is None else one.order, one.namespace, one.name))


def uninstall(kubeconfig: Path, release: ListedRelease) -> None:
    """Uninstall a release; it may be gone already. Raises NoHelm if that fails."""
    timeout = f"{UNINSTALL_TIMEOUT_S}s"
    args = [
        "uninstall",
        release.name,
        "--namespace",
        release.namespace,
        "--ignore-not-found",
        "--wait",
        "--timeout",
        timeout,
    ]
    _helm(kubeconfig, args, UNINSTALL_TIMEOUT_S + 30)


def _helm(kubeconfig: Path, args: list[str], timeout_s: float) -> str:
    program = shutil.which("helm")
    if program is None:
        raise NoHelm("helm is not there")
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    try:
        done = subprocess.run(
            [program, *args], env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise NoHelm(f"helm {args[0]} got no answer within {timeout_s:.0f} seconds") from None
    if done.returncode:
        raise NoHelm(f"helm {args[0]}: {one_line(done.stderr, 160)}")
    return done.stdout
