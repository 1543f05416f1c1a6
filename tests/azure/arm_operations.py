"""Long operations: they are begun, polled for, and end; nobody needs to look for them to end."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from tests.azure import arm_shapes as shapes

if TYPE_CHECKING:
    from tests.azure.arm_server import ArmServer

PHASES = ("InProgress", "ProvisioningControlPlane", "CreatingAgentPools: 1/3 nodes completed")


def advance(azure: ArmServer) -> None:
    """Work that nobody polls for goes on as well: each request is a tick."""
    for operation in azure.operations.values():
        operation["ticks"] += 1
        last = azure.polls * 3 + 3 if operation["last"] is None else operation["last"]
        if not operation["done"] and operation["ticks"] > last:
            finish(azure, operation)


def poll(azure: ArmServer, name: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
    operation = azure.operations[name]
    if query.get("s") != [operation["signature"]]:
        return 403, shapes.error("AuthenticationFailed", "The signature of the operation's address is wrong."), {}
    operation["polled"] += 1
    if operation["polled"] > azure.polls:
        finish(azure, operation)
    if not operation["done"]:
        phase = PHASES[min(operation["polled"] - 1, len(PHASES) - 1)]
        return 200, {"name": name, "status": phase, "startTime": "2026-01-01T00:00:00Z"}, {}
    outcome = operation["outcome"]
    return (
        200,
        {"name": name, "status": outcome["status"], **({"error": outcome["error"]} if "error" in outcome else {})},
        {},
    )


def begin(
    azure: ArmServer, id_: str, kind: str, after: Any, *, ticks: int | None = None, appears: bool = False
) -> dict[str, str]:
    """Headers that lead to it. It ends by polls, or after so many `ticks` (requests of any kind); what `appears` is
    not to be seen before."""
    name = secrets.token_hex(8)
    outcome = azure.outcome.pop(id_, {"status": "Succeeded"})
    signature = secrets.token_hex(2000)  # as long as the real ones
    azure.operations[name] = {
        "id": id_, "kind": kind, "after": after, "outcome": outcome, "polled": 0, "ticks": 0, "done": False,
        "signature": signature, "last": ticks, "appears": appears,
    }  # fmt: skip
    return {"Azure-AsyncOperation": f"{azure.url}/operations/{name}?api-version=2025-03-01&t=1&s={signature}"}


def finish(azure: ArmServer, operation: dict[str, Any]) -> None:
    if operation["done"]:
        return
    operation["done"] = True
    id_ = operation["id"]
    state = operation["outcome"].get("state", operation["outcome"]["status"])
    if operation["kind"] == "delete":
        if state == "Succeeded":
            for key in [key for key in azure.resources if key == id_ or key.startswith(f"{id_}/")]:
                if "/vaults/" in key:
                    azure.deleted_vaults.add(key)
                del azure.resources[key]
        return
    if id_ not in azure.resources and not (operation["appears"] and state == "Succeeded"):
        return
    resource = operation["after"]
    if "/flexibleservers/" in id_:
        azure.resources[id_] = resource
        return
    resource["properties"]["provisioningState"] = state
    for pool in resource["properties"].get("agentPoolProfiles", []):
        pool["provisioningState"] = state
    azure.resources[id_] = resource
    if "/agentpools/" in id_:
        into_cluster(azure, id_)


def into_cluster(azure: ArmServer, id_: str) -> None:
    cluster = azure.resources[id_.rsplit("/agentpools/", 1)[0]]
    pools = cluster["properties"]["agentPoolProfiles"]
    name = id_.split("/")[-1]
    cluster["properties"]["agentPoolProfiles"] = [pool for pool in pools if pool["name"] != name]
    if id_ in azure.resources:
        cluster["properties"]["agentPoolProfiles"].append({"name": name, **azure.resources[id_]["properties"]})
