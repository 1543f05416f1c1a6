"""Values of the subchart `postgres`: the ledger's own database."""

from __future__ import annotations

from pydantic import Field

from mops.charts.base import Disruption, Image, Object, Pods, Resources, ServiceAccount, Values


class Auth(Values):
    """The role that the adaptive workers use. The superuser has no password: it exists on the pod's own socket alone."""

    password: str = Field(default="", description="default: kept from before, else generated")
    existing_secret: str = Field(default="", description="a Secret with PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD")


class Persistence(Values):
    """The disk."""

    enabled: bool = Field(default=True, description="false: the ledger is lost with its pod")
    size: str = Field(default="8Gi", description="of the volume")
    storage_class: str = Field(default="", description="default: the cluster's")


class Backup(Values):
    """A CronJob that dumps the database to a volume of its own, which is kept as the database's is."""

    enabled: bool = Field(default=False, description="true: dumps are made")
    schedule: str = Field(default="17 3 * * *", description="when, as cron says it")
    keep: int = Field(default=7, ge=1, description="how many of the newest dumps stay")
    size: str = Field(default="8Gi", description="of the volume")
    storage_class: str = Field(default="", description="default: the cluster's")


class PostgresValues(Values):
    """One PostgreSQL server, 15 or later."""

    global_: Object = Field(default_factory=dict, alias="global", description="unused; Helm puts it here")
    enabled: bool = Field(default=True, description="false: no database is made")
    image: Image = Image(repository="postgres", tag="17")
    image_pull_secrets: list[Object] = Field(default_factory=list, description="as in Kubernetes")
    database: str = Field(default="modelops", description="a plain Postgres name")
    user: str = Field(default="modelops", description="a plain Postgres name")
    auth: Auth = Auth()
    persistence: Persistence = Persistence()
    uid: int = Field(default=10001, ge=1, description="user and group that the server runs as")
    resources: Resources = Resources(
        requests={"cpu": "100m", "memory": "256Mi", "ephemeral-storage": "128Mi"},
        limits={"cpu": "2", "memory": "1Gi", "ephemeral-storage": "1Gi"},
    )
    disruption: Disruption = Disruption()
    pods: Pods = Pods()
    service_account: ServiceAccount = ServiceAccount()
    backup: Backup = Backup()
    network_policy: bool = Field(default=True, description="only the run's adaptive workers reach the server")
