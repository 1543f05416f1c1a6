"""`doctor`, `init` and `mops infra` against the loopback Azure."""

from __future__ import annotations

import stat
import subprocess
import sys

import pytest

from mops_azure.doctor import allowed
from tests.azure.arm_server import SUBSCRIPTION, TENANT, ArmServer
from tests.support.patience import PATIENCE_S


def sku(name: str, family: str, cores: int, **more: object) -> dict:
    return {
        "name": name,
        "resourceType": "virtualMachines",
        "family": family,
        "capabilities": [{"name": "vCPUs", "value": str(cores)}],
        "locationInfo": [{"location": "eastus2", "zones": ["1", "2"]}],
        "restrictions": [],
        **more,
    }


def usage(name: str, current: int, limit: int) -> dict:
    return {"name": {"value": name}, "currentValue": current, "limit": limit}


@pytest.fixture
def healthy(arm: ArmServer) -> ArmServer:
    arm.answers = {
        r"^/subscriptions/[^/]+$": {"displayName": "Research", "tenantId": TENANT, "state": "Enabled"},
        r"/microsoft.compute/skus$": {"value": [sku("Standard_D4s_v5", "standardDSv5Family", 4)]},
        r"/usages$": {"value": [usage("cores", 0, 100), usage("standardDSv5Family", 0, 100)]},
        r"/checknameavailability$": {"nameAvailable": True},
        r"/permissions$": {"value": [{"actions": ["*"], "notActions": []}]},
    }
    return arm


def test_a_healthy_subscription_has_no_problem(healthy, config, mops_azure):
    done = mops_azure("doctor", config=config(acr={"enabled": True}))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PROBLEM" not in done.stdout
    assert "Kubernetes 1.35.6, the default of eastus2" in done.stdout
    assert healthy.writes() == []


def test_spot_pools_are_held_against_the_quota_for_spot(healthy, config, mops_azure):
    healthy.answers[r"/usages$"] = {"value": [usage("cores", 96, 100), usage("lowPriorityCores", 0, 4)]}
    path = config(aks={"workload_pool": {"spot": True, "min": 1, "max": 2}, "system_pool": {"max": 1}})
    done = mops_azure("doctor", config=path)
    assert done.returncode == 0, done.stdout
    assert "ok       quota cores: 4 cores left, 4 needed at most" in done.stdout
    assert "warning  quota lowPriorityCores: 4 cores left, 8 needed at most" in done.stdout


@pytest.mark.parametrize(
    ("pattern", "answer", "said"),
    [
        (r"^/subscriptions/[^/]+$", {"tenantId": SUBSCRIPTION}, "another tenant"),
        (r"/microsoft.compute/skus$", {"value": []}, "does not exist in eastus2"),
        (
            r"/microsoft.compute/skus$",
            {"value": [sku("Standard_D4s_v5", "f", 4, restrictions=[{"type": "Location"}])]},
            "not open to this subscription",
        ),
        (r"/usages$", {"value": [usage("cores", 98, 100)]}, "2 cores left, 4 needed at least"),
        (r"/checknameavailability$", {"nameAvailable": False}, "set another acr.name"),
        (r"/permissions$", {"value": [{"actions": ["*/read"]}]}, "ask an owner of the subscription"),
        (
            r"/permissions$",
            {"value": [{"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"]}]},
            "roleAssignments/write",
        ),
    ],
)
def test_each_problem_is_a_line_with_its_remedy(healthy, config, mops_azure, pattern, answer, said):
    healthy.answers[pattern] = answer
    done = mops_azure("doctor", config=config(acr={"enabled": True}))
    assert done.returncode == 1
    (line, *_) = [one for one in done.stdout.splitlines() if one.startswith("PROBLEM")]
    assert said in line
    assert "; " in line


PARTS = {name: {"enabled": True} for name in ("postgres", "storage", "key_vault")}


def test_the_names_of_all_parts_are_asked_for(healthy, config, mops_azure):
    done = mops_azure("doctor", config=config(**PARTS))
    assert done.returncode == 0, done.stdout
    for kind in ("storage account", "database server", "key vault"):
        assert f"{kind} name " in done.stdout
    asked = [one.body["type"] for one in healthy.log if one.method == "POST"]
    assert asked == [
        "Microsoft.Storage/storageAccounts",
        "Microsoft.KeyVault/vaults",
        "Microsoft.DBforPostgreSQL/flexibleServers",
    ]
    healthy.answers[r"microsoft.storage/checknameavailability$"] = {
        "nameAvailable": False,
        "message": "The storage account named x is already taken.",
    }
    healthy.answers = dict(sorted(healthy.answers.items(), key=lambda item: "storage" not in item[0]))
    taken = mops_azure("doctor", config=config(**PARTS))
    assert taken.returncode == 1
    assert "already taken; set another storage.name" in taken.stdout


