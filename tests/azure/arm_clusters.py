"""What AKS accepts and refuses for clusters and their pools."""

from __future__ import annotations

import base64
import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from tests.azure import arm_operations as operations
from tests.azure import arm_shapes as shapes
from tests.azure import settle

if TYPE_CHECKING:
    from tests.azure.arm_server import ArmServer


def put_cluster(azure: ArmServer, path: str, body: Any, old: Any) -> tuple[int, Any, dict[str, str]]:
    pools = {pool["name"] for pool in body["properties"].get("agentPoolProfiles", [])}
    if not pools:
        return (
            400,
            {
                "code": "InvalidParameter",
                "message": "Required parameter agentPoolProfiles is missing.",
                "subcode": "",
            },
            {},
        )
    version = body["properties"].get("kubernetesVersion")
    if version and version not in settle.LATEST and version not in settle.LATEST.values():
        message = f"Managed cluster is on version {version} which is not supported in this region."
        return 400, {"code": "K8sVersionNotSupported", "message": message, "details": None, "subcode": ""}, {}
    live = old["properties"]["agentPoolProfiles"] if old else []
    if old and pools - {pool["name"] for pool in live}:
        message = "A new agent pool was introduced. Adding agent pools to an existing cluster is not allowed "
        message += "through managed cluster operations."
        return 400, {"code": "InvalidParameter", "message": message, "subcode": ""}, {}
    for pool in body["properties"]["agentPoolProfiles"]:
        if (
            old
            and pool.get("enableAutoScaling")
            and pool.get("count") != shapes.named_in(live, pool["name"]).get("count")
        ):
            return (
                400,
                {
                    "code": "InvalidParameter",
                    "message": "The count of an autoscaled pool was changed.",
                    "subcode": "",
                },
                {},
            )
    group, name = path.split("/")[4], path.split("/")[-1]
    after = settle.cluster(body, group=group, name=name, subscription=shapes.SUBSCRIPTION, latest=settle.LATEST)
    after = shapes.named(path, after, type="Microsoft.ContainerService/ManagedClusters")
    if old:  # pools that are left out stay
        after["properties"]["agentPoolProfiles"] += [pool for pool in live if pool["name"] not in pools]
    during = deepcopy(old or after)
    during["properties"]["provisioningState"] = "Updating" if old else "Creating"
    if not old:
        del during["properties"]["identityProfile"]
    azure.resources[path.lower()] = during
    return (200 if old else 201), during, operations.begin(azure, path.lower(), "put", after)


def put_pool(azure: ArmServer, path: str, body: Any, old: Any) -> tuple[int, Any, dict[str, str]]:
    cluster = azure.resources.get(path.lower().rsplit("/agentpools/", 1)[0])
    if cluster is None:
        return azure.missing(path)
    if cluster["properties"]["provisioningState"] != "Succeeded":
        return (
            409,
            {"code": "OperationNotAllowed", "message": "Operation is not allowed: the cluster is being changed."},
            {},
        )
    name = path.split("/")[-1]
    live = shapes.named_in(cluster["properties"]["agentPoolProfiles"], name)
    sent = body["properties"]
    for fixed in ("vmSize", "availabilityZones", "scaleSetPriority"):
        if live and (live.get(fixed) or "") != (sent.get(fixed) or ""):
            return (
                400,
                {"code": "PropertyChangeNotAllowed", "message": f"Changing property '{fixed}' is not allowed."},
                {},
            )
    after = shapes.named(path, {"properties": settle.pool(sent, cluster["properties"]["currentKubernetesVersion"])})
    during = deepcopy(after)
    during["properties"]["provisioningState"] = "Updating" if live else "Creating"
    azure.resources[path.lower()] = during
    operations.into_cluster(azure, path.lower())
    return (200 if live else 201), during, operations.begin(azure, path.lower(), "put", after)


def post(azure: ArmServer, path: str) -> tuple[int, Any, dict[str, str]]:
    id_, _, action = path.lower().rpartition("/")
    cluster = azure.resources.get(id_)
    if cluster is None:
        return azure.missing(path)
    if action in ("start", "stop"):
        after = deepcopy(cluster)
        after["properties"]["powerState"] = {"code": "Running" if action == "start" else "Stopped"}
        cluster["properties"]["provisioningState"] = "Starting" if action == "start" else "Stopping"
        return 202, None, operations.begin(azure, id_, "put", after)
    kubeconfig = base64.b64encode(json.dumps(azure.kubeconfig or shapes.kubeconfig(cluster["name"])).encode()).decode()
    return 200, {"kubeconfigs": [{"name": "clusterUser", "value": kubeconfig}]}, {}
