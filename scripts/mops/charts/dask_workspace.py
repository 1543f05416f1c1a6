"""Values of the chart `dask-workspace`."""

from __future__ import annotations

from pydantic import Field

from mops.charts.base import Image, NetworkPolicy, Object, Pods, Resources, ServiceAccount, Values


class Scheduler(Values):
    """The one scheduler."""

    image: Image = Image(repository="modelops/dask-scheduler")
    resources: Resources = Resources(requests={"cpu": "250m", "memory": "512Mi"}, limits={"cpu": "2", "memory": "4Gi"})
    pods: Pods = Pods()


class Workers(Values):
    """The workers, which run the user's models."""

    image: Image = Image(repository="modelops/dask-worker")
    replicas: int = Field(default=2, ge=0, description="how many")
    threads: int = Field(default=1, ge=1, description="simulations side by side in a worker")
    termination_grace_period_seconds: int = Field(
        default=120, ge=1, description="time to hand over results and finish what runs"
    )
    resources: Resources = Resources(requests={"cpu": "500m", "memory": "1Gi"}, limits={"cpu": "2", "memory": "4Gi"})
    pods: Pods = Pods()


class Tls(Values):
    """Every Dask connection is encrypted, and refused to whoever has no certificate of the workspace's CA."""

    enabled: bool = Field(default=True, description="false: plain tcp://")
    existing_secret: str = Field(default="", description="a Secret with ca.crt, tls.crt and tls.key; else one is made")
    days: int = Field(default=825, ge=1, description="life of what is made")
    generation: int = Field(default=1, ge=1, description="raise it to have CA and certificate made anew")


class DaskWorkspaceValues(Values):
    """One workspace: a trust domain, since whoever holds a certificate of its CA runs code in it."""

    global_: Object = Field(default_factory=dict, alias="global", description="unused; Helm puts it here")
    image_pull_secrets: list[Object] = Field(default_factory=list, description="as in Kubernetes")
    scheduler: Scheduler = Scheduler()
    workers: Workers = Workers()
    tls: Tls = Tls()
    service_account: ServiceAccount = ServiceAccount()
    network_policy: NetworkPolicy = NetworkPolicy()
