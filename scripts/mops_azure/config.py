"""The provider config, `~/.modelops/providers/azure.yaml`: what one user wants to have in Azure."""

from __future__ import annotations

import getpass
import hashlib
import ipaddress
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from modelops_runtime.contracts.errors import SpecError, SpecErrors, UserError
from modelops_runtime.options.base import Mistake, StrictModel, mistake
from modelops_runtime.specs.document import read_document
from modelops_runtime.specs.messages import mistakes_of
from mops_azure.config_parts import IdentitySpec, LogsSpec, PostgresSpec, StorageSpec, VaultSpec
from mops_azure.fields import (
    ClientId,
    ClusterName,
    GroupBase,
    GroupName,
    Guid,
    LabelKey,
    LabelValue,
    Location,
    Network,
    PoolName,
    RegistryName,
    TagValue,
    Taints,
    Url,
    Variable,
    Version,
    VmSize,
    Zones,
    matching,
)

DEFAULT_PATH = "~/.modelops/providers/azure.yaml"
CONFIG_VARIABLE = "MOPS_AZURE_CONFIG"
MANAGED_BY = "modelops"
RETAIL_PRICES = "https://prices.azure.com"


OWN_TAINTS = {"gpu": "sku=gpu:NoSchedule", "spot": "kubernetes.azure.com/scalesetpriority=spot:NoSchedule"}
"""Key of a pool -> the taint that it stands for."""


class PoolSpec(StrictModel):
    """A pool of nodes that grows and shrinks with the work."""

    name: PoolName = Field(default="workcpu", description="the pool's name")
    vm_size: VmSize = Field(default="Standard_D4s_v5", description="of each node")
    min: int = Field(default=0, ge=0, le=1000, description="nodes, at least; 0 costs nothing while nobody works")
    max: int = Field(default=5, ge=1, le=1000, description="nodes, at most")
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict, description="on each node")
    taints: Taints = Field(default_factory=list, description="key=value:NoSchedule")
    spot: bool = Field(default=False, description="cheaper nodes that Azure may take away at any time")
    zones: Zones = Field(default_factory=list, description="availability zones")
    gpu: bool = Field(default=False, description="a pool of GPU nodes: labelled, and tainted sku=gpu:NoSchedule")
    os_disk_gb: int | None = Field(default=None, ge=30, le=2048, description="GB; Azure's default when left out")

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        low, high = given.get("min", 0), given.get("max", 5)
        found = []
        if type(low) is int and type(high) is int and low > high:
            found.append(Mistake(("min",), f"min is {low}, above max {high}", "min must be at most max"))
        taints = given.get("taints")
        for key, taint in OWN_TAINTS.items():
            if given.get(key) is True and isinstance(taints, list) and taint in taints:
                found.append(
                    Mistake(("taints",), f"{taint} would be there twice", f"leave it out, {key} puts it there")
                )
        return found


class SystemPoolSpec(StrictModel):
    """The nodes that carry Kubernetes' own pods, the Dask scheduler and the ledger."""

    vm_size: VmSize = "Standard_D4s_v5"
    min: int = Field(default=1, ge=1, le=100, description="nodes, at least")
    max: int = Field(default=3, ge=1, le=100, description="nodes, at most")
    zones: Zones = Field(default_factory=list)

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        low, high, size = given.get("min", 1), given.get("max", 3), given.get("vm_size")
        found = []
        if type(low) is int and type(high) is int and low > high:
            found.append(Mistake(("min",), f"min is {low}, above max {high}", "min must be at most max"))
        if isinstance(size, str) and re.match(r"(Standard_B\d|Basic_)", size):
            found.append(
                Mistake(
                    ("vm_size",), f"{size} cannot carry a system pool", "write one of 2 cores or more, not a B size"
                )
            )
        return found


