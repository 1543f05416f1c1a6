"""The managed parts: database, storage, identity, key vault, logs."""

from __future__ import annotations

import json

import pytest

from tests.azure import armtypes
from tests.azure.arm_parts import EGRESS, POD_PRINCIPAL
from tests.azure.arm_server import SUBSCRIPTION, ArmServer
from tests.azure.arm_shapes import type_of

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/modelops-anna"
PASSWORD = "Never-shown-42"
ADMIN = {"MODELOPS_POSTGRES_PASSWORD": PASSWORD}
ALL = {
    "acr": {"enabled": True},
    "postgres": {"enabled": True, "name": "anna-db"},
    "storage": {"enabled": True, "name": "annastore"},
    "identity": {"enabled": True, "service_accounts": ["modelops-run-sir:sir-adaptive", "modelops-run-seir:x"]},
    "key_vault": {"enabled": True, "name": "anna-vault"},
    "logs": {"enabled": True},
}


@pytest.mark.parametrize("hidden", [True, False])
def test_all_parts_are_made_and_a_second_run_sends_nothing(arm: ArmServer, config, mops_azure, hidden):
    arm.servers_hidden = hidden
    path = config(**ALL)
    made = mops_azure("create", "-y", config=path, env=ADMIN)
    assert made.returncode == 0, made.stderr
    assert arm.invalid == []
    kinds = {key.split("/")[-2] for key in arm.resources}
    assert {
        "flexibleservers",
        "databases",
        "firewallrules",
        "storageaccounts",
        "containers",
        "vaults",
        "workspaces",
    } <= kinds
    writes = len(arm.writes())
    again = mops_azure("create", "-y", config=path)  # without the password: the server is there
    assert again.returncode == 0, again.stderr
    assert "PostgreSQL 17, Standard_B2s, 32 GB that grow, TLS required" in made.stdout
    assert "Nothing to do" in again.stdout
    assert len(arm.writes()) == writes
    assert PASSWORD not in made.stdout + made.stderr


def test_the_loopback_shows_the_parts_as_the_published_types_have_them(arm: ArmServer, config, mops_azure):
    """Nothing was recorded of them: names, enumerations and what is read-only or write-only come from the types."""
    assert mops_azure("create", "-y", config=config(**ALL), env=ADMIN).returncode == 0
    shown = {id_: one for id_, one in arm.resources.items() if "/managedclusters/" not in id_}
    wrong = {}
    for id_, resource in shown.items():
        type_ = type_of(id_)
        (version,) = [one.partition("@")[2] for one in armtypes.resource_types() if one.startswith(f"{type_}@".lower())]
        wrong[id_] = armtypes.mistakes_of_answer(type_, version, resource)
    assert len(shown) > 15
    assert {id_: found for id_, found in wrong.items() if found} == {}


def test_pods_get_their_rights_and_the_cluster_alone_reaches_the_database(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config(**ALL), env=ADMIN).returncode == 0
    rights = [one["properties"] for key, one in arm.resources.items() if "/roleassignments/" in key]
    pods = [one["scope"].split("/")[-1] for one in rights if one["principalId"] == POD_PRINCIPAL]
    assert len(pods) == 3
    assert {"annastore", "anna-vault"} < set(pods)
    (rule,) = [one["properties"] for key, one in arm.resources.items() if "/firewallrules/" in key]
    assert rule == {"startIpAddress": EGRESS, "endIpAddress": EGRESS}
    subjects = [one["properties"]["subject"] for key, one in arm.resources.items() if "/federated" in key]
    assert "system:serviceaccount:modelops-run-sir:sir-adaptive" in subjects
    assert len(subjects) == 2


def test_a_changed_part_is_one_put_that_azure_takes(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config(**ALL), env=ADMIN).returncode == 0
    server = arm.resources[f"{GROUP}/providers/microsoft.dbforpostgresql/flexibleservers/anna-db"]
    server["properties"]["storage"]["storageSizeGB"] = 64  # it has grown by itself
    before = len(arm.writes())
    path = config(**{**ALL, "postgres": {**ALL["postgres"], "vm_size": "Standard_D2ds_v5"}})
    changed = mops_azure("create", "-y", config=path)
    assert changed.returncode == 0, changed.stderr
    assert "sku.name: Standard_B2s -> Standard_D2ds_v5" in changed.stdout
    (put,) = arm.writes()[before:]
    assert put.body["properties"]["storage"]["storageSizeGB"] == 64
    assert "administratorLoginPassword" not in put.body["properties"]
    assert mops_azure("plan", "--detailed-exitcode", config=path).returncode == 0


