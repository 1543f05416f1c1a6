"""`make images` and `make push` with a real registry."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import ROOT
from tests.support.dask_cluster import free_port
from tests.support.patience import PATIENCE_S, eventually

pytestmark = pytest.mark.cluster
CACHE = Path(os.environ.get("KUBECONFIG", "/")).parent.parent
MANIFEST = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


@contextmanager
def _registry(folder: Path) -> Iterator[str]:
    """Debian's docker-registry on the loopback interface."""
    program, port = shutil.which("docker-registry"), free_port()
    assert program, "no docker-registry on this machine"
    config = folder / "registry.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder / 'registry'}}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    with (folder / "registry.log").open("wb") as log:
        server = subprocess.Popen([program, "serve", str(config)], stdout=log, stderr=log)
    try:
        assert eventually(lambda: _answers(f"http://127.0.0.1:{port}/v2/"), every_s=0.2), "the registry does not answer"
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


def _get(url: str) -> Any:
    with urllib.request.urlopen(
        urllib.request.Request(url, headers={"Accept": MANIFEST}), timeout=PATIENCE_S
    ) as answer:
        return json.load(answer)


def test_the_images_are_built_and_pushed_by_make(tmp_path: Path) -> None:
    with _registry(tmp_path) as registry:
        plain = tmp_path / "registries.conf"
        plain.write_text(f"[[registry]]\nlocation = '{registry}'\ninsecure = true\n")
        # The storage of up/images.sh, so that only what is new is built.
        storage = f"buildah --root {CACHE / 'buildah'} --runroot {CACHE / 'tmp/buildah'}"
        settings = {"STORAGE_DRIVER": "overlay", "BUILDAH_ISOLATION": "chroot", "BUILDAH_LAYERS": "true"}
        env = {**os.environ, **settings, "CONTAINERS_REGISTRIES_CONF": str(plain), "TMPDIR": str(CACHE / "tmp")}
        made = ["make", f"REGISTRY={registry}/x", "VERSION=1", f"ENGINE={storage}", "BASE_IMAGE=registry.test/python:1"]
        for target in ("images", "push"):
            done = subprocess.run([*made, target], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        for name in ("dask-scheduler", "dask-worker", "adaptive-worker"):
            at = f"http://{registry}/v2/x/modelops/{name}"
            assert _get(f"{at}/tags/list")["tags"] == ["1"]
            config = _get(f"{at}/blobs/{_get(f'{at}/manifests/1')['config']['digest']}")["config"]
            assert config["Labels"]["org.opencontainers.image.version"] == "1"
            assert config["User"] == "10001:10001"
