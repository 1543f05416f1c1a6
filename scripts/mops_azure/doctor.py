"""Finds what is missing before Azure can be used, each finding with its remedy."""

from __future__ import annotations

import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from modelops_runtime.contracts.errors import ModelOpsError
from mops_azure import resources
from mops_azure.capacity import ASK_FOR_MORE, read_capacity
from mops_azure.config import AzureConfig
from mops_azure.errors import one_line, role_for
from mops_azure.live import newest_default_version, offered_versions
from mops_azure.resources.cluster import cluster
from mops_azure.resources.group import group
from mops_azure.resources.kind import is_ours
from mops_azure.resources.lock import lock
from mops_azure.resources.registry import REGISTRIES, registry_id

if TYPE_CHECKING:
    from mops_azure.transport import ArmClient

SUBSCRIPTIONS = "2022-12-01"
PERMISSIONS = "2022-04-01"


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The result of one check, with a `remedy` unless it is ok."""

    level: Literal["ok", "warning", "problem"]
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        sign = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}[self.level]
        return f"{sign}  {self.what}" + (f"; {self.remedy}" if self.remedy else "")


def examine(arm: ArmClient, config: AzureConfig) -> Iterator[CheckResult]:
    """Yields the result of each check. What cannot be read is a finding too; a failed sign-in ends the checks."""
    yield from _tools(config)
    try:
        path = f"/subscriptions/{config.subscription_id}"
        reply = arm.send("GET", path, SUBSCRIPTIONS, "reading the subscription", accept=(404,))
        found = None if reply.status == 404 else reply.body
    except ModelOpsError as error:
        yield CheckResult(level="problem", what=str(error))
        return
    yield _subscription(config, found)
    if found is None:
        return
    for check in (_providers, _version, _sizes_and_quota, _registry_name, _resource_names, _rights):
        try:
            yield from check(arm, config)
        except ModelOpsError as error:
            yield CheckResult(level="problem", what=str(error))


def _tools(config: AzureConfig) -> Iterator[CheckResult]:
    needed = {"az": config.auth.method == "use_azure_cli", "kubelogin": False, "kubectl": False, "helm": False}
    for name, must in needed.items():
        if shutil.which(name):
            yield CheckResult(level="ok", what=f"{name} is there")
        elif must:
            yield CheckResult(
                level="problem", what="the Azure CLI az is not there", remedy="install it, or use another auth method"
            )
    if not shutil.which("kubelogin"):
        yield CheckResult(
            level="ok", what="kubelogin is not there, and not needed: the cluster's kubeconfig has its own key"
        )
    if not shutil.which("helm"):
        yield CheckResult(
            level="warning", what="helm is not there", remedy="install it: mops needs it for workspaces and runs"
        )
    if not shutil.which("kubectl"):
        yield CheckResult(
            level="warning", what="kubectl is not there", remedy="install it to look into the cluster; mops needs none"
        )


def _subscription(config: AzureConfig, found: Any) -> CheckResult:
    if found is None:
        remedy = "compare subscription_id and tenant_id with `az account show`"
        return CheckResult(
            level="problem", what=f"subscription {config.subscription_id} is not to be seen", remedy=remedy
        )
    if str(found.get("tenantId", config.tenant_id)).lower() != config.tenant_id.lower():
        remedy = f"write tenant_id: {found['tenantId']}"
        return CheckResult(level="problem", what="the subscription belongs to another tenant", remedy=remedy)
    if str(found.get("state", "Enabled")) != "Enabled":
        remedy = "its owner can enable it in the portal"
        return CheckResult(level="problem", what=f"the subscription is {found['state']}", remedy=remedy)
    return CheckResult(level="ok", what=f"signed in; subscription {found.get('displayName', config.subscription_id)}")


def _providers(arm: ArmClient, config: AzureConfig) -> Iterator[CheckResult]:
    missing = unregistered(arm, config)
    for name in missing:
        yield CheckResult(
            level="problem", what=f"provider {name} is not registered", remedy="`mops-azure doctor --register` does it"
        )
    if not missing:
        yield CheckResult(level="ok", what="all resource providers are registered")


def _version(arm: ArmClient, config: AzureConfig) -> Iterator[CheckResult]:
    offered = offered_versions(arm, config)
    patches = [patch for found, _ in offered.values() for patch in found]
    wanted = config.aks.version
    if wanted is None:
        yield CheckResult(
            level="ok", what=f"Kubernetes {newest_default_version(arm, config)}, the default of {config.location}"
        )
    elif wanted in offered or wanted in patches:
        yield CheckResult(level="ok", what=f"Kubernetes {wanted} is offered in {config.location}")
    else:
        remedy = f"set aks.version to one of {', '.join(found[-1] for found, _ in offered.values())}, or leave it out"
        yield CheckResult(
            level="problem", what=f"Kubernetes {wanted} is not offered in {config.location}", remedy=remedy
        )


def _sizes_and_quota(arm: ArmClient, config: AzureConfig) -> Iterator[CheckResult]:
    capacity = read_capacity(arm, config)
    system = config.aks.system_pool
    wanted = [("system", system.vm_size, system.min, system.max, system.zones, False)]
    wanted += [(pool.name, pool.vm_size, pool.min, pool.max, pool.zones, pool.spot) for pool in config.aks.pools]
    least, most = Counter[str](), Counter[str]()
    for name, size, low, high, zones, spot in wanted:
        if closed := capacity.closed(size, zones, config.location):
            yield CheckResult(level="problem", what=f"pool {name}: {closed[0]}", remedy=closed[1])
        else:
            yield CheckResult(level="ok", what=f"pool {name}: {size} can be had in {config.location}")
        cores = capacity.cores(size)
        for quota in capacity.quotas_of(size, spot=spot):
            least[quota] += cores * low
            most[quota] += cores * high
    for quota, (name, left) in capacity.left.items():
        if quota in most:
            yield _quota(name, left, least[quota], most[quota])


def _quota(family: str, left: int, low: int, high: int) -> CheckResult:
    if left < low:
        return CheckResult(
            level="problem", what=f"quota {family}: {left} cores left, {low} needed at least", remedy=ASK_FOR_MORE
        )
    if left < high:
        return CheckResult(
            level="warning", what=f"quota {family}: {left} cores left, {high} needed at most", remedy=ASK_FOR_MORE
        )
    return CheckResult(level="ok", what=f"quota {family}: {left} cores left, {high} needed at most")


def _registry_name(arm: ArmClient, config: AzureConfig) -> Iterator[CheckResult]:
    if not config.acr.enabled:
        return
    name = config.registry_name
    found = arm.get(registry_id(config), REGISTRIES, "reading the registry")
    if found is not None:
        whose = "ours" if is_ours(found) else "shared"
        yield CheckResult(level="ok", what=f"registry {name} is there, {whose}")
        return
    body = {"name": name, "type": "Microsoft.ContainerRegistry/registries"}
    reply = arm.call("checking the registry's name", arm.registries.registries.check_name_availability, body).body or {}
    if reply.get("nameAvailable"):
        yield CheckResult(level="ok", what=f"registry name {name} is free")
    else:
        yield CheckResult(
            level="problem", what=f"registry name {name} is taken", remedy="set another acr.name; it is global"
        )


def _resource_names(arm: ArmClient, config: AzureConfig) -> Iterator[CheckResult]:
    """Globally unique names of resources that do not exist yet."""
    for one in resources.independent(config):
        key = resources.BY_NAME[one.kind].name_key
        if not key:
            continue
        if arm.get(one.id, one.api_version, f"reading the {one.kind}") is not None:
            yield CheckResult(level="ok", what=f"{one.kind} {one.name} is there")
            continue
        kind = resources.BY_NAME[one.kind].type
        provider = kind.split("/")[0]
        path = f"/subscriptions/{config.subscription_id}/providers/{provider}/checkNameAvailability"
        body = {"name": one.name, "type": kind}
        reply = arm.send("POST", path, one.api_version, f"checking the {one.kind}'s name", body=body).body or {}
        if reply.get("nameAvailable"):
            yield CheckResult(level="ok", what=f"{one.kind} name {one.name} is free")
        else:
            reason = one_line(str(reply.get("message") or "it is taken"), 120)
            yield CheckResult(
                level="problem", what=f"{one.kind} name {one.name}: {reason}", remedy=f"set another {key}; it is global"
            )


def _rights(arm: ArmClient, config: AzureConfig) -> Iterator[CheckResult]:
    path = f"/subscriptions/{config.subscription_id}/providers/Microsoft.Authorization/permissions"
    granted = list(arm.list(path, PERMISSIONS, "reading your rights"))
    wanted = [group(config), cluster(config, version=None, ssh_key=None)]
    wanted += [one for one, _ in resources.dependent_resources(config, {})]
    wanted += [lock(config)] if config.lock else []
    checked = (one for one in wanted if resources.BY_NAME[one.kind].is_right_checked)
    for action in dict.fromkeys(f"{resources.type_in(one.id)}/write" for one in checked):
        if allowed(granted, action):
            yield CheckResult(level="ok", what=f"you may {action}")
        else:
            remedy = f"ask an owner of the subscription for the role {role_for(action)}"
            yield CheckResult(level="problem", what=f"you may not {action}", remedy=remedy)


def allowed(granted: list[Any], action: str) -> bool:
    """Whether the actions of some grant include it and its notActions do not. Pure."""
    return any(
        _any_matches(one.get("actions"), action) and not _any_matches(one.get("notActions"), action) for one in granted
    )


def _any_matches(patterns: list[str] | None, action: str) -> bool:
    return any(re.fullmatch(re.escape(one).replace(r"\*", ".*"), action, re.IGNORECASE) for one in patterns or [])


def unregistered(arm: ArmClient, config: AzureConfig) -> list[str]:
    """Resource providers that the subscription does not have yet."""
    read = arm.resources.providers.get
    states = {
        name: (arm.call(f"reading the provider {name}", read, name).body or {}).get("registrationState")
        for name in resources.providers(config)
    }
    return [name for name, state in states.items() if str(state).lower() != "registered"]


def register_providers(arm: ArmClient, config: AzureConfig, say: Callable[[str], None], *, for_s: float = 600) -> None:
    """Register what is missing and wait; the SDK's own policy for it does not work for long operations."""
    missing = unregistered(arm, config)
    for name in missing:
        say(f"provider {name}: registering")
        arm.call(f"registering the provider {name}", arm.resources.providers.register, name)
    pause, end = 0.3, time.monotonic() + for_s
    while missing and time.monotonic() < end:
        time.sleep(pause)
        missing = unregistered(arm, config)
        pause = min(pause * 1.5, 10)
