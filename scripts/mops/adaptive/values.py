"""From adaptive.yaml to the values of the chart `adaptive-run`. Pure: no network, no clock, no secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modelops_runtime.specs.adaptive import AdaptiveSpec
from modelops_runtime.specs.cluster import CentralStoreSpec, WorkersSpec
from mops.charts.adaptive_run import AdaptiveRunValues, AdaptiveWorkersValues, CentralStore, Dask, RunValues
from mops.charts.base import Image, given_only
from mops.charts.images import image_of
from mops.charts.postgres import Auth, Persistence, PostgresValues
from mops.charts.scheduling import pods_of, resources_of, secrets_named
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
    image: Image | None = None,
    pull_secrets: Sequence[str] = (),
) -> AdaptiveRunValues:
    """The chart's defaults apply to what the spec leaves out. `image` is used if the spec names none."""
    store = spec.central_store or CentralStoreSpec()
    return AdaptiveRunValues(
        **given_only(
            image=image_of(spec.workers.image) if spec.workers.image else image,
            image_pull_secrets=secrets_named(pull_secrets),
            run=_run(run_id, files),
            dask=Dask(
                **given_only(address=dask.address, namespace=dask.namespace, existing_secret=dask.secret),
            ),
            workers=_workers(spec.workers),
            central_store=_central_store(store),
            postgres=_postgres(store, pull_secrets),
        )
    )


def _run(run_id: str, files: RunFiles) -> RunValues:
    given = given_only(id=run_id, spec=files.spec, files=dict(files.files), binary_files=dict(files.binary))
    return RunValues(**given)


def _workers(spec: WorkersSpec) -> AdaptiveWorkersValues:
    pods = pods_of(spec.node_selector, spec.tolerations)
    return AdaptiveWorkersValues(
        replicas=spec.replicas, **given_only(resources=resources_of(spec.resources), pods=pods)
    )


def _central_store(store: CentralStoreSpec) -> CentralStore:
    if store.mode == "in-cluster":
        return CentralStore(mode=store.mode)
    return CentralStore(mode=store.mode, **given_only(existing_secret=store.existing_secret))


def _postgres(store: CentralStoreSpec, pull_secrets: Sequence[str]) -> PostgresValues:
    if store.mode != "in-cluster":
        return PostgresValues(enabled=False)
    disk = store.persistence
    return PostgresValues(
        database=store.database,
        user=store.user,
        persistence=Persistence(enabled=disk.enabled, size=disk.size, **given_only(storage_class=disk.storage_class)),
        **given_only(
            image_pull_secrets=secrets_named(pull_secrets),
            auth=Auth(**given_only(existing_secret=store.existing_secret)),
        ),
    )
