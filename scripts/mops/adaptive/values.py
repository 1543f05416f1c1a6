"""From adaptive.yaml to the values of the chart `adaptive-run`. Pure: no network, no clock, no secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modelops_runtime.specs.adaptive import AdaptiveSpec
from modelops_runtime.specs.cluster import CentralStoreSpec
from mops.charts.parts import filled, image_parts, named, resources, tolerations
from mops.charts.values_files import Values
from mops.workspace.release_ref import DaskBinding


@dataclass(frozen=True, kw_only=True)
class RunFiles:
    """What is run, as text."""

    spec: str
    files: Mapping[str, str] = field(default_factory=dict)
    binary: Mapping[str, str] = field(default_factory=dict)
    """In base64."""


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
    run = filled(id=run_id, spec=files.spec, files=dict(files.files), binaryFiles=dict(files.binary))
    return filled(
        image=image_parts(workers.image) if workers.image else dict(image or {}),
        imagePullSecrets=named(pull_secrets),
        run=run,
        dask=filled(address=dask.address, namespace=dask.namespace, existingSecret=dask.secret),
        workers={
            "replicas": workers.replicas,
            **filled(
                resources=resources(workers.resources),
                pods=filled(nodeSelector=dict(workers.node_selector), tolerations=tolerations(workers.tolerations)),
            ),
        },
        **_store(store, pull_secrets),
    )


def _store(store: CentralStoreSpec, pull_secrets: Sequence[str]) -> Values:
    if store.mode != "in-cluster":
        central = {"mode": store.mode, "existingSecret": store.existing_secret}
        return {"centralStore": central, "postgres": {"enabled": False}}
    disk = store.persistence
    postgres = {
        "database": store.database,
        "user": store.user,
        "persistence": {"enabled": disk.enabled, "size": disk.size, **filled(storageClass=disk.storage_class)},
        **filled(imagePullSecrets=named(pull_secrets), auth=filled(existingSecret=store.existing_secret)),
    }
    return {"centralStore": {"mode": store.mode}, "postgres": postgres}
