"""Images, as the charts' values name them. Pure."""

from __future__ import annotations

from mops.charts.base import Image, given_only


def image_of(reference: str) -> Image:
    """`host:5000/a/b:tag@sha256:...` as the charts take it; without tag and digest the tag is `latest`, as elsewhere."""
    name, _, digest = reference.partition("@")
    last = name.rpartition("/")[2]
    tag = last.partition(":")[2]
    repository = name.removesuffix(f":{tag}") if tag else name
    return Image(repository=repository, **given_only(tag=tag or ("" if digest else "latest"), digest=digest))


def our_repository(name: str, registry: str | None) -> str:
    """Of the image `name`, as `make push` calls it; without a registry as the charts do."""
    return f"{registry}/modelops/{name}" if registry else f"modelops/{name}"


def sibling_image(worker: Image, name: str) -> Image | None:
    """The image `name` beside a Dask worker's: same registry, same tag; None where the worker's name tells nothing.

    A digest is one image's own, so it says nothing about other images.
    """
    folder, _, last = worker.repository.rpartition("/")
    if last != "dask-worker" or worker.digest:
        return None
    pull_policy = worker.pull_policy if "pull_policy" in worker.model_fields_set else None
    return Image(
        repository=f"{folder}/{name}" if folder else name, **given_only(tag=worker.tag, pull_policy=pull_policy)
    )