class AksSpec(StrictModel):
    """The cluster."""

    name: ClusterName = "modelops"
    version: Version | None = Field(default=None, description="left out: the location's default, its latest patch")
    tier: Literal["Free", "Standard", "Premium"] = "Free"
    system_pool: SystemPoolSpec = Field(default_factory=SystemPoolSpec)
    workload_pools: list[PoolSpec] | None = Field(default=None, min_length=1)
    workload_pool: PoolSpec | None = Field(default=None, description="short for one pool, workcpu")

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        if given.get("workload_pools") is not None and given.get("workload_pool") is not None:
            return [Mistake(("workload_pool",), "workload_pool and workload_pools are both there", "keep one of them")]
        pools = given.get("workload_pools")
        names = (
            [pool.get("name", "workcpu") for pool in pools if isinstance(pool, Mapping)]
            if isinstance(pools, list)
            else []
        )
        if isinstance(given.get("workload_pool"), Mapping):
            names = [given["workload_pool"].get("name", "workcpu")]
        found = [
            Mistake(("workload_pools",), f"two pools are called {name}", "give each a name of its own")
            for name in sorted({str(name) for name in names if names.count(name) > 1})
        ]
        if "system" in names:
            found.append(
                Mistake(("workload_pools",), "a workload pool is called system", "that name is the system pool's")
            )
        return found

    @property
    def pools(self) -> list[PoolSpec]:
        return self.workload_pools or [self.workload_pool or PoolSpec()]


class AcrSpec(StrictModel):
    """The registry of images and bundles. It may be shared, and outlives clusters."""

    enabled: bool = False
    name: RegistryName | None = Field(default=None, description="global; left out: made from the group's name")
    sku: Literal["Basic", "Standard", "Premium"] = "Basic"
    resource_group: GroupName | None = Field(
        default=None, description="exact name of the group it is in; left out: one of its own, <group>-registry"
    )


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


class NetworkSpec(StrictModel):
    """Addresses inside the cluster. Azure CNI overlay with Cilium always: our NetworkPolicies need it."""

    pod_cidr: Network = "10.244.0.0/16"
    service_cidr: Network = "10.0.0.0/16"
    subnet_id: Annotated[str, matching(r"/subscriptions/.+/subnets/[^/]+", "write a subnet's resource id")] | None = (
        None
    )
    authorized_ip_ranges: list[Network] = Field(
        default_factory=list, description="who may reach the API server; empty: all"
    )

    @property
    def dns_service_ip(self) -> str:
        return str(ipaddress.ip_network(self.service_cidr)[10])

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        given_pods, given_services = given.get("pod_cidr", "10.244.0.0/16"), given.get("service_cidr", "10.0.0.0/16")
        if not isinstance(given_pods, str) or not isinstance(given_services, str):
            return []
        try:
            pods, services = ipaddress.IPv4Network(given_pods), ipaddress.IPv4Network(given_services)
        except ValueError:
            return []
        found = []
        if pods.prefixlen > 24:
            found.append(
                Mistake(("pod_cidr",), f"{pods} is too small: each node takes a /24 of it", "write a /24 or larger")
            )
        if pods.overlaps(services):
            found.append(Mistake(("pod_cidr",), f"{pods} and service_cidr {services} overlap", "keep them apart"))
        if services.prefixlen < 12 or services.prefixlen > 27:
            found.append(Mistake(("service_cidr",), f"{services} is too large or too small", "write a /12 to a /27"))
        return found


class EndpointsSpec(StrictModel):
    """A cloud by its addresses."""

    resource_manager: Url
    authority: Url


