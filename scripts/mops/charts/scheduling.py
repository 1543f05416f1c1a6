"""What a spec says of pods, as the charts' values take it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelops_runtime.specs.cluster import ResourcesSpec, TolerationSpec
from mops.charts.base import Object, Pods, Resources, given_only


def resources_of(given: ResourcesSpec) -> Resources:
    return Resources(**given_only(requests=dict(given.requests), limits=dict(given.limits)))


def pods_of(node_selector: Mapping[str, str], tolerations: Sequence[TolerationSpec]) -> Pods:
    camel = {"toleration_seconds": "tolerationSeconds"}
    taints = [
        {camel.get(key, key): value for key, value in one.model_dump(exclude_none=True).items()} for one in tolerations
    ]
    return Pods(**given_only(node_selector=dict(node_selector), tolerations=taints))


def secrets_named(names: Sequence[str]) -> list[Object]:
    """As imagePullSecrets takes them."""
    return [{"name": name} for name in names]
