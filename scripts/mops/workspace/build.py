"""`mops workspace up --build`: builds the workspace's images here and pushes them to the registry in its file."""

from __future__ import annotations

import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from modelops_runtime.contracts.errors import UserError
from mops.charts.images import image_of, our_repository, sibling_image
from mops.cluster.errors import ClusterError
from mops.terminal.notify import Notify
from mops.workspace.spec import WorkspaceSpec

ENGINES = ("docker", "podman", "buildah")
_LAST_LINES = 8


def source_tree() -> Path:
    """The folder with docker/. Raises UserError if this package was installed without it."""
    root = Path(__file__).resolve().parents[3]
    if not (root / "docker").is_dir():
        raise UserError(
            "--build needs the source tree with its docker/ folder; or push the images with `make images push`"
        )
    return root


def engine() -> str:
    """Raises UserError."""
    found = next((name for name in ENGINES if shutil.which(name)), None)
    if found is None:
        raise UserError(f"--build needs one of {', '.join(ENGINES)}, and none is on PATH")
    return found


def images_to_build(spec: WorkspaceSpec, registry: str | None = None) -> dict[str, str]:
    """Dockerfile -> image, of the images that the file names; beside the worker's own also the adaptive worker's.

    Images that it does not name are in `registry`, with our version. Raises UserError without a registry. Pure.
    """
    named = {"dask-scheduler": spec.dask.scheduler.image, "dask-worker": spec.dask.workers.image}
    if registry:
        named = {
            name: image or f"{our_repository(name, registry)}:{version('modelops')}" for name, image in named.items()
        }
    given = {name: image for name, image in named.items() if image and "@" not in image}
    if len(given) < len(named):
        missing = ", ".join(f"dask.{name.removeprefix('dask-')}" for name in named if name not in given)
        raise UserError(f"--build needs an image by tag, with its registry, for {missing} in the workspace's file")
    sibling = sibling_image(image_of(given["dask-worker"]), "adaptive-worker")
    if sibling:
        given["adaptive-worker"] = f"{sibling.repository}:{sibling.tag}"
    return given


def commands(program: str, root: Path, images: dict[str, str]) -> list[list[str]]:
    """The commands in order: all images are built before any is pushed. Pure."""
    built = [
        [program, "build", "-f", str(root / "docker" / f"{name}.Dockerfile"), "-t", image, str(root)]
        for name, image in images.items()
    ]
    return built + [[program, "push", image] for image in images.values()]


def build_and_push(spec: WorkspaceSpec, notify: Notify, *, registry: str | None = None) -> None:
    """Raises UserError before anything is built, ClusterError with the last lines of a failed command."""
    root, images = source_tree(), images_to_build(spec, registry)
    for command in commands(engine(), root, images):
        notify(" ".join(command[:2] + command[-2:-1]) if command[1] == "build" else " ".join(command))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()[-_LAST_LINES:]
            what = "\n".join([f"{' '.join(command)} failed", *(f"  {line}" for line in lines)])
            raise ClusterError(what, "sign in to the registry, or correct the image in the workspace's file")
