"""What a PUT to something that is there carries: all that Azure has, with what is asked for on top. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set
from copy import deepcopy
from typing import Any

from mops_azure.desired import Resource

READ_ONLY = {
    "id", "name", "type", "etag", "systemdata", "provisioningstate", "powerstate", "maxagentpools", "currentkubernetesversion",
    "fqdn", "privatefqdn", "azureportalfqdn", "resourceuid", "status", "privatelinkresources", "principalid", "tenantid",
    "effectiveoutboundips", "issuerurl", "currentorchestratorversion", "nodeimageversion", "virtualmachinenodesstatus",
    "identityprofile", "creationdate", "loginserver",
}  # fmt: skip
"""What Azure alone writes of clusters, groups and registries; left out of what is sent back to it."""

READ_ONLY_OF = {
    "identity": {"clientid", "principalid", "systemdata", "tenantid"},
    "storage account": {
        "accountmigrationinprogress", "blobrestorestatus", "clientid", "creationtime",
        "currentversionedkeyexpirationtimestamp", "currentversionedkeyidentifier", "failoverinprogress", "georeplicationstats",
        "isskuconversionblocked", "keycreationtime", "lastenabledtime", "lastgeofailovertime", "lastkeyrotationtimestamp",
        "primaryendpoints", "primarylocation", "principalid", "privateendpointconnections", "provisioningstate",
        "secondaryendpoints", "secondarylocation", "state", "statusofprimary", "statusofsecondary",
        "storageaccountskuconversionstatus", "systemdata", "tenantid", "tier",
    },
    "container": {
        "deleted", "deletedtime", "etag", "hasimmutabilitypolicy", "haslegalhold", "immutabilitypolicy", "lastmodifiedtime",
        "leaseduration", "leasestate", "leasestatus", "legalhold", "migrationstate", "remainingretentiondays", "systemdata",
        "timestamp", "version",
    },
    "key vault": {"hsmpoolresourceid", "privateendpointconnections", "provisioningstate", "systemdata"},
    "log workspace": {
        "associations", "clientid", "createddate", "customerid", "dataingestionstatus", "lastmodifieddate", "lastskuupdate",
        "modifieddate", "principalid", "privatelinkscopedresources", "provisioningstate", "quotanextresettime", "state",
        "systemdata", "tenantid", "unifiedsentinelbillingonly",
    },
}  # fmt: skip
"""The same of the managed parts, as the published types have it."""

FROM_THE_ADDRESS = ("id", "name", "type", "etag")

WHOLE = ("database server", "database", "database setting", "firewall rule", "federated credential")
"""Kinds whose body says all that there is to say; a server's live one would ask for the speed of its old disk."""


def merged(resource: Resource, live: Any) -> dict[str, Any]:
    """What Azure has, without what it alone writes, with `resource.body` on top; an autoscaled pool keeps its node count."""
    if resource.kind in WHOLE:
        return _grown(resource, live)
    if resource.kind in READ_ONLY_OF:
        top = {key: value for key, value in live.items() if key not in FROM_THE_ADDRESS}
        return _on_top(_writable(top, READ_ONLY_OF[resource.kind]), resource.body)
    kept = _writable(live, READ_ONLY)
    body = _on_top(kept, resource.body)
    if resource.kind == "cluster":
        pools = (live.get("properties") or {}).get("agentPoolProfiles") or []
        body["properties"]["agentPoolProfiles"] = [
            {**_writable(pool, READ_ONLY), "name": pool["name"]} for pool in pools
        ]
    if resource.kind == "pool" and resource.body["properties"].get("enableAutoScaling"):
        properties = body["properties"]
        count = live["properties"].get("count", properties["minCount"])
        properties["count"] = max(properties["minCount"], min(count, properties["maxCount"]))
    return body


def _grown(resource: Resource, live: Any) -> dict[str, Any]:
    """The body as asked for; a disk that has grown by itself keeps its size, it cannot shrink."""
    body = deepcopy(resource.body)
    storage = body["properties"].get("storage") if "properties" in body else None
    if storage:
        size = ((live.get("properties") or {}).get("storage") or {}).get("storageSizeGB") or 0
        storage["storageSizeGB"] = max(size, storage["storageSizeGB"])
    return body


def _writable(value: Any, read_only: Set[str]) -> Any:
    if isinstance(value, Mapping):
        kept = {key: one for key, one in value.items() if str(key).lower() not in read_only and one is not None}
        return {key: _writable(one, read_only) for key, one in kept.items()}
    if isinstance(value, list):
        return [_writable(one, read_only) for one in value]
    return value


def _on_top(below: Any, above: Any) -> Any:
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return deepcopy(above)
    result = dict(below)
    spelled = {str(key).lower(): key for key in below}
    for key, value in above.items():
        old = result.pop(spelled[key.lower()], None) if key.lower() in spelled else None
        result[key] = _on_top(old, value)
    return result
