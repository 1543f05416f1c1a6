"""The shipped `mops` on the test cluster: specs, folders and values for its tests."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from pathlib import Path

import yaml

from tests.cluster.conftest import ROOT
from tests.support.projects import Ended, Project, line_spec, mops_environment, project

SCHOOL = ROOT / "examples/boarding-school"
RUN_VALUES = ("--values", str(ROOT / "tests/cluster/run-values.yaml"))

ON_A_CLUSTER = """
workers: {replicas: 2, resources: {requests: {cpu: 50m, memory: 256Mi}}}
central_store: {kind: postgres, persistence: {size: 1Gi}}
"""


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:6]}"


def environment(home: Path) -> dict[str, str]:
    home.mkdir(parents=True, exist_ok=True)
    return mops_environment(home)


def quick_school() -> str:
    """The example's spec with as few replicates for each set as one may have."""
    spec, range_of = (SCHOOL / "adaptive.yaml").read_text(), "replicates: {min: 20, max: 200}"
    assert range_of in spec
    return spec.replace(range_of, "replicates: 20")


def a_school(root: Path) -> Project:
    ignored = shutil.ignore_patterns(".modelops", "modelops-out", "__pycache__")
    shutil.copytree(SCHOOL, root, ignore=ignored)
    (root / "adaptive.yaml").write_text(quick_school() + ON_A_CLUSTER)
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


def summary_of_a_run_here(root: Path) -> dict[str, float | None]:
    """What the boarding school's run says at its end on this machine."""
    near = a_school(root).mops("run", "--spec", "adaptive.yaml", "--json")
    return json.loads(well(near).splitlines()[-1])["summary"]


def overlap(one: dict[str, float | None], other: dict[str, float | None]) -> bool:
    """Whether the confirmed losses' intervals, of about 99.9 %, have something in common.

    An unknown error is one of a likelihood that rests on fewer than 5 of its replicates; by the delta method it is
    sqrt(1 / effective sample size - 1 / replicates), which is never more than 1.
    """
    losses = [float(run["confirmed_loss"] or 0) for run in (one, other)]
    errors = [1.0 if run["confirmed_loss_se"] is None else run["confirmed_loss_se"] for run in (one, other)]
    return abs(losses[0] - losses[1]) <= 3.3 * sum(errors)
