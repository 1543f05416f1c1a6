"""A run's own database on a managed server: its name, its Job, and what opens the way to it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from modelops_runtime.contracts.errors import UserError
from mops.adaptive.database import (
    RunDatabase,
    admin_server,
    database_name,
    networks_of,
    refuse_another_runs_secret,
    run_database,
)
from mops.adaptive.database_job import connection_entries, database_job, pod_from_worker
from mops.adaptive.release_ref import RunRef
from mops.charts.adaptive_run import AdaptiveRunValues
from mops.cluster.access import Access
from mops.cluster.errors import ClusterError
from mops_azure.bindings import DatabaseBinding

PLACE = RunRef(run_id="my-run", namespace="modelops-run-my-run")
SERVER = DatabaseBinding(
    host="anna.postgres.database.azure.com",
    port=5432,
    database="modelops",
    admin="boss",
    password="Hidden-1",
    cluster="aks",
)
RUN = RunDatabase(
    secret="ledger",
    name=database_name("aks", PLACE),
    host=SERVER.host,
    port=5432,
    is_created=True,
    password="Hidden-2",
    pod={},
)
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
    places = [PLACE, RunRef(run_id="my-run", namespace="elsewhere"), RunRef(run_id="my_run", namespace=PLACE.namespace)]
    names = {database_name(cluster, place) for cluster in ("one", "two") for place in places}
    assert len(names) == 6
    assert database_name("one", PLACE) == database_name("one", PLACE)
    longest = database_name("one", RunRef(run_id="r" * 63, namespace="n"))
    assert len(longest) <= 63  # letters of a name in Postgres


def test_the_job_is_as_restricted_as_a_worker_and_knows_nothing_of_the_run():
    pod = pod_from_worker(WORKER)
    (container,) = pod["containers"]
    assert (container["image"], container["imagePullPolicy"]) == ("registry.test/adaptive-worker:1", "IfNotPresent")
    assert container["securityContext"] == {"readOnlyRootFilesystem": True}
    assert pod["securityContext"] == {"runAsNonRoot": True}
    assert (pod["imagePullSecrets"], pod["tolerations"]) == ([{"name": "pull"}], [{"key": "spot"}])
    assert pod["automountServiceAccountToken"] is False
    assert not {"env", "args", "volumeMounts"} & set(container)
    assert not {"serviceAccountName", "volumes", "nodeSelector"} & set(pod)


@pytest.mark.parametrize("what", ["make", "drop"])
@pytest.mark.parametrize("has_ca", [True, False])
def test_all_that_the_job_is_told_comes_from_a_secret(what: str, has_ca: bool):
    spec = database_job(pod_from_worker(WORKER), what, "my-run-database-abc", has_ca=has_ca)["spec"]["template"]
    (container,) = spec["spec"]["containers"]
    assert container["command"][:4] == ["python", "-m", "modelops_runtime.ledger.provision", what]
    assert {one["valueFrom"]["secretKeyRef"]["name"] for one in container["env"]} == {"my-run-database-abc"}
    assert {one["name"] for one in container["env"]} >= {"PGPASSWORD", "MODELOPS_DATABASE_PASSWORD"}
    assert [one["secret"]["secretName"] for one in spec["spec"]["volumes"]] == ["my-run-database-abc"] * has_ca
    assert (
        "app.kubernetes.io/instance" not in spec["metadata"]["labels"]
    )  # the run's pods, and its policies, are others


def test_the_chart_takes_what_opens_the_way():
    networks = networks_of(SERVER.host, {"203.0.113.7", "2001:db8::7"})
    assert networks == ["2001:db8::7/128", "203.0.113.7/32"]
    assert AdaptiveRunValues.of({"centralStore": {"cidrs": networks}}).central_store.cidrs == networks
    with pytest.raises(ClusterError, match=SERVER.host):
        networks_of(SERVER.host, set())


@pytest.mark.parametrize("wrong", ["203.0.113.7", "db.example.org", "203.0.113.7/32/1", ""])
def test_what_no_policy_takes_is_refused_before_anything_is_installed(wrong: str):
    with pytest.raises(ValidationError, match="cidrs"):
        AdaptiveRunValues.model_validate({"centralStore": {"cidrs": [wrong]}})


def test_a_database_is_dropped_by_its_servers_admin_alone():
    with pytest.raises(UserError, match="needs the server's admin; give --infra azure"):
        admin_server(Access(), PLACE, RUN)
    assert admin_server(Access(database=lambda: SERVER), PLACE, RUN) == SERVER
    assert admin_server(Access(database=lambda: None), PLACE, RUN) is None
    with pytest.raises(UserError, match="give the --config that it is of"):
        admin_server(Access(database=lambda: SERVER), PLACE, replace(RUN, host="other.example.org"))


@pytest.mark.parametrize("place", [replace(PLACE, namespace="copied-to"), replace(PLACE, run_id="other")])
def test_a_copied_secret_does_not_drop_the_database_of_whom_it_was_copied_from(place: RunRef):
    with pytest.raises(UserError, match="none of this run on this cluster"):
        admin_server(Access(database=lambda: SERVER), place, RUN)


def test_another_runs_secret_is_not_shared_and_a_users_own_is_taken():
    refuse_another_runs_secret("ledger", {"app.kubernetes.io/component": "mine"})
    with pytest.raises(UserError, match="Secret ledger is of run 'first'; write another existing_secret"):
        refuse_another_runs_secret(
            "ledger", {"app.kubernetes.io/component": "managed-database", "app.kubernetes.io/instance": "first"}
        )


DATA = {
    key: b64encode(text).decode() for key, text in connection_entries("h", 5432, "n", "n", "Hidden-2", None).items()
}
NOTES = {"modelops.io/pod": "{}", "modelops.io/database": "made"}


def test_what_a_secret_says_is_read_and_its_password_not_shown():
    read = run_database("ledger", NOTES, DATA)
    assert (read.name, read.host, read.port, read.is_created, read.password) == ("n", "h", 5432, True, "Hidden-2")
    assert "Hidden-2" not in repr(read)
    assert not run_database("ledger", NOTES | {"modelops.io/database": "wanted"}, DATA).is_created


@pytest.mark.parametrize(
    ("annotations", "data"),
    [
        (None, DATA),
        (NOTES, None),
        ({**NOTES, "modelops.io/pod": "{"}, DATA),
        (NOTES, {**DATA, "PGPORT": b64encode(b"x").decode()}),
        (NOTES, {**DATA, "PGHOST": "!"}),
        (NOTES, {key: text for key, text in DATA.items() if key != "PGPASSWORD"}),
    ],
)
def test_a_spoiled_secret_is_named_in_one_line(annotations: dict[str, str] | None, data: dict[str, str] | None):
    with pytest.raises(UserError, match="is spoiled; delete it"):
        run_database("ledger", annotations, data)
