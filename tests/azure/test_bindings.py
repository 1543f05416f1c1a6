"""What the infra plane hands on: to `mops workspace up --infra azure`, and to a run's Secret."""

from __future__ import annotations

import stat

import pytest

from modelops_runtime.contracts.errors import UserError
from mops_azure.bindings import (
    ClusterBinding,
    cluster_binding,
    database_binding,
    kubeconfig_file,
    registry_binding,
)
from mops_azure.config import load_config
from tests.azure.arm_server import ArmServer
from tests.azure.test_parts import ADMIN, PASSWORD
from tests.azure.test_use import TOKEN


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
    assert database_binding(load_config(path)) is None
    assert mops_azure("create", "-y", config=path, env=ADMIN).returncode == 0
    binding = database_binding(load_config(path))
    assert binding
    assert binding.host == "anna-db.postgres.database.azure.com"
    assert (binding.admin, binding.password) == ("modelops_admin", PASSWORD)
    assert (binding.cluster, binding.ca) == ("modelops", None)
    assert PASSWORD not in repr(binding)


def test_a_private_ca_comes_from_its_file(arm: ArmServer, config, mops_azure, here, tmp_path):
    ca = tmp_path / "ca.pem"
    path = config(postgres={"enabled": True, "name": "anna-db", "ca_file": str(ca)})
    assert mops_azure("create", "-y", config=path, env=ADMIN).returncode == 0
    with pytest.raises(UserError, match="is no file with a certificate; give one in PEM"):
        database_binding(load_config(path))
    ca.write_text("-----BEGIN CERTIFICATE-----\n")
    binding = database_binding(load_config(path))
    assert binding
    assert binding.ca == ca.read_text()
    (server,) = (one for key, one in arm.resources.items() if key.split("/")[-2] == "flexibleservers")
    del server["properties"]["fullyQualifiedDomainName"]
    with pytest.raises(UserError, match="is not ready yet"):
        database_binding(load_config(path))
