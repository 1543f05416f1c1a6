"""No secret is anywhere but in its Secret and in the pods that need it: in no form that hides it from a plain search."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import yaml

from tests.cluster.conftest import Cluster, new_namespace
from tests.cluster.runs import install_endless_run

pytestmark = pytest.mark.cluster
KINDS = "all,configmaps,networkpolicies,pvc,serviceaccounts,poddisruptionbudgets,events"
PSQL = "PATH=$(echo /usr/lib/postgresql/*/bin):$PATH {} -h /run/postgresql -U postgres"
PLANT = """
apiVersion: v1
kind: Pod
metadata: {{name: planted, labels: {{app: planted}}}}
spec:
  automountServiceAccountToken: false
  securityContext: {{runAsNonRoot: true, runAsUser: 10001, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
    - name: planted
      image: registry.test/helper:1
      imagePullPolicy: Never
      command: [sh, -c, 'while read -r line; do echo "$line"; done < /planted/log; sleep infinity', {cmdline}]
      volumeMounts: [{{name: planted, mountPath: /planted}}]
      securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}
  volumes: [{{name: planted, secret: {{secretName: planted}}}}]
"""


def forms(secret: bytes) -> set[bytes]:
    """The secret as it is, URL-encoded, and in base64 wherever it may lie in what was encoded."""
    found = {secret, quote(secret, safe="").encode(), quote_plus(secret).encode()}
    for before in range(3):
        coded = base64.b64encode(bytes(before) + secret).rstrip(b"=")
        # The first and the last character also depend on what stood next to the secret.
        certain = coded[(8 * before + 5) // 6 : len(coded) - bool((before + len(secret)) % 3)]
        found |= {certain, certain.replace(b"+", b"-").replace(b"/", b"_"), quote(certain, safe="").encode()}
    return found


def _secrets(cluster: Cluster, namespaces: tuple[str, ...]) -> dict[str, bytes]:
    """The generated password, and of each private key a line from its middle."""
    found = {}
    for namespace in namespaces:
        for item in json.loads(cluster.kubectl("-n", namespace, "get", "secrets", "-o", "json"))["items"]:
            for key, value in item["data"].items():
                if key == "PGPASSWORD":
                    found[f"{namespace}/{item['metadata']['name']}/{key}"] = base64.b64decode(value)
                if key in ("tls.key", "ca.key"):
                    found[f"{namespace}/{item['metadata']['name']}/{key}"] = base64.b64decode(value).splitlines()[9]
    return found


def _places(cluster: Cluster, run: str, workspace: str) -> Iterator[tuple[str, bytes]]:
    for release, namespace in (("run", run), ("ws", workspace)):
        of = (release, "-n", namespace)
        yield f"values of {release}", cluster.helm("get", "values", *of, "--all").encode()
        documents = yaml.safe_load_all(cluster.helm("get", "manifest", *of))
        yield f"manifest of {release}", yaml.safe_dump_all(d for d in documents if d["kind"] != "Secret").encode()
        yield (
            f"hooks and notes of {release}",
            (cluster.helm("get", "hooks", *of) + cluster.helm("get", "notes", *of)).encode(),
        )
        yield f"objects of {release}", cluster.kubectl("-n", namespace, "get", KINDS, "-o", "json").encode()
        yield f"events of {release}", cluster.kubectl("-n", namespace, "events").encode()
        for pod in cluster.kubectl("-n", namespace, "get", "pods", "-o", "name").split():
            logs = cluster.kubectl("-n", namespace, "logs", pod, "--all-containers", "--prefix")
            yield f"log of {pod} of {release}", logs.encode()
    dump = ("-n", run, "exec", "run-postgres-0", "--", "sh", "-c", PSQL.format("pg_dump") + " modelops")
    yield "ledger", cluster.kubectl(*dump).encode()
    # A pod that is given the password may have it in its environment; nobody has it on a command line.
    given = (
        "-n",
        run,
        "get",
        "pods",
        "-l",
        "app.kubernetes.io/instance=run",
        "-o",
        "jsonpath={.items[*].metadata.uid}",
    )
    own = cluster.kubectl(*given).split()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
            groups = (process / "cgroup").read_text()
        except OSError:
            continue  # it has ended
        yield "command lines", command
        if not any(f"pod{uid}" in groups for uid in own):
            yield f"environment of {command[:40]!r}", environment


def _leaks(cluster: Cluster, run: str, workspace: str) -> set[tuple[str, str]]:
    """(place, secret) for each secret found where it should not be."""
    secrets = {name: forms(secret) for name, secret in _secrets(cluster, (run, workspace)).items()}
    assert {name.rpartition("/")[2] for name in secrets} == {"PGPASSWORD", "tls.key", "ca.key"}
    return {
        (place, name)
        for place, text in _places(cluster, run, workspace)
        for name, forms in secrets.items()
        if any(form in text for form in forms)
    }


def _plant(cluster: Cluster, run: str, workspace: str) -> None:
    secrets = _secrets(cluster, (run, workspace))
    password = secrets[f"{run}/run-postgres/PGPASSWORD"].decode()
    in_log = quote(b"key: " + secrets[f"{workspace}/ws-dask-ca/ca.key"], safe="")
    in_config = base64.b64encode(f"postgresql://modelops:{password}@host/db".encode()).decode()
    cluster.kubectl("-n", run, "create", "secret", "generic", "planted", f"--from-literal=log={in_log}\n")
    cluster.kubectl("-n", run, "create", "-f", "-", stdin=PLANT.format(cmdline=f"--password={password}"))
    cluster.kubectl("-n", run, "create", "configmap", "planted", f"--from-literal=url={in_config}")
    sql = f"CREATE TABLE modelops.planted AS SELECT 'dsn password={password}' AS provenance"
    cluster.kubectl(
        "-n", run, "exec", "-i", "run-postgres-0", "--", "sh", "-c", PSQL.format("psql") + " -q modelops", stdin=sql
    )
    cluster.kubectl("-n", run, "wait", "--for=condition=Ready", "pod/planted", "--timeout=600s")


def test_no_secret_is_found_anywhere_else_and_planted_ones_are(
    cluster: Cluster, workspace: str, tmp_path: Path
) -> None:
    with new_namespace(cluster) as run:
        install_endless_run(cluster, run, workspace, tmp_path)
        cluster.helm("test", "run", "-n", run)
        cluster.helm("test", "ws", "-n", workspace)
        assert _leaks(cluster, run, workspace) == set()
        _plant(cluster, run, workspace)
        password, key = f"{run}/run-postgres/PGPASSWORD", f"{workspace}/ws-dask-ca/ca.key"
        assert _leaks(cluster, run, workspace) == {
            ("log of pod/planted of run", key),
            ("objects of run", password),  # the ConfigMap, and the pod's own command
            ("command lines", password),
            ("ledger", password),
        }
