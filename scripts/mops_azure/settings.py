"""Settings shared by all resources: location, owner, tags. The sections of the kinds are in resources/."""

from __future__ import annotations

import getpass
import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from modelops_runtime.options.base import Mistake, StrictModel, mistake
from mops_azure.fields import ClientId, GroupBase, Guid, Location, TagValue, Url, Variable

MANAGED_BY = "modelops"
RETAIL_PRICES = "https://prices.azure.com"


class AuthSpec(StrictModel):
    """How to sign in."""

    method: Literal["use_azure_cli", "service_principal", "workload_identity", "managed_identity"] = "use_azure_cli"
    client_id: ClientId | None = None
    client_secret_env: Variable = "AZURE_CLIENT_SECRET"
    client_secret_file: str | None = Field(default=None, description="a file of mode 0600 that holds the secret")

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        if given.get("method") == "service_principal" and not given.get("client_id"):
            return [Mistake(("method",), "a service principal has no client_id", "add client_id: its application id")]
        return []


def _auth(value: Any) -> Any:
    return {"method": value} if isinstance(value, str) else value


class SshSpec(StrictModel):
    """The key of the nodes' administrator; only its public half is ever written."""

    source: Literal["ephemeral", "path", "env"] = "ephemeral"
    path: str | None = Field(default=None, description="of the public key")
    variable: Variable | None = Field(default=None, description="that holds the public key")

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        source = given.get("source")
        if source == "path" and not given.get("path"):
            return [Mistake(("source",), "ssh has no path", "add path: the public key's file")]
        if source == "env" and not given.get("variable"):
            return [
                Mistake(("source",), "ssh has no variable", "add variable: the name of the one with the public key")
            ]
        return []


def _ssh(value: Any) -> Any:
    return {"source": value} if isinstance(value, str) else value


class TagsSpec(StrictModel):
    """On every resource, for the bill."""

    project: TagValue = "modelops"
    env: TagValue = Field(default="dev", description="prod asks twice before anything is deleted")
    owner: TagValue | None = None
    costCenter: TagValue | None = None


class EndpointsSpec(StrictModel):
    """A cloud by its addresses."""

    resource_manager: Url
    authority: Url


CLOUDS = {
    "public": ("https://management.azure.com", "https://login.microsoftonline.com"),
    "usgov": ("https://management.usgovcloudapi.net", "https://login.microsoftonline.us"),
    "china": ("https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
}


def _cloud(value: Any) -> Any:
    if isinstance(value, str):
        if value not in CLOUDS:
            raise mistake(f"the cloud {value} is not known", f"write one of {', '.join(CLOUDS)}, or its two endpoints")
        return dict(zip(("resource_manager", "authority"), CLOUDS[value], strict=True))
    return value


class Settings(StrictModel):
    """The keys that belong to no single kind of resource."""

    version: Literal[1] = 1
    subscription_id: Guid
    tenant_id: Guid
    location: Location
    resource_group: GroupBase = Field(default="modelops", description="its base name; becomes <base>-<username>")
    username: str | None = Field(default=None, description="left out: yours on this machine")
    prices: Url = Field(default=RETAIL_PRICES, description="Azure's public list of retail prices")
    auth: Annotated[AuthSpec, BeforeValidator(_auth)] = Field(default_factory=AuthSpec)
    ssh: Annotated[SshSpec, BeforeValidator(_ssh)] = Field(default_factory=SshSpec)
    tags: TagsSpec = Field(default_factory=TagsSpec)
    lock: bool = Field(default=False, description="a CanNotDelete lock on the resource group")
    cloud: Annotated[EndpointsSpec, BeforeValidator(_cloud)] = Field(
        default_factory=lambda: EndpointsSpec.model_validate(_cloud("public"))
    )

    @property
    def group_name(self) -> str:
        return f"{self.resource_group}-{sanitised(self.username or getpass.getuser())}"

    def global_name(self, longest: int, *, separator: str = "") -> str:
        """A name that nobody else has: the group's, cut, with eight letters made from it and the subscription."""
        head = re.sub(r"[^a-z0-9]+", separator, self.group_name.lower()).strip("-") or "modelops"
        head = head if head[0].isalpha() else f"m{head}"
        return head[: longest - 8 - len(separator)].rstrip("-") + separator + self.digest

    @property
    def digest(self) -> str:
        """Eight letters made from the subscription and the group's name."""
        return hashlib.blake2b(f"{self.subscription_id}/{self.group_name}".lower().encode(), digest_size=4).hexdigest()

    @property
    def all_tags(self) -> dict[str, str]:
        given = self.tags.model_dump(exclude_none=True)
        return {"owner": sanitised(self.username or getpass.getuser()), **given, "managedBy": MANAGED_BY}


def sanitised(username: str) -> str:
    """`Anna.Smith@example.org` -> `anna-smith`: what every name in Azure may hold; at most 25 letters."""
    name = re.sub(r"[^a-z0-9]+", "-", username.split("@")[0].lower()).strip("-")[:25].rstrip("-")
    return name or "user"
