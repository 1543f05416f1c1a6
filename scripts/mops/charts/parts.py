"""Parts of values that both planes give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelops_runtime.specs.cluster import ResourcesSpec, TolerationSpec
from mops.charts.values_files import Values


def image_parts(reference: str) -> Values:
    """`host:5000/a/b:tag@sha256:...` as the charts take it; without tag and digest the tag is `latest`, as elsewhere."""
    name, _, digest = reference.partition("@")
    last = name.rpartition("/")[2]
    tag = last.partition(":")[2]
    repository = name.removesuffix(f":{tag}") if tag else name
    return filled(repository=repository, tag=tag or ("" if digest else "latest"), digest=digest)


def our_repository(name: str, registry: str | None) -> str:
    """Of the image `name`, as `make push` calls it; without a registry as the charts do."""
    return f"{registry}/modelops/{name}" if registry else f"modelops/{name}"


def sibling_image(workspace: Mapping[str, Any], name: str) -> Values:
    """The image `name` beside the workspace's own worker image: same registry, same tag; none where its name tells nothing.

    A digest is one image's own, so nothing follows from it.
    """
    image = (workspace.get("workers") or {}).get("image") or {}
    folder, _, last = str(image.get("repository", "")).rpartition("/")
    if last != "dask-worker" or image.get("digest"):
        return {}
    return filled(
        repository=f"{folder}/{name}" if folder else name,
        tag=image.get("tag", ""),
        pullPolicy=image.get("pullPolicy", ""),
    )


def resources(given: ResourcesSpec) -> Values:
    return filled(requests=dict(given.requests), limits=dict(given.limits))


def tolerations(given: Sequence[TolerationSpec]) -> list[Values]:
    camel = {"toleration_seconds": "tolerationSeconds"}
    return [{camel.get(key, key): value for key, value in one.model_dump(exclude_none=True).items()} for one in given]


def named(secrets: Sequence[str]) -> list[Values]:
    return [{"name": name} for name in secrets]


def filled(**values: Any) -> Values:
    """Without what is empty: the chart's own defaults hold there."""
    return {key: value for key, value in values.items() if value not in (None, "", {}, [])}
