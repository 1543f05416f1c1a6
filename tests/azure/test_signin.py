"""Every way to sign in, against the loopback Entra; each failure is one line with what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelops_runtime.contracts.errors import UserError
from mops_azure.resources.postgres import PostgresSpec, admin_password
from mops_azure.settings import EndpointsSpec
from mops_azure.signin import unknown_hosts
from tests.azure.arm_server import CLIENT, SECRET, TENANT, ArmServer
from tests.azure.test_questions import answer, asked
from tests.azure.test_types import CONFIG

MACHINE = {"IDENTITY_HEADER": SECRET}


def stub_az(folder: Path, script: str) -> str:
    """A PATH on which `az` is this script."""
    program = folder / "bin" / "az"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{program.parent}:/usr/bin:/bin"


def test_the_azure_cli_is_asked_for_a_token(arm: ArmServer, config, mops_azure, tmp_path):
    token = {"accessToken": arm.new_token(), "expiresOn": "2099-01-01 00:00:00.000000", "tokenType": "Bearer"}
    path = stub_az(tmp_path, f"echo \"$@\" > {tmp_path}/asked\necho '{json.dumps(token)}'")
    done = mops_azure("plan", config=config(auth="use_azure_cli"), env={"PATH": path})
    assert done.returncode == 0, done.stderr
    assert f"--resource {arm.url}" in (tmp_path / "asked").read_text()
    assert TENANT in (tmp_path / "asked").read_text()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1", "az login"),
        ('echo "ERROR: AADSTS70043: The refresh token has expired." >&2; exit 1', f"az login --tenant {TENANT}"),
    ],
)
def test_a_cli_that_is_not_signed_in_is_one_line(arm: ArmServer, config, mops_azure, tmp_path, script, said):
    refused = mops_azure("plan", config=config(auth="use_azure_cli"), env={"PATH": stub_az(tmp_path, script)})
    assert refused.returncode == 2
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_without_the_cli_it_says_so(arm: ArmServer, config, mops_azure):
    refused = mops_azure("plan", config=config(auth="use_azure_cli"), env={"PATH": "/nowhere"})
    assert refused.returncode == 2
    assert "`az` is not installed" in refused.stderr


def test_a_secret_comes_from_the_variable_that_is_named(arm: ArmServer, config, mops_azure):
    auth = {"method": "service_principal", "client_id": CLIENT, "client_secret_env": "MY_SECRET"}
    refused = mops_azure("plan", config=config(auth=auth))
    assert refused.returncode == 2
    assert "the variable MY_SECRET is not set" in refused.stderr
    assert mops_azure("plan", config=config(auth=auth), env={"MY_SECRET": SECRET}).returncode == 0


def test_a_secret_in_a_file_must_be_for_its_owner_alone(arm: ArmServer, config, mops_azure, tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o644)
    path = config(auth={"method": "service_principal", "client_id": CLIENT, "client_secret_file": str(file)})
    refused = mops_azure("plan", config=path)
    assert refused.returncode == 2
    assert f"chmod 600 {file}" in refused.stderr
    file.chmod(0o600)
    assert mops_azure("plan", config=path).returncode == 0


def test_a_pod_with_workload_identity_shows_its_token(arm: ArmServer, config, mops_azure, tmp_path):
    arm.assertion = "the-service-account-token"
    file = tmp_path / "token"
    file.write_text(arm.assertion)
    pod = {"AZURE_FEDERATED_TOKEN_FILE": str(file), "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": ""}
    done = mops_azure("plan", config=config(auth="workload_identity"), env=pod)
    assert done.returncode == 0, done.stderr
    file.write_text("another")
    refused = mops_azure("plan", config=config(auth="workload_identity"), env=pod)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    elsewhere = mops_azure("plan", config=config(auth="workload_identity"))
    assert elsewhere.returncode == 2
    assert "no pod with workload identity" in elsewhere.stderr


def test_a_managed_identity_asks_its_machine(arm: ArmServer, config, mops_azure):
    path = config(auth={"method": "managed_identity", "client_id": CLIENT})
    machine = {**MACHINE, "IDENTITY_ENDPOINT": f"{arm.url}/msi/token"}
    done = mops_azure("plan", config=path, env=machine)
    assert done.returncode == 0, done.stderr
    assert arm.machine_queries[0]["client_id"] == [CLIENT]
    refused = mops_azure("plan", config=path, env={**machine, "IDENTITY_HEADER": "wrong"})
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1


UNKNOWN = "login.lab.example"


def elsewhere(arm: ArmServer, key: str, url: str) -> dict[str, str]:
    return {"resource_manager": arm.url, "authority": arm.url, key: url}


@pytest.mark.parametrize("key", ["authority", "resource_manager"])
@pytest.mark.parametrize("args", [("plan",), ("create", "-y"), ("status",), ("kubeconfig",), ("doctor",)])
def test_no_secret_goes_to_a_host_of_no_known_cloud_unasked(arm: ArmServer, config, mops_azure, key, args):
    path = config(cloud=elsewhere(arm, key, f"https://{UNKNOWN}"))
    refused = mops_azure(*args, config=path)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
    assert f"cloud.{key} {UNKNOWN}: of none of the known clouds, and the service principal's secret" in refused.stderr
    assert f"export MOPS_AZURE_TRUSTED_HOSTS={UNKNOWN}" in refused.stderr
    assert (arm.log, arm.tokens) == ([], {})


def test_the_variable_that_trusts_a_host_lets_it_be_asked(arm: ArmServer, config, mops_azure):
    path = config(cloud=elsewhere(arm, "authority", f"https://{UNKNOWN}"))
    for trusted, is_let in ((UNKNOWN, True), (f"other.example, {UNKNOWN.upper()}", True), ("lab.example", False)):
        tried = mops_azure("plan", config=path, env={"MOPS_AZURE_TRUSTED_HOSTS": trusted})
        assert ("of none of the known clouds" not in tried.stderr) == is_let, tried.stderr
        assert tried.returncode != 0  # it is not there


def test_at_a_terminal_it_is_asked_and_no_is_no(arm: ArmServer, config, environment):
    path = config(cloud=elsewhere(arm, "authority", f"https://{UNKNOWN}"))
    with asked(path, environment, "plan") as screen:
        answer(screen, "Send it there? [y/N]:", "n")
        screen.until(lambda shown: "nothing was sent" in shown and UNKNOWN in shown)
        assert screen.end() == 130


@pytest.mark.parametrize(
    ("url", "is_known"),
    [
        ("https://login.microsoftonline.com", True),
        ("https://login.microsoftonline.us/", True),
        ("https://login.partner.microsoftonline.cn", True),
        ("https://LOGIN.microsoftonline.com", True),
        ("https://127.0.0.1:8443", True),
        ("https://evilmicrosoftonline.com", False),
        ("https://login.microsoftonline.com.evil.example", False),
        ("https://login.microsoftonline.com@evil.example", False),
        ("https://management.azure.com", False),
        ("https://127.0.0.1.evil.example", False),
        ("https://10.0.0.1", False),
    ],
)
def test_a_known_cloud_is_known_by_its_whole_name(url, is_known):
    cloud = EndpointsSpec.model_construct(resource_manager="https://management.azure.com", authority=url)
    assert (unknown_hosts(CONFIG.model_copy(update={"cloud": cloud}), "") == {}) == is_known


MISPLACED = "P@ssw0rd-that-must-never-be-shown"


@pytest.mark.parametrize(
    "over",
    [
        {"auth": {"client_secret_env": MISPLACED}},
        {"auth": {"client_secret_env": [MISPLACED]}},
        {"auth": {"method": "service_principal", "client_id": MISPLACED}},
        {"postgres": {"password_env": MISPLACED}},
        {"ssh": {"source": "env", "variable": MISPLACED}},
        {"auth": {"method": "service_principal", "client_id": CLIENT, "client_secret_file": MISPLACED}},
        {"auth": {"method": "service_principal", "client_id": CLIENT, "client_secret_file": MISPLACED * 20}},
        {"auth": {"method": "service_principal", "client_id": CLIENT, "client_secret_file": f"~{MISPLACED}"}},
    ],
)
def test_a_secret_in_the_wrong_place_is_not_shown(arm: ArmServer, config, mops_azure, over):
    refused = mops_azure("plan", config=config(**over))
    assert refused.returncode == 2, refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert "P@ss" not in refused.stderr


def test_nor_is_one_that_could_be_a_variables_name(arm: ArmServer, config, mops_azure):
    auth = {"method": "service_principal", "client_id": CLIENT, "client_secret_env": "aSecret0fLetters"}
    refused = mops_azure("plan", config=config(auth=auth))
    assert refused.returncode == 2
    assert "auth: the variable that client_secret_env names is not set" in refused.stderr
    assert "aSecret0fLetters" not in refused.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff\xfe\x00", "is not UTF-8; save"), (b" \n", "is empty; put"), (None, "is no file; name the file")],
)
def test_a_file_without_a_secret_is_one_line(arm: ArmServer, config, mops_azure, tmp_path, content, said):
    file = tmp_path / "secret"
    if content is None:
        file.mkdir(mode=0o755)
    else:
        file.write_bytes(content)
        file.chmod(0o600)
    auth = {"method": "service_principal", "client_id": CLIENT, "client_secret_file": str(file)}
    refused = mops_azure("plan", config=config(auth=auth))
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
    assert f"auth.client_secret_file: {file} {said}" in refused.stderr
    assert "chmod" not in refused.stderr
    postgres = PostgresSpec(password_file=str(file))
    with pytest.raises(UserError, match=said):
        admin_password(postgres)
