"""Which images `mops workspace up --build` builds, and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelops_runtime.contracts.errors import UserError
from mops.workspace.build import commands, images_to_build, source_tree
from mops.workspace.spec import WorkspaceSpec


def workspace(scheduler: str | None, worker: str | None) -> WorkspaceSpec:
    parts = {"scheduler": {"image": scheduler}, "workers": {"image": worker}}
    return WorkspaceSpec.model_validate({"version": 1, "dask": parts})


def test_the_images_that_the_file_names_are_built_then_pushed() -> None:
    images = images_to_build(workspace("reg/a/dask-scheduler:1", "reg/a/dask-worker:2"))
    assert images == {
        "dask-scheduler": "reg/a/dask-scheduler:1",
        "dask-worker": "reg/a/dask-worker:2",
        "adaptive-worker": "reg/a/adaptive-worker:2",
    }
    called = commands("podman", Path("/src"), images)
    assert [command[1] for command in called] == ["build"] * 3 + ["push"] * 3
    assert called[0] == [
        "podman",
        "build",
        "-f",
        "/src/docker/dask-scheduler.Dockerfile",
        "-t",
        "reg/a/dask-scheduler:1",
        "/src",
    ]
    assert all((source_tree() / "docker" / f"{name}.Dockerfile").is_file() for name in images)


def test_a_workers_image_of_another_name_has_none_beside_it() -> None:
    assert set(images_to_build(workspace("reg/s:1", "reg/my-models:1"))) == {"dask-scheduler", "dask-worker"}


def test_a_registry_takes_what_the_file_does_not_name() -> None:
    images = images_to_build(workspace("reg/a/dask-scheduler:1", None), "mine.azurecr.io")
    assert images["dask-scheduler"] == "reg/a/dask-scheduler:1"
    assert images["dask-worker"].startswith("mine.azurecr.io/modelops/dask-worker:")
    assert images["adaptive-worker"].startswith("mine.azurecr.io/modelops/adaptive-worker:")


@pytest.mark.parametrize("worker", [None, "reg/w@sha256:" + "0" * 64])
def test_an_image_that_cannot_be_built_is_refused(worker: str | None) -> None:
    with pytest.raises(UserError, match=r"for dask\.worker in the workspace's file"):
        images_to_build(workspace("reg/s:1", worker))