def test_programs_that_are_missing_are_told(healthy, config, mops_azure):
    done = mops_azure("doctor", config=config(), env={"PATH": "/nowhere"})
    assert done.returncode == 0
    assert "kubelogin is not there, and not needed" in done.stdout
    assert "helm is not there; install it" in done.stdout
    told = mops_azure("doctor", config=config(auth="use_azure_cli"), env={"PATH": "/nowhere"})
    assert told.returncode == 1
    assert "PROBLEM  the Azure CLI az is not there; install it" in told.stdout


def test_too_little_quota_for_the_maximum_is_a_warning(healthy, config, mops_azure):
    healthy.answers[r"/usages$"] = {"value": [usage("cores", 90, 100)]}
    done = mops_azure("doctor", config=config())
    assert done.returncode == 0
    assert "warning  quota cores: 10 cores left, 32 needed at most" in done.stdout


def test_a_version_that_is_gone_and_a_zone_that_is_none(healthy, config, mops_azure):
    done = mops_azure("doctor", config=config(aks={"version": "1.29.7", "workload_pool": {"zones": ["3"]}}))
    assert done.returncode == 1
    assert "Kubernetes 1.29.7 is not offered" in done.stdout
    assert "is not in zone 3" in done.stdout


def test_missing_providers_are_registered_on_request(healthy, config, mops_azure):
    healthy.unregistered = {"Microsoft.Network"}
    assert mops_azure("doctor", config=config()).returncode == 1
    assert healthy.unregistered == {"Microsoft.Network"}
    assert mops_azure("doctor", "--register", config=config()).returncode == 0
    assert healthy.unregistered == set()


def test_a_grant_is_not_widened_by_the_exception_of_another():
    granted = [
        {"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"]},
        {"actions": ["Microsoft.Authorization/*"]},
    ]
    assert allowed(granted, "Microsoft.Authorization/roleAssignments/write")
    assert not allowed(granted[:1], "Microsoft.Authorization/roleAssignments/write")


def test_init_writes_a_config_for_the_owner_alone_and_never_replaces_one(arm, mops_azure, tmp_path):
    path = tmp_path / "new" / "azure.yaml"
    args = ("init", "--subscription", SUBSCRIPTION, "--tenant", TENANT, "--location", "eastus2", "--no-registry")
    done = mops_azure(*args, config=path)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (tmp_path / "nothing.json").write_text("[]")
    assert mops_azure("plan", "--against", "nothing.json", config=path).returncode == 0
    text = path.read_text()
    again = mops_azure(*args, config=path)
    assert again.returncode == 2
    assert path.read_text() == text
    wrong = mops_azure(*args[:2], "abc", *args[3:], "--force", config=path)
    assert wrong.returncode == 2
    assert path.read_text() == text


def test_init_refuses_what_can_be_no_config_in_one_line(arm, mops_azure, tmp_path):
    ids = {"--subscription": SUBSCRIPTION, "--tenant": TENANT, "--location": "eastus2"}
    file = tmp_path / "azure.yaml"
    file.write_text("")
    for config, over, said in (
        (tmp_path, {}, f"{tmp_path}: this is a folder"),
        ("", {}, "this is a folder"),
        (file / "x" / "y", {}, f"{file / 'x' / 'y'}: it cannot be written"),
        ("~nobody-of-that-name/x", {}, "~nobody-of-that-name/x: there is no such user"),
        (file, {"--subscription": ""}, "--subscription is empty"),
        (file, {"--tenant": " "}, "--tenant is empty"),
        (file, {"--location": ""}, "--location is empty"),
    ):
        given = [part for option in {**ids, **over}.items() for part in option]
        refused = mops_azure("init", *given, "--no-registry", "--force", config=config)
        assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
        assert said in refused.stderr
    assert file.read_text() == ""
    nothing = mops_azure("plan", config="")
    assert (nothing.returncode, len(nothing.stderr.splitlines())) == (2, 1)


def test_mops_infra_is_the_same(arm, config, environment):
    path = str(config())
    for args in (("up", "-y"), ("status",), ("down", "-y", "--confirm", "modelops-anna")):
        code = "from mops.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, "infra", *args, "--config", path],
            env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert arm.resources == {}
