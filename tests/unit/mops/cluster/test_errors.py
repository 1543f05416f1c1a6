"""What Helm and Kubernetes say, in one line; what pods say; what would change."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.client import ApiException, V1Pod

from mops.cluster.certificates import LIFE, client_certificate, is_usable
from mops.cluster.changes import changes
from mops.cluster.errors import (
    ClusterError,
    Forbidden,
    WrongValues,
    explain_api,
    explain_helm,
    naming_files,
    translated_errors,
)
from mops.cluster.helm import version_problem
from mops.cluster.pods import PodState, state_of, waiting_text

SCHEMA = """Error: values don't meet the specifications of the schema(s) in the following chart(s):
adaptive-run:
- at '/workers/replicas': minimum: got 0, want 1
"""
CHECK = """Error: UPGRADE FAILED: execution error at (adaptive-run/templates/configmap.yaml:1:4): 
adaptive-run: run.spec is empty; give the run's adaptive.yaml
adaptive-run: dask.address is tls://
"""
CONFLICT = """Error: UPGRADE FAILED: conflict occurred while applying object x/ws-worker apps/v1, Kind=Deployment: Apply failed \
with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas
"""
FORBIDDEN = (
    'Error: query: failed to query with labels: secrets is forbidden: User "anna" cannot list resource "secrets" in API group'
    ' "" in the namespace "x"'
)


@pytest.mark.parametrize(
    ("stderr", "what", "then"),
    [
        ("Error: Kubernetes cluster unreachable: Get ...: connect: connection refused", "does not answer", "mops doctor"),
        (FORBIDDEN, "anna may not list secrets there", "--namespace"),
        ("Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress", "another helm", "again"),
        (f"level=DEBUG error={json.dumps(FORBIDDEN)}\nError: failed to delete: r", "may not list secrets there", "rights"),
        (SCHEMA, "'/workers/replicas': minimum: got 0, want 1", "--values"),
        (CHECK, "adaptive-run: run.spec is empty; give the run's adaptive.yaml adaptive-run: dask.address", "spec"),
        ('Error: Secret "a" in namespace "b" exists and cannot be imported into the current release', "Secret a", "--namespace"),
        (CONFLICT, ".spec.replicas of x/ws-worker was changed by kubectl", "--force-conflicts"),
        ("Error: context deadline exceeded", "too long", "--timeout"),
        ('Error: create: namespaces "x" not found', "there is no namespace x", "up"),
        ("Error: something new\n", "something new", "mops doctor"),
        ("", "helm says nothing", "mops doctor"),
    ],
)  # fmt: skip
def test_what_helm_says_becomes_a_line_and_a_next_step(stderr: str, what: str, then: str) -> None:
    means = explain_helm(stderr)
    assert what in means.what
    assert then in means.next_step
    assert means.is_users_mistake == (stderr in (SCHEMA, CHECK))


def helm_fails(stderr: str) -> None:
    from pyhelm3.errors import Error

    with translated_errors("rendering chart x"):
        raise Error(1, b"", stderr.encode())


@pytest.mark.parametrize("stderr", [SCHEMA, CHECK])
def test_values_that_a_chart_does_not_take_are_the_users_mistake(stderr: str) -> None:
    with pytest.raises(WrongValues, match=r"correct the spec, or --values$") as refused, naming_files(()):
        helm_fails(stderr)
    assert refused.value.exit_code == 2
    files, named = (Path("a.yaml"), Path("b.yaml")), r"rendering chart x: .*; correct the spec, or a\.yaml or b\.yaml$"
    with pytest.raises(WrongValues, match=named), naming_files(files):
        helm_fails(stderr)


def test_what_the_cluster_does_not_do_is_no_mistake_of_a_values_file() -> None:
    with pytest.raises(ClusterError, match="took too long") as failed, naming_files((Path("a.yaml"),)):
        helm_fails("Error: context deadline exceeded")
    assert failed.value.exit_code == 1
    assert "a.yaml" not in str(failed.value)


def test_a_refused_port_forward_says_which_right_is_missing() -> None:
    answer = json.dumps({"kind": "Status", "message": FORBIDDEN, "code": 403})
    with pytest.raises(Forbidden, match="reaching x: anna may not list secrets there"), translated_errors("reaching x"):
        raise ApiException(status=0, reason=f"Handshake status 403 Forbidden -+-+- {{'a': 'b'}} -+-+- {answer}")


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (
            'pods "a" is forbidden: exceeded quota: q, requested: pods=1, used: pods=9, limited: pods=9',
            "the namespace's quota q",
        ),
        ("pods is forbidden: the token expired, so you cannot", "pods is forbidden: the token expired, so you cannot"),
    ],
)
def test_of_a_403_only_what_the_api_server_says_so_is_explained(message: str, what: str) -> None:
    error = ApiException(status=403)
    error.body = json.dumps({"message": message})
    assert explain_api(error).what.startswith(what)


@given(st.text())
def test_whatever_helm_says_becomes_one_line(stderr: str) -> None:
    means = explain_helm(stderr)
    for text in (means.what, means.next_step):
        assert "\n" not in text
        assert text


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500])
def test_whatever_the_api_answers_becomes_one_line(status: int) -> None:
    error = ApiException(status=status, reason="Because")
    error.body = json.dumps({"message": "this\nand that"})
    means = explain_api(error)
    assert means.what
    assert means.next_step
    assert "\n" not in means.what + means.next_step


@pytest.mark.parametrize(
    ("version", "fits"),
    [
        ("4.2.4", True),
        ("4.3.1", True),
        ("4.2.3", False),
        ("5.0.0", False),
        ("3.21.0", False),
        (None, False),
        ("x", False),
    ],
)
def test_the_helm_that_is_taken(version: str | None, fits: bool) -> None:
    problem = version_problem(version)
    assert (problem is None) == fits
    assert problem is None or "install Helm 4.2.4 or later" in problem.remedy


def pod(status: dict[str, Any]) -> V1Pod:
    from kubernetes.client import ApiClient

    text = json.dumps(
        {"metadata": {"name": "p", "labels": {"app.kubernetes.io/component": "worker"}}, "status": status}
    )

    class Response:
        data = text

    return V1Pod.from_json(text) if hasattr(V1Pod, "from_json") else ApiClient().deserialize(Response(), "V1Pod")


def container(**more: Any) -> dict[str, Any]:
    return {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 0, **more}


PULL = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image\n  i"}}
CRASH = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
ENDED = {"terminated": {"exitCode": 2, "reason": "Error"}}


@pytest.mark.parametrize(
    ("status", "state", "trouble"),
    [
        ({"phase": "Pending"}, "Pending", ""),
        ({"phase": "Running", "containerStatuses": [container(ready=True, state={"running": {}})]}, "Ready", ""),
        ({"phase": "Pending", "containerStatuses": [container(state=PULL)]}, "ImagePullBackOff", "Back-off pulling image i"),
        ({"phase": "Running", "containerStatuses": [container(state=CRASH, lastState=ENDED)]}, "CrashLoopBackOff", "exit code 2"),
        ({"phase": "Failed", "containerStatuses": [container(state=ENDED)]}, "Error (exit code 2)", ""),
        ({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
          "message": "0/2 nodes"}]}, "Unschedulable: 0/2 nodes", ""),
    ],
)  # fmt: skip
def test_a_pods_state_in_a_few_words(status: dict[str, Any], state: str, trouble: str) -> None:
    seen = state_of(pod(status))
    assert seen.state == state
    assert trouble in seen.trouble
    assert bool(seen.trouble) == bool(trouble)
    assert seen.component == "worker"


def test_what_is_waited_for_is_named() -> None:
    def one(name: str, state: str) -> PodState:
        return PodState(name=name, component="worker", node="", state=state, is_ready=state == "Ready", restarts=0)

    assert waiting_text([]) == "no pod yet"
    assert waiting_text([one("a", "Ready"), one("b", "Succeeded")]) == "2 of 2 pods ready"
    assert waiting_text([one("a", "Ready"), one("b", "Pending")]) == "1 of 2 pods ready; Pending: b"


def resource(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}, **more}


def test_what_would_change_is_told_and_secrets_are_not() -> None:
    before = [resource("A", "stays"), resource("B", "goes"), resource("C", "x", spec={"n": 1, "l": [{"a": 1}]})]
    before += [resource("Secret", "s", data={"k": "b2xk"})]
    after = [resource("A", "stays"), resource("C", "x", spec={"n": 2, "l": [{"a": 2}]}), resource("D", "new")]
    after += [resource("Secret", "s", data={"k": "bmV3"})]
    assert changes(before, after) == ["+ D/new", "~ C/x  spec.n: 1 -> 2, spec.l[0].a: 1 -> 2", "- B/goes"]
    assert changes(after, after) == []


def authority(days: int) -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier(b"any other hash of it"), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private


@pytest.mark.parametrize("days", [30, 3650])
def test_a_certificate_is_good_until_it_is_to_be_renewed(days: int) -> None:
    from cryptography import x509

    (ca, key), (other, _), now = authority(days), authority(days), datetime.now(UTC)
    certificate, _ = client_certificate(
        ca, key, "a-namespace-of-forty-letters-and-more/a-release-of-forty-letters", now
    )
    assert is_usable(certificate, ca, now)
    assert not is_usable(certificate, other, now)
    made, of_ca = x509.load_pem_x509_certificate(certificate), x509.load_pem_x509_certificate(ca)
    assert made.not_valid_after_utc <= of_ca.not_valid_after_utc
    by = made.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert by.key_identifier == of_ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    later = now + LIFE - timedelta(days=10)
    assert is_usable(certificate, ca, later) == (days < 365), "a CA that ends as soon signs no better one"
