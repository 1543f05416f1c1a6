"""What is published is built from this checkout and works without it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_wheel_and_sdist_are_built_and_checked_and_the_wheel_runs_alone(tmp_path: Path) -> None:
    built = subprocess.run(
        [ROOT / ".ci/release", "python", tmp_path],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert "R0" in built.stdout
    wheel, sdist = tmp_path / "modelops-0.1.0-py3-none-any.whl", tmp_path / "modelops-0.1.0.tar.gz"
    sums = dict(reversed(line.split("  ")) for line in (tmp_path / "SHA256SUMS").read_text().splitlines())
    assert sums == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (wheel, sdist)}
    with zipfile.ZipFile(wheel) as archive:
        about = message_from_bytes(archive.read("modelops-0.1.0.dist-info/METADATA"))
        names = set(archive.namelist())
    assert (about["License-Expression"], about["License-File"]) == ("MIT", "LICENSE")
    assert "mops/charts/packaged/adaptive-run/Chart.yaml" in names
    assert not {name for name in names if name.startswith(("tests/", "docs/", "scripts/"))}
