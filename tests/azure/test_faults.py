"""Azure fails in all the ways it is known to: the user gets there, or gets one line with what to do."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from mops_azure.errors import MEANINGS, AzureError, from_reply
from tests.azure.arm_http import Fault
from tests.azure.arm_server import SECRET, SUBSCRIPTION, ArmServer
from tests.support.steering import NASTY, steering

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/modelops-anna"
CLUSTER = f"{GROUP}/providers/microsoft.containerservice/managedclusters/modelops"
ON_CLUSTER = r"/managedclusters/modelops$"
POLL = r"^/operations/"
GATEWAY = {"error": {"code": "GatewayTimeout", "message": "The gateway did not receive a response."}}

HEALED = {
    "reset before Azure took the PUT": Fault("PUT", ON_CLUSTER, reset="before"),
    "reset after Azure took the PUT": Fault("PUT", ON_CLUSTER, reset="after"),
    "reset of a poll": Fault("GET", POLL, reset="before"),
    "429 with Retry-After on a PUT": Fault(
        "PUT", ON_CLUSTER, 429, {"error": {"code": "Throttled", "message": "slow"}}, {"Retry-After": "1"}
    ),
    "429 without Retry-After on a PUT": Fault(
        "PUT", ON_CLUSTER, 429, {"error": {"code": "Throttled", "message": "slow"}}
    ),
    "429 of the identity service on a PUT": Fault(
        "PUT", ON_CLUSTER, 429, {"code": "FailedIdentityOperation", "message": "Retry after 2 seconds"}
    ),
    "500 on a PUT": Fault(
        "PUT", ON_CLUSTER, 500, {"code": "GetVnetError", "message": "Get virtual network failed."}, times=2
    ),
    "500 on a poll": Fault("GET", POLL, 500, {"error": {"code": "InternalServerError", "message": "x"}}),
    "502 on a poll": Fault("GET", POLL, 502, {"error": {"code": "BadGatewayConnection", "message": "x"}}),
    "504 on a poll, five times": Fault("GET", POLL, 504, GATEWAY, times=5),
    "404 on a poll": Fault("GET", POLL, 404, {"error": {"code": "NotFound", "message": "x"}}, times=99),
    "the principal is not known yet": Fault(
        "PUT",
        r"/roleassignments/",
        400,
        {"error": {"code": "PrincipalNotFound", "message": "Principal x does not exist"}},
        times=3,
    ),
}


@pytest.mark.parametrize("name", HEALED)
def test_a_passing_fault_is_healed(arm: ArmServer, config, mops_azure, name):
    fault = HEALED[name]
    arm.faults = [Fault(**{**vars(fault), "seen": 0})]
    done = mops_azure("create", "-y", config=config(acr={"enabled": True}))
    assert done.returncode == 0, done.stderr
    assert arm.faults[0].seen >= 1
    assert arm.resources[CLUSTER]["properties"]["provisioningState"] == "Succeeded"
    assert any("/roleassignments/" in key for key in arm.resources)


def refusal(code: str, message: str, *, bare: bool = False) -> object:
    body = {"code": code, "message": message, "details": None, "subcode": ""}
    return body if bare else {"error": {"code": code, "message": message}}


REFUSED = {
    "quota": (
        400,
        refusal("ErrCode_InsufficientVCPUQuota", "Insufficient vcpu quota requested 8, remaining 2", bare=True),
        "Usage + quotas",
    ),
    "size": (
        400,
        refusal(
            "BadRequest",
            "The VM size of Standard_D4s_v5 is not allowed in your subscription in location 'eastus2'.",
            bare=True,
        ),
        "vm_size",
    ),
    "version": (
        400,
        refusal("AgentPoolK8sVersionNotSupported", "Version 1.29.7 is not supported in this region.", bare=True),
        "aks.version",
    ),
    "policy": (403, refusal("RequestDisallowedByPolicy", "Resource 'modelops' was disallowed by policy."), "policy"),
    "provider": (
        409,
        refusal("MissingSubscriptionRegistration", "The subscription is not registered to use namespace 'x'."),
        "doctor --register",
    ),
    "rights": (
        403,
        refusal("AuthorizationFailed", "The client does not have authorization to perform action 'x'"),
        "owner",
    ),
    "tenant": (
        401,
        refusal("InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer"),
        "az account show",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_one_line_with_a_remedy(arm: ArmServer, config, mops_azure, name):
    status, body, remedy = REFUSED[name]
    arm.faults = [Fault("PUT", ON_CLUSTER, status, body, times=99)]
    refused = mops_azure("create", "-y", config=config())
    assert refused.returncode == 1
    (line,) = [one for one in refused.stderr.splitlines() if not one.startswith("[")]
    assert remedy in line
    assert "{" not in line
    assert SECRET not in refused.stderr


def test_a_failed_operation_says_why_and_the_next_run_repairs_it(arm: ArmServer, config, mops_azure):
    error = {"code": "QuotaExceeded", "message": "exceeding approved Total Regional Cores quota"}
    arm.outcome[CLUSTER] = {"status": "Failed", "error": error}
    failed = mops_azure("create", "-y", config=config())
    assert failed.returncode == 1
    assert "Usage + quotas" in failed.stderr
    repaired = mops_azure("create", "-y", config=config())
    assert repaired.returncode == 0, repaired.stderr
    assert "provisioningState: Failed -> Succeeded" in repaired.stdout


def test_a_cancelled_operation_says_so(arm: ArmServer, config, mops_azure):
    arm.outcome[CLUSTER] = {"status": "Canceled"}
    failed = mops_azure("create", "-y", config=config())
    assert failed.returncode == 1
    assert "run the same command again" in failed.stderr
    assert mops_azure("create", "-y", config=config()).returncode == 0


def test_a_cluster_that_reports_failure_yet_finishes_is_a_success(arm: ArmServer, config, mops_azure):
    error = {"code": "InternalOperationError", "message": "x"}
    arm.outcome[CLUSTER] = {"status": "Failed", "error": error, "state": "Succeeded"}
    done = mops_azure("create", "-y", config=config())
    assert done.returncode == 0, done.stderr


def test_a_change_that_azure_takes_back_says_why_and_is_sent_once(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config()).returncode == 0
    pool = f"{CLUSTER}/agentpools/workcpu"
    arm.outcome[pool] = {
        "status": "Failed",
        "state": "Succeeded",
        "error": {"code": "QuotaExceeded", "message": "quota"},
    }

    def take_back(_: int) -> None:
        pools = arm.resources[CLUSTER]["properties"]["agentPoolProfiles"]
        next(one for one in pools if one["name"] == "workcpu")["maxCount"] = 5

    arm.on_request = take_back
    before = len(arm.writes())
    failed = mops_azure("create", "-y", config=config(aks={"workload_pool": {"max": 9}}))
    assert failed.returncode == 1
    assert "Usage + quotas" in failed.stderr
    assert len(arm.writes()) == before + 1


def test_a_stop_that_azure_takes_back_says_why(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config()).returncode == 0
    arm.outcome[CLUSTER] = {
        "status": "Failed",
        "state": "Succeeded",
        "error": {"code": "Stuck", "message": "a pod stays"},
    }
    arm.on_request = lambda _: arm.resources[CLUSTER]["properties"].update(powerState={"code": "Running"})
    failed = mops_azure("stop", config=config())
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "a pod stays (Stuck)" in failed.stderr


def test_a_token_that_expires_while_waiting_is_renewed(arm: ArmServer, config, mops_azure):
    arm.token_life_s, arm.polls = 2.0, 6
    done = mops_azure("create", "-y", config=config())
    assert done.returncode == 0, done.stderr
    assert len(arm.tokens) > 1


def test_a_wrong_secret_is_one_line(arm: ArmServer, config, mops_azure):
    refused = mops_azure("create", "-y", config=config(), env={"AZURE_CLIENT_SECRET": "wrong-and-not-shown"})
    assert refused.returncode == 2
    assert "that the secret is right" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert "wrong-and-not-shown" not in refused.stderr


def test_providers_are_registered_before_the_first_cluster(arm: ArmServer, config, mops_azure):
    arm.unregistered = {"Microsoft.ContainerService"}
    done = mops_azure("create", "-y", config=config())
    assert done.returncode == 0, done.stderr
    assert arm.unregistered == set()


def test_no_right_to_assign_leaves_a_cluster_and_the_line_to_hand_on(arm: ArmServer, config, mops_azure):
    arm.faults = [Fault("PUT", r"/roleassignments/", 403, refusal("AuthorizationFailed", "no authorization"), times=99)]
    refused = mops_azure("create", "-y", config=config(acr={"enabled": True}))
    assert refused.returncode == 1
    assert "az role assignment create --assignee-object-id 00000000-0000-0000-0000-0000000000dd" in refused.stderr
    assert arm.resources[CLUSTER]["properties"]["provisioningState"] == "Succeeded"


def denied(action: str, scope: str) -> object:
    """As Azure words it."""
    return refusal(
        "AuthorizationFailed",
        f"The client 'anna@example.org' with object id '{OBJECT}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials.",
    )


OBJECT = "00000000-0000-0000-0000-0000000000cc"
PARTS = {
    "acr": {"enabled": True},
    "storage": {"enabled": True, "name": "annastore"},
    "key_vault": {"enabled": True, "name": "anna-vault"},
    "identity": {"enabled": True, "service_accounts": ["a:b"]},
    "lock": True,
}


@pytest.mark.parametrize(
    ("path", "action", "without"),
    [
        (r"/locks/", "Microsoft.Authorization/locks/write", "/locks/"),
        (r"/registries/[^/]*/.*/roleassignments/", "Microsoft.Authorization/roleAssignments/write", "none"),
        (r"/storageaccounts/annastore$", "Microsoft.Storage/storageAccounts/write", "/storageaccounts/"),
        (r"/vaults/anna-vault$", "Microsoft.KeyVault/vaults/write", "/vaults/"),
        (r"-registry$", "Microsoft.Resources/subscriptions/resourceGroups/write", "registry"),
    ],
)
def test_one_call_without_its_right_is_named_and_all_else_happens(
    arm: ArmServer, config, mops_azure, path, action, without
):
    arm.faults = [Fault("PUT", path, 403, denied(action, GROUP), times=99)]
    made = mops_azure("create", "-y", config=config(**PARTS))
    assert made.returncode == 1
    assert action in made.stderr
    assert "az role assignment create --assignee" in made.stderr
    assert arm.resources[CLUSTER]["properties"]["provisioningState"] == "Succeeded"
    kinds = ["/storageaccounts/annastore", "/containers/", "/vaults/anna-vault", "/federatedidentity", "/locks/"]
    for kind in kinds:
        is_there = any(kind in key for key in arm.resources)
        assert is_there == (without not in kind and not (without == "/storageaccounts/" and kind == "/containers/")), (
            kind
        )
    arm.faults = []
    done = mops_azure("create", "-y", config=config(**PARTS))
    assert done.returncode == 0, done.stderr


def test_a_database_without_its_right_takes_only_what_is_in_it_along(arm: ArmServer, config, mops_azure):
    action = "Microsoft.DBforPostgreSQL/flexibleServers/write"
    arm.faults = [Fault("PUT", r"/flexibleservers/", 403, denied(action, GROUP), times=99)]
    env = {"MODELOPS_POSTGRES_PASSWORD": "Never-shown-42"}
    made = mops_azure("create", "-y", config=config(**PARTS, postgres={"enabled": True}), env=env)
    assert made.returncode == 1
    (line,) = [one for one in made.stderr.splitlines() if not one.startswith("[")]
    assert f"the right to {action}" in line
    sent = [one.path.lower() for one in arm.writes() if "/flexibleservers/" in one.path.lower()]
    assert len(sent) == 1  # no database, setting or rule of a server that is not there
    assert sum("/roleassignments/" in key for key in arm.resources) == 4


def test_what_may_not_be_read_is_left_alone_and_all_else_happens(arm: ArmServer, config, mops_azure):
    """Whether a registry, a vault or a server that nobody shows us is ours is not known."""
    assert mops_azure("create", "-y", config=config()).returncode == 0
    before = len(arm.writes())
    arm.faults = [
        Fault(
            "GET", r"-registry$", 403, denied("Microsoft.Resources/subscriptions/resourceGroups/read", "/x"), times=999
        ),
        Fault("GET", r"/vaults/", 403, denied("Microsoft.KeyVault/vaults/read", "/x"), times=999),
        Fault(
            "GET", r"/flexibleservers/", 403, denied("Microsoft.DBforPostgreSQL/flexibleServers/read", "/x"), times=999
        ),
    ]
    path = config(**PARTS, postgres={"enabled": True})
    made = mops_azure("create", "-y", config=path)  # without the password: no server is made
    assert made.returncode == 1, made.stderr
    said = [one for one in made.stderr.splitlines() if not one.startswith("[")]
    assert len(said) == 3
    assert "the right to Microsoft.KeyVault/vaults/read" in made.stderr
    assert arm.resources[CLUSTER]["properties"]["provisioningState"] == "Succeeded"
    sent = " ".join(one.path.lower() for one in arm.writes()[before:])
    assert "/storageaccounts/annastore" in sent
    assert not any(one in sent for one in ("-registry", "/vaults/", "/flexibleservers/"))
    assert mops_azure("registry", "create", "-y", config=path).returncode == 1


def test_several_rights_that_are_missing_are_a_line_each(arm: ArmServer, config, mops_azure):
    arm.faults = [
        Fault("PUT", r"/locks/", 403, denied("Microsoft.Authorization/locks/write", GROUP), times=99),
        Fault("PUT", r"/roleassignments/", 403, refusal("AuthorizationFailed", "no authorization"), times=99),
        Fault("GET", r"/roleassignments", 403, denied("Microsoft.Authorization/roleAssignments/read", GROUP), times=99),
    ]
    made = mops_azure("create", "-y", config=config(acr={"enabled": True}, lock=True))
    assert made.returncode == 1
    lock, right = [one for one in made.stderr.splitlines() if not one.startswith("[")]
    assert f'--assignee {OBJECT} --role "Owner" --scope {GROUP}' in lock
    assert "--assignee-object-id 00000000-0000-0000-0000-0000000000dd" in right
    arm.faults = arm.faults[2:]  # it is given by somebody, and may still not be read
    for _ in range(2):
        done = mops_azure("create", "-y", config=config(acr={"enabled": True}, lock=True))
        assert done.returncode == 0, done.stderr
    assert sum("/roleassignments/" in key for key in arm.resources) == 1


def test_a_right_that_is_missing_is_told_beside_another_failure(arm: ArmServer, config, mops_azure):
    arm.faults = [
        Fault(
            "PUT",
            r"/storageaccounts/annastore$",
            403,
            denied("Microsoft.Storage/storageAccounts/write", GROUP),
            times=99,
        ),
        Fault("PUT", ON_CLUSTER, 400, refusal("QuotaExceeded", "no more cores"), times=99),
    ]
    failed = mops_azure("create", "-y", config=config(**PARTS))
    assert failed.returncode == 1
    cluster, storage = [one for one in failed.stderr.splitlines() if not one.startswith("[")]
    assert "Usage + quotas" in cluster
    assert "the right to Microsoft.Storage/storageAccounts/write" in storage


def test_a_right_on_what_stays_that_may_not_be_removed_does_not_keep_the_group(arm: ArmServer, config, mops_azure):
    path = config(acr={"enabled": True})
    assert mops_azure("create", "-y", config=path).returncode == 0
    arm.faults = [
        Fault(
            "DELETE", r"/roleassignments/", 403, denied("Microsoft.Authorization/roleAssignments/delete", "/x"), times=9
        )
    ]
    gone = mops_azure("delete", "-y", "--confirm", "modelops-anna", config=path)
    assert gone.returncode == 1
    assert "Microsoft.Authorization/roleAssignments/delete" in gone.stderr
    assert "az role assignment delete --ids /subscriptions/" in gone.stderr
    assert GROUP not in arm.resources


def test_what_a_plan_may_not_read_is_a_note(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config(lock=True)).returncode == 0
    arm.faults = [Fault("GET", r"/locks/", 403, denied("Microsoft.Authorization/locks/read", GROUP), times=9)]
    planned = mops_azure("plan", config=config(lock=True))
    assert planned.returncode == 0, planned.stderr
    assert "note: reading the lock modelops-keep:" in planned.stdout
    assert "the right to Microsoft.Authorization/locks/read" in planned.stdout


def test_a_group_that_is_put_back_while_create_waits_for_its_end_is_used(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config()).returncode == 0
    arm.resources[GROUP]["properties"]["provisioningState"] = "Deleting"

    def back(number: int) -> None:
        if sum(one.path.lower() == GROUP for one in arm.log) > looks + 2:
            arm.resources[GROUP]["properties"]["provisioningState"] = "Succeeded"

    looks = sum(one.path.lower() == GROUP for one in arm.log)
    arm.on_request = back
    done = mops_azure("create", "-y", config=config(aks={"workload_pool": {"max": 9}}))
    assert done.returncode == 0, done.stderr
    assert "modelops-anna: Deleting" in done.stderr


def test_the_linked_scope_of_a_subnet_is_named(arm: ArmServer, config, mops_azure):
    message = (
        "The client has permission to perform action 'Microsoft.ContainerService/managedClusters/write' on scope '/a'; "
        f"however, it does not have permission to perform action(s) 'Microsoft.Network/virtualNetworks/subnets/join/action' "
        f"on the linked scope(s) '{SUBNET}' (respectively) or the linked scope(s) are invalid."
    )
    arm.faults = [Fault("PUT", ON_CLUSTER, 403, refusal("LinkedAuthorizationFailed", message), times=9)]
    refused = mops_azure("create", "-y", config=config(network={"subnet_id": SUBNET}))
    assert refused.returncode == 1
    assert (
        f'subnets/join/action: az role assignment create --assignee YOU --role "Network Contributor" --scope {SUBNET}'
        in (refused.stderr)
    )


SUBNET = (
    "/subscriptions/99999999-9999-9999-9999-999999999999/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/v"
    "/subnets/s"
)
CLUSTER_PRINCIPAL = "00000000-0000-0000-0000-0000000000aa"


def test_a_subnet_of_others_gets_the_clusters_role_which_goes_with_it(arm: ArmServer, config, mops_azure):
    arm.subscriptions.add("99999999-9999-9999-9999-999999999999")
    arm.resources["/subscriptions/99999999-9999-9999-9999-999999999999/resourcegroups/net"] = {
        "id": "x",
        "properties": {},
    }
    path = config(network={"subnet_id": SUBNET})
    planned = mops_azure("plan", config=path)
    assert "role assignment Network Contributor on the subnet for the cluster" in planned.stdout
    made = mops_azure("create", "-y", config=path)
    assert made.returncode == 0, made.stderr
    ((id_, right),) = [(key, one) for key, one in arm.resources.items() if "/roleassignments/" in key]
    assert id_.startswith(f"{SUBNET}/providers/microsoft.authorization/roleassignments/".lower())
    assert right["properties"]["principalId"] == CLUSTER_PRINCIPAL
    assert right["properties"]["roleDefinitionId"] == (
        "/subscriptions/99999999-9999-9999-9999-999999999999/providers/Microsoft.Authorization/roleDefinitions/"
        "4d97b98b-1d4f-4787-a291-c67834d212e7"
    )
    assert mops_azure("plan", "--detailed-exitcode", config=path).returncode == 0
    other = {**right, "id": f"{id_}x", "properties": {**right["properties"], "principalId": "somebody"}}
    above = {
        **right,
        "id": f"{id_}y",
        "properties": {**right["properties"], "scope": SUBNET.rpartition("/subnets/")[0]},
    }
    arm.resources |= {f"{id_}x": other, f"{id_}y": above}
    listed = mops_azure("delete", "--dry-run", config=path)
    assert f"role assignment on {SUBNET}, which stays".lower() in listed.stdout.lower()
    gone = mops_azure("delete", "-y", "--confirm", "modelops-anna", config=path)
    assert gone.returncode == 0, gone.stderr
    assert [key for key in arm.resources if "/roleassignments/" in key] == [f"{id_}x", f"{id_}y"]


def test_a_subnet_whose_subscription_is_no_longer_seen_keeps_no_group(arm: ArmServer, config, mops_azure):
    arm.subscriptions.add(SUBNET.split("/")[2])
    arm.resources[SUBNET.lower().partition("/providers/")[0]] = {"id": "x", "properties": {}}
    path = config(network={"subnet_id": SUBNET})
    made = mops_azure("create", "-y", config=path)
    assert made.returncode == 0, made.stderr
    arm.subscriptions.remove(SUBNET.split("/")[2])
    gone = mops_azure("delete", "-y", "--confirm", "modelops-anna", config=path)
    assert gone.returncode == 1
    assert GROUP not in arm.resources
    said, why = gone.stderr.splitlines()[-2:]
    assert said.endswith("what is left over for want of a right:")
    assert "reading rights: The subscription" in why


def test_the_time_limit_says_how_to_go_on(arm: ArmServer, config, mops_azure):
    arm.polls = 100
    late = mops_azure("create", "-y", "--timeout", "1s", config=config())
    assert late.returncode == 1
    assert "still under way" in late.stderr
    arm.polls = 0
    assert mops_azure("create", "-y", config=config()).returncode == 0


def test_no_wait_returns_and_a_second_run_finishes(arm: ArmServer, config, mops_azure):
    begun = mops_azure("create", "-y", "--no-wait", config=config(acr={"enabled": True}))
    assert begun.returncode == 0, begun.stderr
    assert not any("/roleassignments/" in key for key in arm.resources)
    assert mops_azure("create", "-y", config=config(acr={"enabled": True})).returncode == 0
    assert any("/roleassignments/" in key for key in arm.resources)


def test_a_pool_that_is_still_changed_is_waited_for(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config()).returncode == 0
    arm.polls = 4
    begun = mops_azure("create", "-y", "--no-wait", config=config(aks={"workload_pool": {"max": 7}}))
    assert begun.returncode == 0, begun.stderr
    assert arm.resources[CLUSTER]["properties"]["provisioningState"] == "Succeeded"
    assert "Azure is still at work on pool workcpu" in mops_azure("plan", config=config()).stdout
    watched = mops_azure("status", "--watch", config=config())
    assert "0 of 0 to 7 nodes, Standard_D4s_v5, Updating" in watched.stdout
    assert "0 of 0 to 7 nodes, Standard_D4s_v5, Succeeded" in watched.stdout
    for most in (8, 9):  # begun, and while that is under way another change
        waits = ["--no-wait"] if most == 8 else []
        done = mops_azure("create", "-y", *waits, config=config(aks={"workload_pool": {"max": most}}))
        assert done.returncode == 0, done.stderr
    assert mops_azure("plan", "--detailed-exitcode", config=config(aks={"workload_pool": {"max": 9}})).returncode == 0


def recorded_errors() -> list[dict]:
    return [json.loads(line) for line in (Path(__file__).parent / "recorded" / "errors.jsonl").read_text().splitlines()]


def test_each_recorded_error_is_one_line_with_a_remedy_of_its_own():
    errors = recorded_errors()
    assert len(errors) == 28
    for one in errors:
        error = from_reply("doing this", one["status"], one["body"])
        assert isinstance(error, AzureError)
        line = str(error)
        assert "\n" not in line
        assert "{" not in line
        assert "http" not in line
        assert len(line) < 700
        assert MEANINGS[-1].remedy not in line, line


def test_the_right_that_azure_names_is_a_field_of_the_error():
    said = "The client with object id 'a-b' does not have authorization to perform action 'Microsoft.X/y/write' over scope '/s'"
    named = from_reply("doing this", 403, refusal("AuthorizationFailed", said))
    unnamed = from_reply("doing this", 403, refusal("Forbidden", "you have not the right to do this"))
    assert (named.missing_right, unnamed.missing_right) == ("Microsoft.X/y/write", None)
    assert "--assignee a-b" in str(named)
    assert pickle.loads(pickle.dumps(named)).missing_right == named.missing_right


def test_what_azure_says_steers_no_terminal(arm: ArmServer, config, mops_azure):
    arm.faults = [Fault("PUT", ON_CLUSTER, 400, refusal("BadRequest", f"the size {NASTY} is not there"), times=99)]
    done = mops_azure("create", "-y", config=config())
    assert done.returncode == 1
    assert r"the size \x1b]52;c;ZXZpbA==\x07" in done.stderr
    assert steering(done.stdout + done.stderr) == set()


def test_what_stands_in_azure_steers_no_terminal(arm: ArmServer, config, mops_azure):
    path = config()
    assert mops_azure("create", "-y", config=path).returncode == 0
    for resource in arm.resources.values():
        resource["tags"] = {**(resource.get("tags") or {}), "owner": NASTY, NASTY: "x"}
    properties = arm.resources[CLUSTER]["properties"]
    properties.update(currentKubernetesVersion=NASTY, fqdn=NASTY, nodeResourceGroup=NASTY)
    for pool in properties["agentPoolProfiles"]:
        pool["vmSize"] = NASTY
    for args in (
        ("status",),
        ("status", "--json"),
        ("plan",),
        ("plan", "--json"),
        ("doctor",),
        ("delete", "--dry-run"),
    ):
        done = mops_azure(*args, config=path)
        assert "defect" not in done.stderr, args
        assert steering(done.stdout + done.stderr) == set(), args
