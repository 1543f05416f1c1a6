"""The test cluster's enforcer reads NetworkPolicies as cyclonus does: tried with real connections between real pods."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.cluster.conftest import Cluster, new_namespace
from tests.cluster.probing import Place, Try, place, says_cyclonus, settled, table

pytestmark = pytest.mark.cluster
SERVER = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {labels}}}
spec:
  automountServiceAccountToken: false
  securityContext: {{runAsNonRoot: true, runAsUser: 10001, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
    - name: server
      image: registry.test/helper:1
      imagePullPolicy: Never
      workingDir: /tmp
      command: [sh, -c, "python3 -m http.server 8000 & exec python3 -m http.server 8001"]
      ports: [{{name: web, containerPort: 8000}}, {{name: admin, containerPort: 8001}}]
      readinessProbe: {{httpGet: {{port: admin}}, periodSeconds: 1}}
      securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}
"""
PORTS = {"web": 8000, "admin": 8001}
POLICIES = {
    "nothing comes in": {"podSelector": {}},
    "nothing goes out": {"podSelector": {"matchLabels": {"app": "b"}}, "policyTypes": ["Egress"]},
    "from pods of the same namespace": {
        "podSelector": {},
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "b"}}}]}],
    },
    "from a namespace, by a port's name": {
        "podSelector": {"matchLabels": {"app": "a"}},
        "ingress": [
            {
                "from": [
                    {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["far"]}]}}
                ],
                "ports": [{"port": "web"}],
            }
        ],
    },
    "from these pods of those namespaces, or from others": {
        "podSelector": {},
        "ingress": [
            {
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": {"team": "far"}},
                        "podSelector": {"matchLabels": {"app": "a"}},
                    },
                    {"podSelector": {"matchExpressions": [{"key": "front", "operator": "Exists"}]}},
                ]
            }
        ],
    },
    "from everywhere, to one port": {"podSelector": {}, "ingress": [{"ports": [{"port": 8001, "protocol": "TCP"}]}]},
    "from everywhere, to a range of ports": {
        "podSelector": {},
        "ingress": [{"ports": [{"port": 7000, "endPort": 8000}]}],
    },
    "from addresses but for some": {
        "podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["b"]}]},
        "ingress": [{"from": [{"ipBlock": {"cidr": "10.200.0.0/16", "except": ["FAR A"]}}]}],
    },
    "to a port's name, everywhere": {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"namespaceSelector": {}}], "ports": [{"port": "admin"}]}],
    },
    "both ways, the types left out": {
        "podSelector": {"matchExpressions": [{"key": "front", "operator": "DoesNotExist"}]},
        "ingress": [{}],
        "egress": [{"to": [{"podSelector": {}}]}],
    },
    "another protocol": {
        "podSelector": {},
        "ingress": [{"ports": [{"port": 8000, "protocol": "UDP"}, {"protocol": "SCTP"}]}],
    },
}


@pytest.fixture(scope="module")
def places(cluster: Cluster) -> Iterator[dict[str, Place]]:
    """Two pods near, in the namespace where the policies are, and two far."""
    with new_namespace(cluster) as near, new_namespace(cluster) as far:
        pods = {("near", "a"): {"app": "a", "front": "yes"}, ("near", "b"): {"app": "b"}}
        pods |= {("far", "a"): {"app": "a"}, ("far", "d"): {"app": "d"}}
        spaces = {"near": near, "far": far}
        for team, space in spaces.items():
            cluster.kubectl("label", "namespace", space, f"team={team}")
        for (team, name), labels in pods.items():
            text = SERVER.format(name=name, labels=json.dumps({**labels, "name": name}))
            cluster.kubectl("-n", spaces[team], "create", "-f", "-", stdin=text)
        for space in spaces.values():
            cluster.kubectl("-n", space, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=600s")
        yield {f"{team} {name}": place(cluster, f"{team} {name}", spaces[team], f"name={name}") for team, name in pods}


@pytest.mark.parametrize(
    "policies", [[name] for name in POLICIES] + [["nothing comes in", "from everywhere, to one port"]]
)
def test_a_policy_means_what_cyclonus_says(cluster: Cluster, places: dict[str, Place], policies: list[str]) -> None:
    near, far = places["near a"].namespace, places["far a"].namespace
    for number, name in enumerate(policies):
        spec = json.loads(json.dumps(POLICIES[name]).replace("FAR A", f"{places['far a'].ip}/32"))
        policy = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": f"p{number}"},
            "spec": spec,
        }
        cluster.kubectl("-n", near, "create", "-f", "-", stdin=json.dumps(policy))
    try:
        plain = [
            Try(source=source, to=to, port=number, port_name=port, address=f"{to.ip}:{number}")
            for source in places.values()
            for to in places.values()
            for port, number in PORTS.items()
            if source is not to
        ]
        verdicts = says_cyclonus((near, far), plain)
        assert set(verdicts) == {True, False}
        tries = [replace(one, allowed=allowed) for one, allowed in zip(plain, verdicts, strict=True)]
        happened = settled(cluster, tries, lambda seen: [what == "reached" for what in seen] == verdicts)
        assert [what == "reached" for what in happened] == verdicts, table(tries, happened)
    finally:
        cluster.kubectl("-n", near, "delete", "networkpolicy", "--all")
