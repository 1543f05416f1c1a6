"""Our charts, rendered by the real Helm."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.support.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
_BIN = Path(os.environ.get("MODELOPS_CLUSTER_CACHE") or Path.home() / ".cache/modelops/cluster") / "bin"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Eight times as fast where PyYAML has libyaml."""

CHARTS = ("dask-workspace", "adaptive-run")
KUBERNETES = "1.34.0"
SPEC = ("--set-file", f"run.spec={ROOT / 'examples/boarding-school/adaptive.yaml'}")


def program(name: str) -> str | None:
    """Where a program is: on the PATH, or among those that the test cluster was built of."""
    return shutil.which(name) or shutil.which(name, path=str(_BIN))


def helm(*args: str, which: str = "helm") -> str:
    """Raises AssertionError with what Helm said."""
    path = program(which)
    assert path, f"no {which} on this machine"
    done = subprocess.run([path, *args], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def manifest(chart: str, *flags: str, which: str = "helm", release: str = "rel") -> str:
    """What `helm install` would install, tests included; a run is given the boarding school's spec."""
    spec = SPEC if chart == "adaptive-run" and not any("run.spec" in flag for flag in flags) else ()
    return helm(
        "template", release, str(ROOT / "charts" / chart), "--kube-version", KUBERNETES, *spec, *flags, which=which
    )


def render(chart: str, *flags: str, which: str = "helm", release: str = "rel") -> list[dict[str, Any]]:
    """The same, as objects."""
    rendered = manifest(chart, *flags, which=which, release=release)
    return [found for found in yaml.load_all(rendered, Loader=_LOADER) if found]


def pod_templates(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """metadata and spec of each pod, by its object's kind and name."""
    found = {}
    for one in objects:
        kind, spec = one["kind"], one.get("spec", {})
        if kind == "Pod":
            template = {"metadata": one["metadata"], "spec": spec}
        elif kind == "CronJob":
            template = spec["jobTemplate"]["spec"]["template"]
        elif kind in ("Deployment", "StatefulSet", "Job"):
            template = spec["template"]
        else:
            continue
        found[f"{kind}/{one['metadata']['name']}"] = template
    return found
