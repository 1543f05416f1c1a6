"""What the infra plane hands on: to `mops workspace up --infra azure`, and to a run's Secret."""

from __future__ import annotations

import os
import stat
import subprocess
from urllib.parse import urlsplit

import psycopg
import pytest

from modelops_runtime.contracts.errors import UserError
from mops_azure.bindings import (
    ClusterBinding,
    DatabaseBinding,
    cluster_binding,
    database_binding,
    kubeconfig_file,
    registry_binding,
)
from mops_azure.config import load_config
from mops_azure.database import ROLE_SQL, bootstrap, secret
from tests.azure.arm_server import ArmServer
from tests.azure.test_parts import ADMIN, PASSWORD
from tests.azure.test_use import TOKEN

ROLE = {"role": "run_sir", "password": 'it\'s a "run" password \\ $1'}


@pytest.fixture
def here(environment, monkeypatch):
    """The environment of the commands, for calls in this process."""
    for key, value in {**environment, **ADMIN}.items():
        monkeypatch.setenv(key, value)


def test_a_config_is_all_that_a_cluster_binding_needs(arm: ArmServer, config, mops_azure, here):
    path = config(acr={"enabled": True})
    with pytest.raises(UserError, match="there is no cluster"):
        cluster_binding(load_config(path))
    assert registry_binding(load_config(path)) is None
    assert mops_azure("create", "-y", config=path).returncode == 0
    binding = cluster_binding(load_config(path))
    assert TOKEN in binding.kubeconfig
    assert TOKEN not in repr(binding)
    assert binding.cluster_name == "modelops"
    assert binding.acr_login_server == f"{load_config(path).registry_name}.azurecr.io"
    registry = registry_binding(load_config(path))
    assert registry
    assert registry.login_server == binding.acr_login_server
    assert mops_azure("stop", config=path).returncode == 0
    with pytest.raises(UserError, match="mops-azure start"):
        cluster_binding(load_config(path))


def test_a_kubeconfig_file_is_for_its_owner_alone_and_goes(tmp_path):
    with kubeconfig_file(ClusterBinding(kubeconfig="apiVersion: v1\n")) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text() == "apiVersion: v1\n"
    assert not path.exists()


def test_a_managed_database_is_bound_with_its_admin(arm: ArmServer, config, mops_azure, here):
    path = config(postgres={"enabled": True, "name": "anna-db"})
    with pytest.raises(UserError, match="mops-azure create"):
        database_binding(load_config(path))
    assert mops_azure("create", "-y", config=path, env=ADMIN).returncode == 0
    binding = database_binding(load_config(path))
    assert binding.host == "anna-db.postgres.database.azure.com"
    assert (binding.admin, binding.password) == ("modelops_admin", PASSWORD)
    assert PASSWORD not in repr(binding)


def as_azure_has_it(postgres_url: str, admin: str) -> None:
    """The admin of a managed server is no superuser: it may make roles and databases, and owns its database."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        database = connection.execute("SELECT current_database()").fetchone()
        assert database
        connection.execute(f"CREATE ROLE {admin} LOGIN CREATEROLE CREATEDB PASSWORD '{PASSWORD}'")
        connection.execute(f'ALTER DATABASE "{database[0]}" OWNER TO {admin}')


def test_the_jobs_sql_makes_a_role_that_can_hold_a_ledger_and_no_more(postgres_url, tmp_path):
    admin = f"admin_{os.getpid()}"
    as_azure_has_it(postgres_url, admin)
    address = urlsplit(postgres_url)
    role = f"run_{os.getpid()}"
    environment = {
        **os.environ,
        "PGHOST": address.hostname or "",
        "PGPORT": str(address.port),
        "PGDATABASE": address.path.lstrip("/"),
        "PGUSER": admin,
        "PGPASSWORD": PASSWORD,
        "PGROLE": role,
        "PGROLEPASSWORD": ROLE["password"],
    }
    (tmp_path / "role.sql").write_text(ROLE_SQL)
    for _ in range(2):  # a Job may run twice
        command = ["psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", str(tmp_path / "role.sql")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
    with psycopg.connect(
        host=address.hostname, port=address.port, dbname=address.path.lstrip("/"), user=role, password=ROLE["password"]
    ) as connection:
        connection.execute("CREATE TABLE trial (trial_id int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE ROLE another")


def test_no_password_is_in_the_jobs_template():
    binding = DatabaseBinding(host="h", port=5432, database="modelops", admin="a", password=PASSWORD)
    run = secret(binding, name="sir-store", namespace="modelops-run-sir", **ROLE)
    assert set(run["stringData"]) == {"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD"}
    admin, job = bootstrap(binding, name="sir-store", namespace="modelops-run-sir", image="postgres:17")
    assert admin["stringData"]["PGPASSWORD"] == PASSWORD
    assert PASSWORD not in str(job)
    assert ROLE["password"] not in str(job)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert {
        "name": "PGSSLMODE",
        "valueFrom": {"secretKeyRef": {"name": "sir-store-admin", "key": "PGSSLMODE"}},
    } in container["env"]
