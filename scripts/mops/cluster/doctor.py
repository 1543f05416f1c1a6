"""Checks whether a cluster is fit for workspaces and runs. Each finding is read from the cluster or tried."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from modelops_runtime.contracts.errors import ModelOpsError
from mops.cluster.access import Access, Kube
from mops.cluster.errors import ClusterError, Forbidden, translated_errors
from mops.cluster.helm import helm_version, version_problem
from mops.cluster.pods import state_of

ROLE = "modelops.io/role=cpu"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"

_SERVE = "import http.server as h; h.ThreadingHTTPServer(('', 8080), h.SimpleHTTPRequestHandler).serve_forever()"
_CONNECT = """
import socket, sys, time
while True:
    try:
        socket.create_connection((sys.argv[1], 8080), timeout=2).close()
        print("reached", flush=True)
    except OSError:
        print("shut out", flush=True)
    time.sleep(0.5)
"""
_IN_A_ROW = 4
"""Equal answers in a row that count, since a single one may be a glitch."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was checked."""

    what: str
    is_good: bool
    message: str
    remedy: str = ""
    is_needed: bool = True
    """False: a workspace works without it, but less well."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "what": self.what,
            "is_good": self.is_good,
            "said": self.message,
            "remedy": self.remedy,
            "is_needed": self.is_needed,
        }


def examine(access: Access, image: str, *, probe: bool, timeout_s: float) -> Iterator[Finding]:
    """Yields findings and leaves nothing behind in the cluster. `image` holds Python, such as a worker's."""
    yield _helm()
    try:
        kube = Kube(access)
    except ModelOpsError as error:
        yield _problem("kubeconfig", str(error), "")
        return
    yield Finding(what="kubeconfig", is_good=True, message="can be read")
    answer = _api(kube)
    yield answer
    if not answer.is_good:
        return
    yield _rights(kube)
    yield _if_allowed("storage class", _storage, kube)
    yield _if_allowed("node label", _nodes, kube)
    if probe:
        yield from _probe(kube, image, timeout_s)


def _problem(what: str, message: str, remedy: str, *, is_needed: bool = True) -> Finding:
    return Finding(what=what, is_good=False, message=message, remedy=remedy, is_needed=is_needed)


def _helm() -> Finding:
    version = helm_version()
    if problem := version_problem(version):
        return _problem("helm", problem.what, problem.remedy)
    return Finding(what="helm", is_good=True, message=str(version))


def _api(kube: Kube) -> Finding:
    from kubernetes import client

    try:
        with translated_errors("asking the API server"):
            version = client.VersionApi(kube.core.api_client).get_code(_request_timeout=(5, 10))
    except ModelOpsError as error:
        what = error.what if isinstance(error, ClusterError) else str(error)
        return _problem("API server", what, "start the cluster, or choose another --context")
    return Finding(what="API server", is_good=True, message=str(version.git_version))


def _rights(kube: Kube) -> Finding:
    from kubernetes import client

    body: Any = {"spec": {"resourceAttributes": {"verb": "create", "resource": "namespaces"}}}
    with translated_errors("asking what you may do"):
        review = client.AuthorizationV1Api(kube.core.api_client).create_self_subject_access_review(body)
    if review.status and review.status.allowed:
        return Finding(what="rights", is_good=True, message="you may make namespaces")
    remedy = "have one made for you, with the rights of docs/rights.yaml, and give --namespace"
    return _problem("rights", "you may not make namespaces", remedy, is_needed=False)


def _if_allowed(what: str, check: Callable[[Kube], Finding], kube: Kube) -> Finding:
    """Cluster-wide facts may be hidden from a user of one namespace; a run works without our seeing them."""
    try:
        return check(kube)
    except Forbidden:
        return _problem(what, "you may not look", "ask who looks after the cluster", is_needed=False)


def _storage(kube: Kube) -> Finding:
    from kubernetes import client

    with translated_errors("looking at the storage classes"):
        classes = client.StorageV1Api(kube.core.api_client).list_storage_class().items
    named = {str(one.metadata.name): (one.metadata.annotations or {}) for one in classes if one.metadata}
    default = [name for name, notes in named.items() if notes.get(_DEFAULT_CLASS) == "true"]
    if default:
        return Finding(what="storage class", is_good=True, message=f"{default[0]} is the default")
    if named:
        remedy = "make one the default, or name one in central_store.persistence.storage_class"
        return _problem("storage class", f"none of {', '.join(named)} is the default", remedy)
    return _problem("storage class", "there is none", "install one: a run's ledger needs a disk")


