"""Where a run is, known only by its release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from modelops_runtime.contracts.errors import UserError
from mops.charts.adaptive_run import AdaptiveRunValues
from mops.cluster.errors import NotOnCluster
from mops.cluster.helm import Helm, Release, unknown_values
from mops.cluster.names import run_namespace, slug

CHART = AdaptiveRunValues.chart


@dataclass(frozen=True, kw_only=True)
class RunRef:
    """The release of a run."""

    run_id: str
    namespace: str
    flags: str = field(default="", compare=False)
    """What chose the cluster (`Access.flags`)."""

    @property
    def release(self) -> str:
        return slug(self.run_id)

    @property
    def dask_secret(self) -> str:
        """The run's own certificate of the workspace."""
        return f"{self.release}-dask-tls"

    def command(self, what: str) -> str:
        """`mops adaptive WHAT RUN`, to be shown."""
        return f"mops adaptive {what} {self.run_id}{self._where}"

    def up_command(self, spec: object = "adaptive.yaml") -> str:
        """`mops adaptive up SPEC`, to be shown."""
        return f"mops adaptive up {spec} --run-id {self.run_id}{self._where}"

    @property
    def _where(self) -> str:
        namespace = "" if self.namespace == run_namespace(self.run_id) else f" --namespace {self.namespace}"
        return f"{namespace}{self.flags}"


@dataclass(frozen=True, kw_only=True)
class ClusterRun:
    """A run that exists."""

    ref: RunRef
    release: Release
    values: AdaptiveRunValues = field(repr=False)
    """The chart's defaults included; only what was given counts as set."""

    @property
    def is_in_cluster(self) -> bool:
        """Whether its Postgres is the chart's own."""
        return self.values.central_store.mode == "in-cluster"

    @property
    def store_secret(self) -> str:
        """How its Postgres is reached: PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD."""
        if self.is_in_cluster:
            return self.values.postgres.auth.existing_secret or f"{self.ref.release}-postgres"
        return self.values.central_store.existing_secret


def worker_job(resources: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Of the resources of a run's release, the Job of its workers."""
    jobs = (one for one in resources if one["kind"] == "Job")
    return next(one for one in jobs if one["metadata"]["labels"]["app.kubernetes.io/component"] == "worker")


def ref_of(run_id: str, namespace: str | None, flags: str) -> RunRef:
    return RunRef(run_id=run_id, namespace=namespace or run_namespace(run_id), flags=flags)


def find(helm: Helm, run_id: str, namespace: str | None = None) -> ClusterRun:
    """Raises NotOnCluster."""
    ref = ref_of(run_id, namespace, helm.access.flags)
    release = helm.release(ref.release, ref.namespace)
    if release is None:
        what = f"there is no run {run_id!r} in namespace {ref.namespace}"
        raise NotOnCluster(what, f"`mops adaptive status{ref.flags}` lists the runs, `mops adaptive up` begins one")
    return run_of(ref, release)


def run_of(ref: RunRef, release: Release) -> ClusterRun:
    """Raises UserError for a release that is another run's, or not of our chart."""
    found_id = (release.values.get("run") or {}).get("id")
    if found_id != ref.run_id:
        holds = f"run {found_id!r}" if found_id else "something else"
        raise UserError(f"release {ref.namespace}/{release.name} is of {holds}; give another --run-id or --namespace")
    try:
        values = AdaptiveRunValues.of(release.values)
    except ValidationError as error:
        raise UserError(unknown_values(release, error)) from None
    return ClusterRun(ref=ref, release=release, values=values)
