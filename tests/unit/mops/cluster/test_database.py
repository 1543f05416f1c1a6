"""A run's own database on a managed server: its name, its Job, and what opens the way to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelops_runtime.contracts.errors import UserError
from mops.adaptive.database import RunDatabase, database_job, database_name, opened, pod_like, server_of
from mops.adaptive.place import Place
from mops.charts.adaptive_run import AdaptiveRunValues
from mops.kube.access import Access
from mops.kube.errors import ClusterError
from mops_azure.bindings import DatabaseBinding

PLACE = Place(run_id="my-run", namespace="modelops-run-my-run")
SERVER = DatabaseBinding(
    host="anna.postgres.database.azure.com",
    port=5432,
    database="modelops",
    admin="boss",
    password="Hidden-1",
    cluster="aks",
)
RUN = RunDatabase(secret="store", name="my_run_12345678", host=SERVER.host, port=5432, pod={})
WORKER: dict[str, Any] = {
    "spec": {
        "template": {
            "spec": {
                "serviceAccountName": "my-run-adaptive",
                "imagePullSecrets": [{"name": "pull"}],
                "nodeSelector": {},
                "tolerations": [{"key": "spot"}],
                "securityContext": {"runAsNonRoot": True},
                "volumes": [{"name": "run"}],
                "containers": [
                    {
                        "name": "worker",
                        "image": "registry.test/adaptive-worker:1",
                        "imagePullPolicy": "IfNotPresent",
                        "args": ["--spec=adaptive.yaml"],
                        "env": [{"name": "PGPASSWORD"}],
                        "securityContext": {"readOnlyRootFilesystem": True},
                        "volumeMounts": [{"name": "run"}],
                    }
                ],
            }
        }
    }
}


def test_each_run_of_each_cluster_has_a_name_of_its_own_for_good():
    places = [PLACE, Place(run_id="my-run", namespace="elsewhere"), Place(run_id="my_run", namespace=PLACE.namespace)]
    names = {database_name(cluster, place) for cluster in ("one", "two") for place in places}
    assert len(names) == 6
    assert database_name("one", PLACE) == database_name("one", PLACE)
    longest = database_name("one", Place(run_id="r" * 63, namespace="n"))
    assert len(longest) <= 63  # letters of a name in Postgres


def test_the_job_is_as_restricted_as_a_worker_and_knows_nothing_of_the_run():
    pod = pod_like(WORKER)
    (container,) = pod["containers"]
    assert (container["image"], container["imagePullPolicy"]) == ("registry.test/adaptive-worker:1", "IfNotPresent")
    assert container["securityContext"] == {"readOnlyRootFilesystem": True}
    assert pod["securityContext"] == {"runAsNonRoot": True}
    assert (pod["imagePullSecrets"], pod["tolerations"]) == ([{"name": "pull"}], [{"key": "spot"}])
    assert pod["automountServiceAccountToken"] is False
    assert not {"env", "args", "volumeMounts"} & set(container)
    assert not {"serviceAccountName", "volumes", "nodeSelector"} & set(pod)


@pytest.mark.parametrize("what", ["make", "drop"])
def test_all_that_the_job_is_told_comes_from_a_secret(what: str):
    job = database_job(pod_like(WORKER), what, "my-run-database-abc")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"][:4] == ["python", "-m", "modelops_runtime.ledger.provision", what]
    assert {one["valueFrom"]["secretKeyRef"]["name"] for one in container["env"]} == {"my-run-database-abc"}
    assert "PGPASSWORD" in {one["name"] for one in container["env"]}
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert "app.kubernetes.io/instance" not in labels  # the run's pods, and its policies, are others


def test_the_chart_takes_what_opens_the_way():
    values = opened(RUN, lambda host: {"203.0.113.7", "2001:db8::7"})
    assert values == {"centralStore": {"cidrs": ["2001:db8::7/128", "203.0.113.7/32"], "port": 5432}}
    AdaptiveRunValues.model_validate(values)
    with pytest.raises(ClusterError, match=SERVER.host):
        opened(RUN, lambda host: set())


def test_a_database_is_dropped_by_its_servers_admin_alone():
    with pytest.raises(UserError, match="give --infra azure, or leave --purge out"):
        server_of(Access(), PLACE, RUN)
    assert server_of(Access(database=lambda: SERVER), PLACE, RUN) == SERVER
    moved = RunDatabase(secret="store", name="x", host="other.example.org", port=5432, pod={})
    with pytest.raises(UserError, match="give the --config that it is of") as caught:
        server_of(Access(database=lambda: SERVER), PLACE, moved)
    assert SERVER.password not in str(caught.value)
    assert SERVER.password not in json.dumps(database_job(pod_like(WORKER), "make", "x"))
