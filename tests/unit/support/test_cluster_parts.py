"""What the test cluster is made of is kept by version and digest: a file that is neither is built again."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.needs import need

SCRIPT = Path(__file__).resolve().parents[2] / "cluster/up/binaries.sh"
VERSION = next(
    line.partition("=")[2]
    for line in (SCRIPT.parent / "versions.sh").read_text().splitlines()
    if line.startswith("ETCD=")
)
PROGRAM = b"#!/bin/sh\necho a program\n"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that holds etcd as it was built."""
    need("Linux", sys.platform == "linux")
    (tmp_path / "bin").mkdir()
    etcd = tmp_path / "bin/etcd"
    etcd.write_bytes(PROGRAM)
    etcd.chmod(0o755)
    (tmp_path / "bin/etcd.version").write_text(f"{VERSION} {hashlib.sha256(PROGRAM).hexdigest()}\n")
    return tmp_path


def builds(cache: Path) -> bool:
    """Whether the script sets about building etcd; without Go on its PATH it does not get far."""
    programs = cache / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("bash", "cat", "cut", "dirname", "flock", "mkdir", "rm", "sha256sum"):
        link = programs / name
        if not link.exists():
            link.symlink_to(next(Path(at) / name for at in ("/usr/bin", "/bin") if (Path(at) / name).exists()))
    env = {**os.environ, "MODELOPS_CLUSTER_CACHE": str(cache), "PATH": str(programs)}
    done = subprocess.run(["bash", str(SCRIPT), "etcd"], env=env, capture_output=True, text=True, check=False)
    assert ("building etcd" in done.stdout) == (done.returncode != 0), done.stderr
    return done.returncode != 0


def test_what_is_there_is_not_built_again(cache: Path) -> None:
    assert not builds(cache)


def test_a_changed_program_is_built_again(cache: Path) -> None:
    (cache / "bin/etcd").write_bytes(PROGRAM + b"# changed")
    assert builds(cache)


@pytest.mark.parametrize("kept", ["", "v0.0.1 of another version", VERSION])
def test_another_version_and_one_without_a_digest_are_built_again(cache: Path, kept: str) -> None:
    (cache / "bin/etcd.version").write_text(kept)
    assert builds(cache)