def _nodes(kube: Kube) -> Finding:
    with translated_errors("looking at the nodes"):
        nodes = kube.core.list_node(label_selector=ROLE).items
    if nodes:
        return Finding(what="node label", is_good=True, message=f"{len(nodes)} with {ROLE}")
    remedy = f"kubectl label node NAME {ROLE}, if you want to choose nodes by it"
    return _problem("node label", f"no node has {ROLE}", remedy, is_needed=False)


def _probe(kube: Kube, image: str, timeout_s: float) -> Iterator[Finding]:
    """Two pods in a separate namespace: can the image be pulled, and does a NetworkPolicy separate them?"""
    namespace = f"modelops-doctor-{uuid.uuid4().hex[:8]}"
    what, remedy = "image, NetworkPolicy", "have somebody try who may make namespaces"
    try:
        is_made = kube.ensure_namespace(namespace, {})
    except ModelOpsError as error:
        yield _problem(what, f"not tried: {error}", remedy, is_needed=False)
        return
    if not is_made:
        yield _problem(what, "not tried", remedy, is_needed=False)
        return
    try:
        yield from _probe_in(kube, namespace, image, time.monotonic() + timeout_s)
    finally:
        kube.delete_namespace(namespace)


def _probe_in(kube: Kube, namespace: str, image: str, give_up: float) -> Iterator[Finding]:
    with translated_errors("starting a pod"):
        kube.core.create_namespaced_pod(namespace, _pod("server", image, ["-c", _SERVE]))
    address, trouble = _wait_for_pod(kube, namespace, "server", give_up)
    if not address:
        yield _problem(
            "image", f"{image} cannot be run: {trouble}", "push it there, or give --image and --pull-secret to `up`"
        )
        return
    yield Finding(what="image", is_good=True, message=f"{image} runs")
    with translated_errors("starting a pod"):
        kube.core.create_namespaced_pod(namespace, _pod("client", image, ["-c", _CONNECT, address]))
    if not _keeps_answering(kube, namespace, "reached", give_up):
        yield _problem("network", "one pod cannot reach another", "look at the cluster's network plugin")
        return
    yield Finding(what="network", is_good=True, message="one pod reaches another")
    yield _policy(kube, namespace, give_up)


def _policy(kube: Kube, namespace: str, give_up: float) -> Finding:
    from kubernetes import client

    body: Any = {
        "metadata": {"name": "shut"},
        "spec": {"podSelector": {"matchLabels": {"probe": "server"}}, "policyTypes": ["Ingress"], "ingress": []},
    }
    with translated_errors("making a NetworkPolicy"):
        client.NetworkingV1Api(kube.core.api_client).create_namespaced_network_policy(namespace, body)
    if _keeps_answering(kube, namespace, "shut out", min(give_up, time.monotonic() + 60)):
        return Finding(what="NetworkPolicy", is_good=True, message="enforced")
    remedy = "without a plugin that enforces them (Calico, Cilium), every pod of the cluster can reach scheduler and Postgres"
    return _problem("NetworkPolicy", "not enforced", remedy, is_needed=False)


def _pod(name: str, image: str, args: list[str]) -> Any:
    container = {
        "name": "probe",
        "image": image,
        "command": ["python"],
        "args": args,
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    return {
        "metadata": {"name": name, "labels": {"probe": name}},
        "spec": {
            "containers": [container],
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        },
    }


def _wait_for_pod(kube: Kube, namespace: str, name: str, give_up: float) -> tuple[str, str]:
    """(its address, "") once it runs; ("", why not) otherwise."""
    troubles = 0
    while True:
        with translated_errors("looking at a pod"):
            pod: Any = kube.core.read_namespaced_pod(name, namespace)
        state = state_of(pod)
        troubles = troubles + 1 if state.trouble else 0
        if state.is_ready and pod.status.pod_ip:
            return str(pod.status.pod_ip), ""
        if troubles > 10 or state.exit_code is not None or time.monotonic() > give_up:
            return "", state.trouble or state.state
        time.sleep(1)


def _keeps_answering(kube: Kube, namespace: str, word: str, give_up: float) -> bool:
    """Whether the client prints `word` several times in a row before `give_up`."""
    from kubernetes.client import ApiException

    while time.monotonic() < give_up:
        try:
            log = kube.core.read_namespaced_pod_log("client", namespace, tail_lines=_IN_A_ROW) or ""
        except ApiException:
            log = ""  # not running yet
        if log.splitlines() == [word] * _IN_A_ROW:
            return True
        time.sleep(1)
    return False
