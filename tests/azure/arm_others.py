"""Resources that need no long operation, and what is only read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.azure import arm_shapes as shapes
from tests.azure import settle

if TYPE_CHECKING:
    from tests.azure.arm_server import ArmServer


CHILDREN = ("firewallrules", "federatedidentitycredentials")
LISTED = ("resources", "roleassignments", "locks", *CHILDREN)
"""Last words, in lower case, of a path that is a list."""


def put(azure: ArmServer, path: str, body: Any, old: Any) -> tuple[int, Any, dict[str, str]]:
    if shapes.type_of(path).endswith("roleAssignments"):
        return put_assignment(azure, path, body, old)
    resource = shapes.named(path, settle.without_empty(body))
    resource.setdefault("properties", {})
    if not shapes.type_of(path).endswith("locks"):
        resource["properties"]["provisioningState"] = "Succeeded"
    if shapes.type_of(path).endswith("registries"):
        defaults = {"adminUserEnabled": False, "publicNetworkAccess": "Enabled", "anonymousPullEnabled": False}
        resource["properties"] = {
            **defaults,
            **resource["properties"],
            "loginServer": f"{resource['name'].lower()}.azurecr.io",
        }
    azure.resources[path.lower()] = resource
    return (200 if old else 201), resource, {}


def put_assignment(azure: ArmServer, path: str, body: Any, old: Any) -> tuple[int, Any, dict[str, str]]:
    wanted = body["properties"]
    scope = path.split("/providers/Microsoft.Authorization")[0]
    for key, other in azure.resources.items():
        said = other.get("properties", {})
        if key.startswith(f"{scope.lower()}/providers/microsoft.authorization/roleassignments/") and all(
            said[key].lower() == wanted[key].lower() for key in ("principalId", "roleDefinitionId")
        ):
            return 409, shapes.error("RoleAssignmentExists", "The role assignment already exists."), {}
    resource = shapes.named(path, {"properties": {**wanted, "scope": scope}})
    azure.resources[path.lower()] = resource
    return (200 if old else 201), resource, {}


def list_(azure: ArmServer, path: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
    wanted = path.rsplit("/", 1)[-1]
    if wanted == "resources":
        group = path.rsplit("/", 1)[0]
        if group not in azure.resources:
            return azure.missing(path)
        inside = [
            one for key, one in azure.resources.items() if key.startswith(f"{group}/providers/") and key.count("/") == 8
        ]
        inside = [one for one in inside if "/microsoft.authorization/" not in one["id"].lower()]
        return 200, {"value": inside + azure.groups_members.get(group, [])}, {}
    if wanted in CHILDREN:
        if path.rsplit("/", 1)[0] not in azure.resources:
            return azure.missing(path)
        return 200, {"value": [one for key, one in azure.resources.items() if key.startswith(f"{path}/")]}, {}
    scope = path.rsplit("/providers/", 1)[0]
    part = f"/providers/microsoft.authorization/{wanted}/"
    found = [one for key, one in azure.resources.items() if part in key and key.startswith(scope)]
    for said in query.get("$filter", []):
        if match := re.search(r"principalId eq '([^']+)'", said):
            found = [one for one in found if one["properties"].get("principalId", "").lower() == match[1].lower()]
    return 200, {"value": found}, {}


def provider(azure: ArmServer, name: str, register: bool, method: str) -> tuple[int, Any, dict[str, str]]:
    if register and method == "POST":
        azure.unregistered.discard(name)
    state = "NotRegistered" if name in azure.unregistered else "Registered"
    return 200, {"namespace": name, "registrationState": state}, {}
