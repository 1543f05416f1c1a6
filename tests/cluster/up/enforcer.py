"""A test tool: enforces NetworkPolicies on one node of the test cluster. Not for use anywhere else.

    enforcer.py API_SERVER PKI_FOLDER

It watches pods, namespaces and policies, renders them as one nftables table and loads that table in one transaction
into the network namespace it runs in. With CNI ptp all traffic of pods is routed by the node, so it crosses `forward`,
or `input` when it goes to the node itself; the kubelet's probes cross neither. What a policy refuses is answered at
once (ICMP "administratively prohibited": the pod sees "No route to host"), so that tests need not wait for time-outs.
IPv4 only. Its reading of the policies is compared with cyclonus' in tests/cluster/test_policies.py.
"""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Object = dict[str, Any]
KINDS = {
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
}


SIDES = (("saddr", "egress"), ("daddr", "ingress"))
TABLE, REFUSE = "modelops-policies", "reject with icmp admin-prohibited"

# --- from the cluster's objects to a ruleset: pure functions


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a LabelSelector selects; the empty one selects everything."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for rule in selector.get("matchExpressions", []):
        there, among = rule["key"] in labels, labels.get(rule["key"]) in rule.get("values", [])
        if not {"In": among, "NotIn": not among, "Exists": there, "DoesNotExist": not there}[rule["operator"]]:
            return False
    return True


def _labels(thing: Object) -> dict[str, str]:
    return thing["metadata"].get("labels", {})


def _on_the_network(pod: Object) -> bool:
    ended = pod["status"].get("phase") in ("Succeeded", "Failed")
    return bool(pod["status"].get("podIP")) and not ended and not pod["spec"].get("hostNetwork")


def _set(elements: list[str]) -> str:
    return "{ " + ", ".join(sorted(set(elements))) + " }"


def _meant(peer: Object, home: str, pod: Object, spaces: dict[str, Object]) -> bool:
    space = pod["metadata"]["namespace"]
    if "namespaceSelector" not in peer and space != home:
        return False
    return selects(peer.get("namespaceSelector", {}), _labels(spaces[space])) and selects(
        peer.get("podSelector", {}), _labels(pod)
    )


def _ports(ports: list[Object], pod: Object | None) -> list[str]:
    """The matches of a packet's destination port, one of which must hold; `pod` gives names their numbers."""
    named = {
        (port.get("name"), port.get("protocol", "TCP")): port["containerPort"]
        for container in (pod["spec"]["containers"] if pod else [])
        for port in container.get("ports", [])
    }
    matches = [] if ports else [""]
    for port in ports:
        protocol, number = port.get("protocol", "TCP"), port.get("port")
        number = named.get((number, protocol)) if isinstance(number, str) else number
        if number is not None:
            matches.append(f"{protocol.lower()} dport {number}-{port.get('endPort', number)} ")
        elif "port" not in port:
            matches.append(f"meta l4proto {protocol.lower()} ")
    return matches


def _allowed(rule: Object, way: str, me: Object, pods: list[Object], spaces: dict[str, Object]) -> Iterator[str]:
    """The nftables rules for one rule of a policy, for the pod `me`: they return for what is allowed."""
    side, peers = ("saddr", "from") if way == "ingress" else ("daddr", "to")
    for peer in rule.get(peers) or [{"ipBlock": {"cidr": "0.0.0.0/0"}}]:
        from_or_to: dict[str, list[str]] = {}
        if block := peer.get("ipBlock"):
            but = f"ip {side} != {_set(block['except'])} " if block.get("except") else ""
            for port in _ports(rule.get("ports", []), me if way == "ingress" else None):
                from_or_to[f"{but}{port}"] = [block["cidr"]]
        else:
            for pod in pods:
                if _meant(peer, me["metadata"]["namespace"], pod, spaces):
                    for port in _ports(rule.get("ports", []), me if way == "ingress" else pod):
                        from_or_to.setdefault(port, []).append(pod["status"]["podIP"])
        yield from (f"ip {side} {_set(addresses)} {port}return" for port, addresses in from_or_to.items())


