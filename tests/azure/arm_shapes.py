"""The forms in which Azure says things: errors, names, the versions that it offers, a kubeconfig."""

from __future__ import annotations

import re
from typing import Any

from tests.azure import settle

LATEST = settle.LATEST
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"


def error(code: str, message: str) -> Any:
    return {"error": {"code": code, "message": message}}


def wrong_subscription(path: str, seen: set[str]) -> tuple[int, Any] | None:
    """What Resource Manager says of any path in a subscription that is not among those that the caller sees."""
    said = path.split("/")[2]
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", said):
        message = f"The provided subscription identifier '{said}' is malformed or invalid."
        return 400, error("InvalidSubscriptionId", message)
    if said.lower() not in seen:
        return 404, error("SubscriptionNotFound", f"The subscription '{said}' could not be found.")
    return None


CHILD_IS_MISSING = {
    "microsoft.authorization/locks": "LockNotFound",
    "microsoft.storage/storageaccounts/blobservices/containers": "ContainerNotFound",
}
"""Type in lower case -> its own code, where that is not ResourceNotFound."""


def type_of(path: str) -> str:
    """`/subscriptions/S/resourceGroups/G/providers/N/a/x/b/y` -> `N/a/b`."""
    if "/providers/" not in path:
        return "Microsoft.Resources/resourceGroups"
    parts = path.rsplit("/providers/", 1)[1].split("/")
    return "/".join([parts[0], *parts[1::2]])


def named_in(pools: list[Any], name: str) -> Any:
    return next((pool for pool in pools if pool["name"] == name), {})


def named(path: str, body: Any, **over: Any) -> Any:
    spelled = path.replace("/resourceGroups/", "/resourcegroups/") if "/providers/" in path else path
    return {"id": spelled, "name": path.split("/")[-1], "type": over.get("type", type_of(path)), **body}


def kubeconfig(name: str) -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": "https://127.0.0.1:1", "certificate-authority-data": "eA=="}}
        ],
        "users": [{"name": f"clusterUser_{name}", "user": {"token": "kube-token-never-shown"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": f"clusterUser_{name}"}}],
        "current-context": name,
    }


def offered() -> Any:
    def one(minor: str, *, plan: str = "KubernetesOfficial", **more: Any) -> Any:
        major, _, number = minor.partition(".")
        patches = {f"{minor}.{n}": {"upgrades": []} for n in (1, int(LATEST.get(minor, "0.0.2").rsplit(".", 1)[1]))}
        return {
            "version": f"{major}.{number}",
            "capabilities": {"supportPlan": [plan]},
            "patchVersions": patches,
            **more,
        }

    return {
        "values": [
            one("1.33", plan="AKSLongTermSupport"),
            one("1.34"),
            one("1.35", isDefault=True),
            one("1.36"),
            one("1.37", isPreview=True),
        ]
    }