def test_changed_settings_of_the_other_parts_are_one_put_each(arm: ArmServer, config, mops_azure):
    some = {"storage": ALL["storage"], "key_vault": ALL["key_vault"], "logs": ALL["logs"]}
    assert mops_azure("create", "-y", config=config(**some)).returncode == 0
    vault = arm.resources[f"{GROUP}/providers/microsoft.keyvault/vaults/anna-vault"]
    vault["properties"]["enableRbacAuthorization"] = False  # somebody did that by hand
    before = len(arm.writes())
    path = config(
        storage={**ALL["storage"], "redundancy": "GRS"},
        key_vault={**ALL["key_vault"], "keep_deleted_days": 30},  # Azure never changes that
        logs={"enabled": True, "retention_days": 90},
    )
    changed = mops_azure("create", "-y", config=path)
    assert changed.returncode == 0, changed.stderr
    assert [one.path.split("/")[-1] for one in arm.writes()[before:]] == ["annastore", "anna-vault", "modelops"]
    assert "key vault anna-vault keeps softDeleteRetentionInDays 7: Azure never changes it" in changed.stdout
    assert arm.invalid == []
    assert mops_azure("plan", "--detailed-exitcode", config=path).returncode == 0


def test_tls_that_somebody_turned_off_is_turned_on_again(arm: ArmServer, config, mops_azure):
    path = config(postgres=ALL["postgres"])
    assert mops_azure("create", "-y", config=path, env=ADMIN).returncode == 0
    (setting,) = [one for key, one in arm.resources.items() if "/configurations/" in key]
    setting["properties"]["value"] = "off"
    healed = mops_azure("create", "-y", config=path)
    assert healed.returncode == 0, healed.stderr
    assert "value: off -> on" in healed.stdout
    (setting,) = [one for key, one in arm.resources.items() if "/configurations/" in key]
    assert setting["properties"]["value"] == "on"


@pytest.mark.parametrize(
    ("given", "said"), [({}, "is not set"), ({"MODELOPS_POSTGRES_PASSWORD": "simple"}, "too simple")]
)
def test_without_a_fit_password_nothing_is_made(arm: ArmServer, config, mops_azure, given, said):
    refused = mops_azure("create", "-y", config=config(postgres=ALL["postgres"]), env=given)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert arm.writes() == []


def test_a_part_of_others_is_never_changed(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config()).returncode == 0
    id_ = f"{GROUP}/providers/microsoft.storage/storageaccounts/annastore"
    arm.resources[id_] = {"id": id_, "name": "annastore", "type": "Microsoft.Storage/storageAccounts", "properties": {}}
    before = len(arm.writes())
    refused = mops_azure("create", "-y", config=config(storage=ALL["storage"]))
    assert refused.returncode == 2
    assert "set another name" in refused.stderr
    assert len(arm.writes()) == before


def test_delete_takes_the_parts_and_their_rights_and_a_vault_comes_back(arm: ArmServer, config, mops_azure):
    path = config(**ALL)
    assert mops_azure("create", "-y", config=path, env=ADMIN).returncode == 0
    listed = mops_azure("delete", "--dry-run", config=path)
    assert "flexibleServers anna-db, with all databases in it" in listed.stdout
    gone = mops_azure("delete", "-y", "--confirm", "modelops-anna", config=path)
    assert gone.returncode == 0, gone.stderr
    assert sorted(key.split("/")[-2] for key in arm.resources) == ["registries", "resourcegroups"]
    again = mops_azure("create", "-y", config=path, env=ADMIN)
    assert again.returncode == 0, again.stderr
    assert "it is recovered" in again.stderr


def test_the_password_is_in_no_plan(config, mops_azure, tmp_path):
    (tmp_path / "nothing.json").write_text("[]")
    planned = mops_azure("plan", "--json", "--against", "nothing.json", config=config(**ALL), env=ADMIN)
    assert planned.returncode == 0, planned.stderr
    assert len(json.loads(planned.stdout)["steps"]) == 21
    assert PASSWORD not in planned.stdout
