"""Values of the chart `adaptive-run`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, WrapValidator

from modelops_runtime.options.base import mistake
from modelops_runtime.specs.cluster import MOST_THREADS, MOST_WORKERS
from modelops_runtime.specs.scalars import shown
from mops.charts.base import (
    ChartValues,
    Cidr,
    IdentityAccount,
    Image,
    Monitoring,
    NetworkPolicy,
    Object,
    Pods,
    Resources,
    Values,
)
from mops.charts.postgres import PostgresValues


def _text_or_mapping(value: Any, handler: Any) -> str | dict[str, Any]:
    if not isinstance(value, str | dict):
        raise mistake(f"spec is {shown(value)}", "give the adaptive.yaml as text, or as a mapping")
    return handler(value)


TextOrMapping = Annotated[str | dict[str, Any], WrapValidator(_text_or_mapping)]


class RunValues(Values):
    """What is run: the same spec as on a laptop."""

    id: str = Field(default="", description="the run's id in its ledger; default: the spec's name")
    spec: TextOrMapping = Field(
        default="", description="adaptive.yaml, as text (--set-file run.spec=adaptive.yaml) or as values"
    )
    files: dict[str, str] = Field(
        default_factory=dict, description="small text files beside it, by path: the model, the observations"
    )
    binary_files: dict[str, str] = Field(default_factory=dict, description="the same for other files, in base64")


class Dask(Values):
    """The workspace that simulates."""

    address: str = Field(
        default="", description="tls://HOST:8786; left out: the adaptive workers simulate by themselves"
    )
    namespace: str = Field(default="", description="the workspace's namespace, which the run may then reach")
    existing_secret: str = Field(default="", description="a Secret with ca.crt, tls.crt and tls.key, for tls://")


class CentralStore(Values):
    """Where the ledger is."""

    mode: Literal["in-cluster", "managed", "external"] = Field(
        default="in-cluster",
        description="in-cluster: the subchart's Postgres; managed, external: one outside of the release",
    )
    existing_secret: str = Field(
        default="",
        description="managed, external: a Secret with PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD; managed: its ca.crt, "
        "where there is one, is the CA of the server's certificate, else the system's roots are",
    )
    cidrs: list[Cidr] = Field(
        default_factory=list,
        description="managed, external: addresses of the server (203.0.113.7/32), which the run's pods may then reach",
    )
    port: int = Field(default=5432, ge=1, le=65535, description="of the server at cidrs")


class AdaptiveWorkersValues(Values):
    """The adaptive workers: a Job, since a run ends."""

    replicas: int = Field(default=1, ge=1, le=MOST_WORKERS, description="workers that share the search")
    slots: int = Field(
        default=1, ge=1, le=MOST_THREADS, description="simulations side by side in a worker, without dask.address"
    )
    backoff_limit: int = Field(default=20, ge=0, description="lost workers that are replaced; a failed run is not")
    ttl_seconds_after_finished: int = Field(default=604800, ge=0, description="after which the ended Job goes")
    termination_grace_period_seconds: int = Field(default=60, ge=1, description="time to stop in order")
    resources: Resources = Resources(
        requests={"cpu": "250m", "memory": "512Mi", "ephemeral-storage": "256Mi"},
        limits={"cpu": "2", "memory": "2Gi", "ephemeral-storage": "4Gi"},
    )
    pods: Pods = Pods()


class AdaptiveRunValues(ChartValues):
    """One run."""

    chart: ClassVar[str] = "adaptive-run"

    global_: Object = Field(default_factory=dict, alias="global", description="unused; Helm puts it here")
    image: Image = Image(repository="modelops/adaptive-worker")
    image_pull_secrets: list[Object] = Field(default_factory=list, description="as in Kubernetes")
    run: RunValues = RunValues()
    dask: Dask = Dask()
    workers: AdaptiveWorkersValues = AdaptiveWorkersValues()
    central_store: CentralStore = CentralStore()
    service_account: IdentityAccount = IdentityAccount()
    network_policy: NetworkPolicy = NetworkPolicy()
    monitoring: Monitoring = Monitoring()
    postgres: PostgresValues = PostgresValues()
