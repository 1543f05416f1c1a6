"""The charts travel inside the wheel, where the installed command looks for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from mops.cluster.helm import chart_path

ROOT = Path(__file__).resolve().parents[4]


def test_the_wheel_holds_the_charts_as_they_are(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as packed:
        held = {name: packed.read(name) for name in packed.namelist() if name.startswith("mops/charts/packaged/")}
    files = [path for path in (ROOT / "charts").rglob("*") if path.is_file()]
    assert held == {f"mops/charts/packaged/{path.relative_to(ROOT / 'charts')}": path.read_bytes() for path in files}


def test_a_source_tree_uses_its_own_charts() -> None:
    assert chart_path("adaptive-run") == ROOT / "charts" / "adaptive-run"
