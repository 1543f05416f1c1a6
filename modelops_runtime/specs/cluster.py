"""A cluster's part of a spec: workers and their central store. On a laptop it is checked and has no effect."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator, Strict, WithJsonSchema

from modelops_runtime.options.base import Mistake, StrictModel, mistake
from modelops_runtime.specs.scalars import Natural, Whole, shown, whole
from modelops_runtime.specs.values import NonEmpty

QUANTITY = r"^\d+(\.\d+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"
IMAGE = r"^[^\s@]+(@sha256:[0-9a-f]{64})?$"
IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_$]{0,62}$"
DNS_LABEL = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
DNS_NAME = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"

MOST_WORKERS = 10_000
"""More than one scheduler can serve. Kubernetes accepts 2^31, so a typing error could fill the cluster."""

MOST_THREADS = 1_024
"""Simulations side by side in one worker."""

Replicas = Annotated[int, Field(ge=0, le=MOST_WORKERS), BeforeValidator(whole)]
Threads = Annotated[int, Field(ge=1, le=MOST_THREADS), BeforeValidator(whole)]


def _quantity(value: Any) -> str:
    text = f"{value}" if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not re.fullmatch(QUANTITY, text):
        raise mistake(f"{shown(value)} is not an amount", "write a Kubernetes quantity such as 500m, 2, 512Mi or 4Gi")
    return text


Quantity = Annotated[
    str,
    PlainValidator(_quantity),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": QUANTITY}]}),
]
"""As in Kubernetes: `500m`, `2`, `4Gi`."""


class ResourcesSpec(StrictModel):
    """What a worker requests, and its limits."""

    requests: dict[NonEmpty, Quantity] = Field(default_factory=dict, description="cpu, memory, ...")
    limits: dict[NonEmpty, Quantity] = Field(default_factory=dict, description="cpu, memory, ...")


class TolerationSpec(StrictModel):
    """A taint of a node that the workers tolerate, as in Kubernetes but with the spelling of this file."""

    key: str | None = None
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: Natural | None = None

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        if given.get("operator", "Equal") == "Equal" and not given.get("key"):
            return [Mistake((), "a toleration has no key", "name the taint's key, or write operator: Exists")]
        if given.get("operator") == "Exists" and given.get("value") is not None:
            return [Mistake(("value",), "operator Exists takes no value", "leave value out, or write operator: Equal")]
        return []


class WorkersSpec(StrictModel):
    """The adaptive workers, which ask, score and write the ledger."""

    image: Annotated[str, Field(pattern=IMAGE)] | None = Field(
        default=None, description="an image reference by tag or digest; left out: the release's own"
    )
    replicas: Whole = Field(default=1, ge=1, le=MOST_WORKERS, description="workers that share the search")
    resources: ResourcesSpec = ResourcesSpec()
    node_selector: dict[NonEmpty, str] = Field(default_factory=dict, description="labels a node must have")
    tolerations: Annotated[tuple[TolerationSpec, ...], Strict(False)] = ()


class PersistenceSpec(StrictModel):
    """The disk of a Postgres in the cluster."""

    enabled: bool = Field(default=True, description="false: the ledger is lost with its pod")
    size: Quantity = Field(default="8Gi", description="of the volume")
    storage_class: NonEmpty | None = Field(default=None, description="left out: the cluster's default")


class CentralStoreSpec(StrictModel):
    """The Postgres that several workers share."""

    kind: Literal["postgres"] = "postgres"
    mode: Literal["in-cluster", "managed", "external"] = Field(
        default="in-cluster",
        description="in-cluster: the chart's own; external: one that is there; managed: by TLS, on Azure made for the run",
    )
    persistence: PersistenceSpec = PersistenceSpec()
    database: str = Field(default="modelops", pattern=IDENTIFIER, description="a plain Postgres name")
    user: str = Field(default="modelops", pattern=IDENTIFIER, description="a plain Postgres name")
    existing_secret: Annotated[str, Field(pattern=DNS_NAME)] | None = Field(
        default=None, description="name of the Secret that holds how to connect; never a password here"
    )

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        mode = given.get("mode")
        if mode not in ("managed", "external"):
            return []
        found: list[Mistake] = []
        if not given.get("existing_secret"):
            right = "add existing_secret: NAME, a Secret with how to connect"
            found.append(Mistake(("mode",), f"mode {mode} has no existing_secret", right))
        if "persistence" in given:
            right = "leave it out, or write mode: in-cluster"
            found.append(Mistake(("persistence",), f"persistence has no effect with mode {mode}", right))
        return found
