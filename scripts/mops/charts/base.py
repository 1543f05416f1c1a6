"""What the values of several charts have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import ConfigDict, Field, WrapValidator
from pydantic.alias_generators import to_camel

from modelops_runtime.options.base import StrictModel, mistake
from modelops_runtime.specs.scalars import shown

Object = dict[str, Any]
"""Kubernetes' own, passed on as it is."""


class Values(StrictModel):
    """A part of a chart's values: unknown keys are errors, names are camelCase as in Kubernetes."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class ChartValues(Values):
    """All values of a chart. Only what was given counts as set; the rest is left to the chart, whatever its version."""

    chart: ClassVar[str]
    """The chart's name."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Values by the names of values.yaml, as Helm merges them over the chart's defaults. Raises ValidationError."""
        whole = cls.model_validate(_without_nulls(merged(cls().model_dump(by_alias=True), given)))
        return _with_only(whole, given)

    def over(self, given: Mapping[str, Any]) -> Self:
        """These, with `given` on top, as Helm merges another values file. Raises ValidationError."""
        return self.of(merged(self.for_helm(), given))

    def for_helm(self) -> dict[str, Any]:
        """What was given, by the names of values.yaml."""
        return self.model_dump(by_alias=True, exclude_unset=True, warnings=False)


V = TypeVar("V", bound=Values)


def _with_only(whole: V, given: Mapping[str, Any]) -> V:
    """The same values, of which only those in `given` count as set; mappings of Kubernetes' own hold what was given alone."""
    parts: dict[str, Any] = {}
    names: set[str] = set()
    for name, field in type(whole).model_fields.items():
        key, value = field.alias or name, getattr(whole, name)
        if key in given:
            names.add(name)
        if isinstance(value, Values):
            value = _with_only(value, given.get(key) or {})
        elif key in given:
            value = given[key]
        parts[name] = value
    return type(whole).model_construct(_fields_set=names, **parts)


def merged(values: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """As Helm merges two values files: mappings key by key, anything else as a whole."""
    result = dict(values)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def _without_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    """null takes a default away, in Helm."""
    return {
        key: _without_nulls(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if value is not None
    }


def given_only(**values: Any) -> dict[str, Any]:
    """Arguments for a model of values, without what is empty: the chart's own defaults hold there."""
    empty = (None, "", {}, [])
    return {
        name: value
        for name, value in values.items()
        if (value.model_fields_set if isinstance(value, Values) else value not in empty)
    }


def _number_or_text(value: Any, handler: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise mistake(f"{shown(value)} is neither a number nor a text", 'write a number, or a share such as "25%"')
    return handler(value)


NumberOrText = Annotated[int | str, WrapValidator(_number_or_text)]


class Image(Values):
    """A container image."""

    repository: str = Field(description="image, with its registry")
    tag: str = Field(default="", description="default: the chart's appVersion")
    digest: str = Field(default="", description="sha256:..., wins over the tag")
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        default="IfNotPresent", description="as in Kubernetes"
    )


class Resources(Values):
    """What a container requests, and may use at most."""

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

    max_unavailable: NumberOrText = Field(
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