CLOUDS = {
    "public": ("https://management.azure.com", "https://login.microsoftonline.com"),
    "usgov": ("https://management.usgovcloudapi.net", "https://login.microsoftonline.us"),
    "china": ("https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
}


def _postgres(value: Any) -> Any:
    """`version: 17` means "17"."""
    if isinstance(value, Mapping) and type(value.get("version")) is int:
        return {**value, "version": str(value["version"])}
    return value


def _cloud(value: Any) -> Any:
    if isinstance(value, str):
        if value not in CLOUDS:
            raise mistake(f"the cloud {value} is not known", f"write one of {', '.join(CLOUDS)}, or its two endpoints")
        return dict(zip(("resource_manager", "authority"), CLOUDS[value], strict=True))
    return value


class AzureConfig(StrictModel):
    """The whole file."""

    version: Literal[1] = 1
    subscription_id: Guid
    tenant_id: Guid
    location: Location
    resource_group: GroupBase = Field(default="modelops", description="its base name; becomes <base>-<username>")
    username: str | None = Field(default=None, description="left out: yours on this machine")
    aks: AksSpec = Field(default_factory=AksSpec)
    acr: AcrSpec = Field(default_factory=AcrSpec)
    postgres: Annotated[PostgresSpec, BeforeValidator(_postgres)] = Field(default_factory=PostgresSpec)
    storage: StorageSpec = Field(default_factory=StorageSpec)
    identity: IdentitySpec = Field(default_factory=IdentitySpec)
    key_vault: VaultSpec = Field(default_factory=VaultSpec)
    logs: LogsSpec = Field(default_factory=LogsSpec)
    prices: Url = Field(default=RETAIL_PRICES, description="Azure's public list of retail prices")
    auth: Annotated[AuthSpec, BeforeValidator(_auth)] = Field(default_factory=AuthSpec)
    ssh: Annotated[SshSpec, BeforeValidator(_ssh)] = Field(default_factory=SshSpec)
    tags: TagsSpec = Field(default_factory=TagsSpec)
    network: NetworkSpec = Field(default_factory=NetworkSpec)
    lock: bool = Field(default=False, description="a CanNotDelete lock on the resource group")
    cloud: Annotated[EndpointsSpec, BeforeValidator(_cloud)] = Field(
        default_factory=lambda: EndpointsSpec.model_validate(_cloud("public"))
    )

    @property
    def group_name(self) -> str:
        return f"{self.resource_group}-{sanitised(self.username or getpass.getuser())}"

    @property
    def registry_group(self) -> str:
        """A group of its own, so that the registry outlives clusters."""
        return self.acr.resource_group or f"{self.group_name}-registry"

    @property
    def registry_name(self) -> str:
        return self.acr.name or re.sub(r"[^a-z0-9]", "", self.group_name.lower())[:40].ljust(5, "0") + self._digest

    def global_name(self, longest: int, *, separator: str = "") -> str:
        """A name that nobody else has: the group's, cut, with eight letters made from it and the subscription."""
        head = re.sub(r"[^a-z0-9]+", separator, self.group_name.lower()).strip("-") or "modelops"
        head = head if head[0].isalpha() else f"m{head}"
        return head[: longest - 8 - len(separator)].rstrip("-") + separator + self._digest

    @property
    def postgres_name(self) -> str:
        return self.postgres.name or self.global_name(40, separator="-")

    @property
    def storage_name(self) -> str:
        return self.storage.name or self.global_name(24)

    @property
    def vault_name(self) -> str:
        return self.key_vault.name or self.global_name(24, separator="-")

    @property
    def _digest(self) -> str:
        return hashlib.blake2b(f"{self.subscription_id}/{self.group_name}".lower().encode(), digest_size=4).hexdigest()

    @property
    def all_tags(self) -> dict[str, str]:
        given = self.tags.model_dump(exclude_none=True)
        return {"owner": sanitised(self.username or getpass.getuser()), **given, "managedBy": MANAGED_BY}


def sanitised(username: str) -> str:
    """`Anna.Smith@example.org` -> `anna-smith`: what every name in Azure may hold; at most 25 letters."""
    name = re.sub(r"[^a-z0-9]+", "-", username.split("@")[0].lower()).strip("-")[:25].rstrip("-")
    return name or "user"


def expanded(path: Path) -> Path:
    """Without its ~. Raises UserError for the home of somebody who is not known here."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise UserError(f"{path}: there is no such user here; write the whole path") from None


def config_file(path: Path) -> Path:
    """Without its ~, whether it is there or not. Raises UserError for a folder."""
    path = expanded(path)
    if os.path.isdir(path):
        raise UserError(f"{path}: this is a folder; name a file, such as {DEFAULT_PATH}")
    return path


def load_config(path: Path) -> AzureConfig:
    """Read and check. Raises SpecErrors with all mistakes, UserError when there is no file."""
    path = config_file(path)
    if not path.exists():
        raise UserError(f"{path}: there is no such file; `mops-azure init` writes it")
    document, ambiguous = read_document(path)
    try:
        config = AzureConfig.model_validate(document.content)
    except ValidationError as error:
        raise SpecErrors(*ambiguous, *document.errors(mistakes_of(error))) from None
    if ambiguous:
        raise SpecErrors(*ambiguous)
    _check_mode(config, path)
    return config


def _check_mode(config: AzureConfig, path: Path) -> None:
    secrets = [file for file in (config.auth.client_secret_file, config.postgres.password_file) if file]
    for file in [path, *(Path(os.path.expanduser(secret)) for secret in secrets)] if secrets else []:
        if os.path.exists(file) and not file.is_dir() and stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise SpecError(str(file), "others may read it, and it leads to a secret", f"chmod 600 {file}")


def client_secret(auth: AuthSpec) -> str:
    """From the named file or variable; never from the config itself."""
    return _secret(
        "auth", "client_secret", auth.client_secret_file, auth.client_secret_env, "the service principal's secret"
    )


def admin_password(postgres: PostgresSpec) -> str:
    """Of the database's admin, from the named file or variable. Raises UserError when Azure would not take it."""
    found = _secret("postgres", "password", postgres.password_file, postgres.password_env, "the admin's password")
    kinds = [r"[a-z]", r"[A-Z]", r"[0-9]", r"[^a-zA-Z0-9]"]
    if not 8 <= len(found) <= 128 or sum(bool(re.search(kind, found)) for kind in kinds) < 3:
        raise UserError(
            "postgres: the admin's password is too simple for Azure; give 8 to 128 letters with three of lower case, "
            "upper case, digits, others"
        )
    return found


def ca_certificate(postgres: PostgresSpec) -> str | None:
    """Of the database server's CA, PEM. Raises UserError for a file that holds none."""
    if postgres.ca_file is None:
        return None
    path = expanded(Path(postgres.ca_file))
    text = path.read_text("utf-8", errors="replace") if os.access(path, os.R_OK) and path.is_file() else ""
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise UserError(f"postgres: ca_file {path} is no file with a certificate; give one in PEM")
    return text


def _secret(where: str, key: str, file: str | None, variable: str, what: str) -> str:
    if file:
        return _secret_in(f"{where}.{key}_file", file)
    value = os.environ.get(variable)
    if not value:
        # One that does not look like a variable's name may be the secret itself.
        named = variable if re.fullmatch(r"[A-Z][A-Z0-9_]*", variable) else f"that {key}_env names"
        raise UserError(f"{where}: the variable {named} is not set; export it with {what}")
    return value


def _secret_in(key: str, file: str) -> str:
    # No Path.exists() or .expanduser(): those raise for what can be no path, which may be the secret itself.
    path = os.path.expanduser(file)
    if not os.path.exists(path):
        raise UserError(f"{key}: there is no such file; put the secret in one of mode 0600, and its path here")
    if not os.path.isfile(path):
        raise UserError(f"{key}: {path} is no file; name the file that holds the secret")
    try:
        text = Path(path).read_text("utf-8").strip()
    except UnicodeDecodeError:
        raise UserError(f"{key}: {path} is not UTF-8; save the secret as plain text") from None
    except OSError as error:
        raise UserError(f"{key}: {path} cannot be read ({error.strerror}); name a file that you may read") from None
    if not text:
        raise UserError(f"{key}: {path} is empty; put the secret there")
    return text
