"""From specs to the values of the two charts. Pure: no network, no clock, no secret."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelops_runtime.specs.adaptive import AdaptiveSpec
from modelops_runtime.specs.cluster import CentralStoreSpec, ResourcesSpec, TolerationSpec
from mops.workspace.spec import SchedulerSpec, WorkspaceSpec

Values = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class DaskBinding:
    """A workspace, as a run sees it."""

    address: str
    """tls://HOST:8786, or tcp://"""
    namespace: str
    secret: str = ""
    """Of the run's own namespace, with ca.crt, tls.crt and tls.key; empty for tcp://."""
    slots: int = 1
    """Simulations side by side on all its workers."""


@dataclass(frozen=True, kw_only=True)
class RunFiles:
    """What is run, as text."""

    spec: str
    files: Mapping[str, str] = field(default_factory=dict)
    binary: Mapping[str, str] = field(default_factory=dict)
    """In base64."""


def workspace_values(spec: WorkspaceSpec, *, pull_secrets: Sequence[str] = (), registry: str | None = None) -> Values:
    """The values of `dask-workspace`; what the spec leaves out is left to the chart, but for the `registry` of its images."""
    workers = spec.dask.workers
    counted = {"replicas": workers.replicas, "threads": workers.threads}
    given = {key: value for key, value in counted.items() if value is not None}
    return _filled(
        imagePullSecrets=_named(pull_secrets),
        scheduler=_component(spec.dask.scheduler, registry, "dask-scheduler"),
        workers=_component(workers, registry, "dask-worker") | given,
        idle={} if spec.idle_s is None else {"enabled": True, "afterSeconds": math.ceil(spec.idle_s)},
    )


def run_values(
    spec: AdaptiveSpec,
    *,
    run_id: str,
    files: RunFiles,
    dask: DaskBinding,
    image: Mapping[str, str] | None = None,
    pull_secrets: Sequence[str] = (),
) -> Values:
    """The values of `adaptive-run`. `image` is meant where the spec names none."""
    workers, store = spec.workers, spec.central_store or CentralStoreSpec()
    run = _filled(id=run_id, spec=files.spec, files=dict(files.files), binaryFiles=dict(files.binary))
    return _filled(
        image=image_parts(workers.image) if workers.image else dict(image or {}),
        imagePullSecrets=_named(pull_secrets),
        run=run,
        dask=_filled(address=dask.address, namespace=dask.namespace, existingSecret=dask.secret),
        workers={
            "replicas": workers.replicas,
            **_filled(
                resources=_resources(workers.resources),
                pods=_filled(nodeSelector=dict(workers.node_selector), tolerations=_tolerations(workers.tolerations)),
            ),
        },
        **_store(store, pull_secrets),
    )


def merged(values: Mapping[str, Any], over: Mapping[str, Any]) -> Values:
    """As Helm merges two values files: mappings key by key, anything else as a whole."""
    made = dict(values)
    for key, value in over.items():
        old = made.get(key)
        made[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return made


def image_parts(reference: str) -> Values:
    """`host:5000/a/b:tag@sha256:...` as the charts take it; without tag and digest the tag is `latest`, as elsewhere."""
    name, _, digest = reference.partition("@")
    last = name.rpartition("/")[2]
    tag = last.partition(":")[2]
    repository = name.removesuffix(f":{tag}") if tag else name
    return _filled(repository=repository, tag=tag or ("" if digest else "latest"), digest=digest)


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
    return _filled(
        repository=f"{folder}/{name}" if folder else name,
        tag=image.get("tag", ""),
        pullPolicy=image.get("pullPolicy", ""),
    )


def _component(part: SchedulerSpec, registry: str | None, image: str) -> Values:
    ours = {"repository": our_repository(image, registry)} if registry else {}
    return _filled(
        image=image_parts(part.image) if part.image else ours,
        resources=_resources(part.resources),
        pods=_filled(nodeSelector=dict(part.node_selector), tolerations=_tolerations(part.tolerations)),
    )


def _store(store: CentralStoreSpec, pull_secrets: Sequence[str]) -> Values:
    if store.mode != "in-cluster":
        central = {"mode": store.mode, "existingSecret": store.existing_secret}
        return {"centralStore": central, "postgres": {"enabled": False}}
    disk = store.persistence
    postgres = {
        "database": store.database,
        "user": store.user,
        "persistence": {"enabled": disk.enabled, "size": disk.size, **_filled(storageClass=disk.storage_class)},
        **_filled(imagePullSecrets=_named(pull_secrets), auth=_filled(existingSecret=store.existing_secret)),
    }
    return {"centralStore": {"mode": store.mode}, "postgres": postgres}


def _resources(given: ResourcesSpec) -> Values:
    return _filled(requests=dict(given.requests), limits=dict(given.limits))


def _tolerations(given: Sequence[TolerationSpec]) -> list[Values]:
    camel = {"toleration_seconds": "tolerationSeconds"}
    return [{camel.get(key, key): value for key, value in one.model_dump(exclude_none=True).items()} for one in given]


def _named(secrets: Sequence[str]) -> list[Values]:
    return [{"name": name} for name in secrets]


def _filled(**values: Any) -> Values:
    """Without what is empty: the chart's own defaults hold there."""
    return {key: value for key, value in values.items() if value not in (None, "", {}, [])}