def _ways(spec: Object) -> list[str]:
    return [way.lower() for way in spec.get("policyTypes", ["Ingress", *(["Egress"] if "egress" in spec else [])])]


def ruleset(objects: dict[str, list[Object]]) -> str:
    """The nftables table that enforces the policies: pods that may do the same share a chain."""
    spaces = {space["metadata"]["name"]: space for space in objects["namespaces"]}
    by_age = sorted(objects["pods"], key=lambda pod: pod["metadata"]["creationTimestamp"])
    pods = [pod for pod in by_age if _on_the_network(pod) and pod["metadata"]["namespace"] in spaces]
    chains: dict[str, str] = {}
    jumps: dict[str, dict[str, str]] = {"egress": {}, "ingress": {}}
    for pod in pods:
        mine = [
            policy["spec"]
            for policy in objects["policies"]
            if policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
            and selects(policy["spec"].get("podSelector", {}), _labels(pod))
        ]
        for way in jumps:
            specs = [spec for spec in mine if way in _ways(spec)]
            rules = [rule for spec in specs for rule in spec.get(way, [])]
            lines = sorted({line for rule in rules for line in _allowed(rule, way, pod, pods, spaces)})
            if specs:
                chain = chains.setdefault("\n    ".join([*lines, REFUSE]), f"rules-{len(chains)}")
                jumps[way][pod["status"]["podIP"]] = f"{pod['status']['podIP']} : jump {chain}"
    text = "".join(f"  chain {name} {{\n    {body}\n  }}\n" for body, name in chains.items())
    out, into = (f"    ip {side} vmap {_set([*jumps[way].values()])}\n" if jumps[way] else "" for side, way in SIDES)
    for hook, lines in (("forward", out + into), ("input", out)):
        text += f"  chain {hook} {{\n    type filter hook {hook} priority filter; policy accept;\n"
        text += f"    ct state established,related accept\n{lines}  }}\n"
    return f"table ip {TABLE} {{}}\ndelete table ip {TABLE}\ntable ip {TABLE} {{\n{text}}}\n"


# --- the edge: watch, and load


class Watched:
    """What the API server holds, kept up to date by one thread a kind."""

    def __init__(self, server: str, pki: Path) -> None:
        self._server = server
        self._tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._tls.load_cert_chain(str(pki / "admin.crt"), str(pki / "admin.key"))
        self.objects: dict[str, list[Object]] = {}
        self.changed = threading.Event()
        for kind in KINDS:
            threading.Thread(target=self._follow, args=(kind,), daemon=True).start()

    def _get(self, path: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection(self._server, context=self._tls, timeout=330)
        connection.request("GET", path)
        return connection.getresponse()

    def _follow(self, kind: str) -> None:
        while True:
            try:
                listed = json.load(self._get(KINDS[kind]))
                held = {item["metadata"]["uid"]: item for item in listed["items"]}
                self._put(kind, held)
                since = listed["metadata"]["resourceVersion"]
                for line in self._get(f"{KINDS[kind]}?watch=1&timeoutSeconds=300&resourceVersion={since}"):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        break
                    held.pop(event["object"]["metadata"]["uid"], None)
                    if event["type"] != "DELETED":
                        held[event["object"]["metadata"]["uid"]] = event["object"]
                    self._put(kind, held)
            except Exception as error:  # whatever it was: list again, a node without its rules would go unnoticed
                print(f"{kind}: {error!r}", file=sys.stderr, flush=True)  # noqa: T201
                time.sleep(1)

    def _put(self, kind: str, held: dict[str, Object]) -> None:
        self.objects[kind] = list(held.values())
        self.changed.set()


def main(server: str, pki: Path) -> None:
    """Load the ruleset whenever it is another one."""
    watched, loaded = Watched(server, pki), ""
    while True:
        watched.changed.wait()
        watched.changed.clear()
        wanted = ruleset(watched.objects) if len(watched.objects) == len(KINDS) else loaded
        if wanted != loaded:
            done = subprocess.run(["nft", "-f", "-"], input=wanted, text=True, check=False)
            loaded = wanted if done.returncode == 0 else loaded


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
