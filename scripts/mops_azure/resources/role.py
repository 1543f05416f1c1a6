"""A role assignment: what an identity may do with one resource."""

from __future__ import annotations

import uuid
from typing import Any

from mops_azure.resources.kind import Equals, Kind, Resource

ASSIGNMENTS = "2022-04-01"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"


def right(*, name: str, scope: str, role: str, principal_id: str) -> Resource:
    """A role on one resource. The assignment's id is derived from its content, so a second run finds it."""
    subscription = "/".join(scope.split("/")[:3])  # a subnet's may be another than the config's
    role_id = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    made = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}|{role}|{principal_id}".lower()))
    properties = {"roleDefinitionId": role_id, "principalId": principal_id, "principalType": "ServicePrincipal"}
    return Resource(
        kind=KIND.name,
        name=name,
        id=f"{scope}/providers/Microsoft.Authorization/roleAssignments/{made}",
        api_version=ASSIGNMENTS,
        body={"properties": properties},
    )


def scope_of(id_: str) -> str:
    """The scope of a role assignment, from its id."""
    return id_.partition("/providers/Microsoft.Authorization/")[0]


def _equals(resource: Resource) -> Equals:
    """The same role of the same identity on the same resource, under whatever name it was assigned."""
    wanted = resource.body["properties"]
    role, principal = wanted["roleDefinitionId"].rsplit("/", 1)[1], wanted["principalId"].lower()

    def is_equal(found: Any) -> bool:
        properties = found.get("properties", {})
        same_role = str(properties.get("roleDefinitionId", "")).lower().endswith(role)
        return same_role and str(properties.get("principalId", "")).lower() == principal

    path = f"{scope_of(resource.id)}/providers/Microsoft.Authorization/roleAssignments"
    return Equals(path=f"{path}?$filter=principalId%20eq%20'{principal}'", is_equal=is_equal)


def _ask_for(resource: Resource) -> str:
    """For a user who may not assign it: whom to ask, and the command for them."""
    properties, scope = resource.body["properties"], scope_of(resource.id)
    return (
        f"role assignment {resource.name}: you may not give it (it needs Microsoft.Authorization/roleAssignments/write); "
        f"ask an owner of {scope.rsplit('/', 1)[1]} to run: "
        f"az role assignment create --assignee-object-id {properties['principalId']} --assignee-principal-type ServicePrincipal "
        f"--role {properties['roleDefinitionId'].rsplit('/', 1)[1]} --scope {scope}"
    )


KIND = Kind(
    name="role assignment",
    type="Microsoft.Authorization/roleAssignments",
    api_version=ASSIGNMENTS,
    replacing=("properties.*",),
    is_at_once=True,
    is_right_checked=True,
    equals=_equals,
    retried=("PrincipalNotFound",),  # a new identity is not known everywhere at once
    patience_s=600,
    there_already="RoleAssignmentExists",
    ask_for=_ask_for,
)
KINDS = (KIND,)
