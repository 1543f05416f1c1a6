"""Values of the chart `dask-workspace`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelops_runtime.specs.cluster import MOST_THREADS, MOST_WORKERS
from mops.charts.base import (
    ChartValues,
    Cidr,
    Disruption,
    IdentityAccount,
    Image,
    Monitoring,
    NetworkPolicy,
    Object,
    Pods,
    Resources,
    ServiceAccount,
    Values,
)


class SchedulerValues(Values):
    """The one scheduler."""

    image: Image = Image(repository="modelops/dask-scheduler")
    resources: Resources = Resources(
        requests={"cpu": "250m", "memory": "512Mi", "ephemeral-storage": "256Mi"},
        limits={"cpu": "2", "memory": "4Gi", "ephemeral-storage": "4Gi"},
    )
    disruption: Disruption = Disruption()
    pods: Pods = Pods()


class DaskWorkersValues(Values):
    """The workers, which run the user's models."""

    image: Image = Image(repository="modelops/dask-worker")
    replicas: int = Field(default=2, ge=0, le=MOST_WORKERS, description="how many")
    threads: int = Field(default=1, ge=1, le=MOST_THREADS, description="simulations side by side in a worker")
    termination_grace_period_seconds: int = Field(
        default=120, ge=10, description="time to finish what runs and hand over results; longer than a simulation takes"
    )
    resources: Resources = Resources(
        requests={"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "1Gi"},
        limits={"cpu": "2", "memory": "4Gi", "ephemeral-storage": "8Gi"},
    )
    disruption: Disruption = Disruption(max_unavailable="25%")
    pods: Pods = Pods()


class Tls(Values):
    """Every Dask connection is encrypted, and refused to whoever has no certificate of the workspace's CA."""

    enabled: bool = Field(default=True, description="false: plain tcp://")
    existing_secret: str = Field(
        default="",
        description="a Secret with ca.crt, tls.crt, tls.key for all parties; else a CA and certificates are made",
    )
    ca_days: int = Field(default=3650, ge=1, description="life of the CA that is made")
    days: int = Field(default=365, ge=1, description="life of the certificates that are made")
    renew_before_days: int = Field(
        default=60, ge=0, description="an upgrade makes certificates anew that end within so many days"
    )
    renew: int = Field(default=1, ge=1, description="raise it, and the next upgrade makes the certificates anew")


class ApiServer(Values):
    """Where the cluster's API may be reached by the pod that scales the workers, and by no other."""

    ports: list[int] = Field(default=[443, 6443], description="before and behind the Service `kubernetes`")
    cidrs: list[Cidr] = Field(
        default_factory=list, description="its addresses (10.0.0.1/32); none: any, on those ports"
    )


class Idle(Values):
    """Workers are scaled to none when no run has used them for a while, and back when one comes."""

    enabled: bool = Field(default=False, description="true: a CronJob looks, and may scale the workers")
    after_seconds: int = Field(default=1800, ge=1, description="without a client for so long, it sleeps")
    schedule: str = Field(default="*/5 * * * *", description="when to look for clients, in cron's notation")
    api_server: ApiServer = ApiServer()
    service_account: ServiceAccount = ServiceAccount()
    resources: Resources = Resources(
        requests={"cpu": "10m", "memory": "64Mi", "ephemeral-storage": "16Mi"},
        limits={"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "64Mi"},
    )
    pods: Pods = Pods()


class DaskWorkspaceValues(ChartValues):
    """One workspace: a trust domain, since whoever holds a certificate of its CA runs code in it."""

    chart: ClassVar[str] = "dask-workspace"

    global_: Object = Field(default_factory=dict, alias="global", description="unused; Helm puts it here")
    image_pull_secrets: list[Object] = Field(default_factory=list, description="as in Kubernetes")
    scheduler: SchedulerValues = SchedulerValues()
    workers: DaskWorkersValues = DaskWorkersValues()
    idle: Idle = Idle()
    tls: Tls = Tls()
    service_account: IdentityAccount = IdentityAccount()
    network_policy: NetworkPolicy = NetworkPolicy()
    monitoring: Monitoring = Monitoring()
