"""`make release`: both charts as packages, which Helm takes as they are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.charts.rendering import ROOT, SPEC, helm, program

pytestmark = pytest.mark.cluster  # Helm is among what the test cluster is made of


def test_both_charts_are_packaged_and_render_as_packages(tmp_path: Path) -> None:
    found = program("helm")
    assert found is not None
    path = os.pathsep.join((str(Path(found).parent), os.environ["PATH"]))
    built = subprocess.run(
        [ROOT / ".ci/release", "charts", tmp_path],
        env={**os.environ, "PYTHON": sys.executable, "PATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    names = [line.split("  ")[1] for line in (tmp_path / "SHA256SUMS").read_text().splitlines()]
    assert names == sorted(path.name for path in tmp_path.glob("*.tgz"))
    for name, chart, flags in zip(names, ("adaptive-run", "dask-workspace"), (SPEC, ()), strict=True):
        package, folder = (
            helm("template", "r", str(where), *flags) for where in (tmp_path / name, ROOT / "charts" / chart)
        )
        assert templates(package) == templates(folder) != []


def templates(rendered: str) -> list[str]:
    return [line for line in rendered.splitlines() if line.startswith("# Source: ")]
