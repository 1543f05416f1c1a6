"""What the values of several charts have in common."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Object = dict[str, Any]
"""Kubernetes' own, passed on as it is."""


class Values(BaseModel):
    """A part of a chart's values: unknown keys are errors, names are camelCase as in Kubernetes."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=True)


class Image(Values):
    """A container image."""

    repository: str = Field(description="image, with its registry")
    tag: str = Field(default="", description="default: the chart's appVersion")
    digest: str = Field(default="", description="sha256:..., wins over the tag")
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        default="IfNotPresent", description="as in Kubernetes"
    )


class Resources(Values):
    """What a container asks for, and may use at most."""

    requests: dict[str, str] = Field(default_factory=dict, description="cpu, memory, ...")
    limits: dict[str, str] = Field(default_factory=dict, description="cpu, memory, ...")


Cidr = Annotated[
    str, Field(pattern=r"^([0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*/[0-9]{1,3})$")
]
"""Addresses, as a NetworkPolicy takes them: 203.0.113.7/32."""


class Pods(Values):
    """Where pods run, and what they get beside what the chart gives them."""

    node_selector: dict[str, str] = Field(default_factory=dict, description="labels a node must have")
    tolerations: list[Object] = Field(default_factory=list, description="taints that the pods put up with")
    affinity: Object = Field(default_factory=dict, description="as in Kubernetes")
    topology_spread_constraints: list[Object] = Field(default_factory=list, description="as in Kubernetes")
    priority_class_name: str = Field(default="", description="name of a PriorityClass")
    extra_env: list[Object] = Field(default_factory=list, description="more environment variables")
    extra_volumes: list[Object] = Field(default_factory=list, description="more volumes")
    extra_volume_mounts: list[Object] = Field(default_factory=list, description="where the main container sees them")
    annotations: dict[str, str] = Field(default_factory=dict, description="of the pods")
    labels: dict[str, str] = Field(default_factory=dict, description="of the pods, beside the chart's own")


class ServiceAccount(Values):
    """Under which account the pods run; they get no token of the cluster's API."""

    annotations: dict[str, str] = Field(default_factory=dict, description="for workload identity, say")


class Token(Values):
    """A token that another system trusts: of no use against the cluster's API."""

    enabled: bool = Field(
        default=False, description="true: the workers get one, and AZURE_FEDERATED_TOKEN_FILE names it"
    )
    audience: str = Field(default="api://AzureADTokenExchange", min_length=1, description="whom it is for")
    expiration_seconds: int = Field(default=3600, ge=600, description="life; the kubelet renews it")


class IdentityAccount(ServiceAccount):
    """Under which account the pods run; they get no token of the cluster's API."""

    token: Token = Token()


class Disruption(Values):
    """What a node's drain may take at once."""

    max_unavailable: int | str = Field(
        default="", description='pods, as a number or a share ("25%"); "": no limit is set'
    )


class Monitoring(Values):
    """Prometheus' operator is told where to read metrics; its resource types must be in the cluster."""

    enabled: bool = Field(default=False, description="true: monitors are made, and let through by the NetworkPolicies")
    interval: str = Field(default="30s", description="how often")
    labels: dict[str, str] = Field(default_factory=dict, description="of the monitors, for Prometheus' selector")
    namespace: str = Field(default="monitoring", description="Prometheus' namespace, which may then reach the metrics")


class NetworkPolicy(Values):
    """Who may reach whom: closed both ways but for what the chart itself needs."""

    enabled: bool = Field(default=True, description="false: no NetworkPolicy is made")
    egress: list[Object] = Field(default_factory=list, description="egress rules, for pods that run the user's code")
