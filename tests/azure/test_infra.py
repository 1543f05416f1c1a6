"""`mops ... --infra azure`: which cluster commands mean. On a real one: tests/cluster/test_azure_workspace.py."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mops_azure.kubeconfig import signing_in
from mops_azure.settings import AuthSpec
from tests.azure.arm_server import CLIENT, ArmServer
from tests.azure.test_use import TOKEN
from tests.support.patience import PATIENCE_S
from tests.support.projects import Ended, Project, mops_command

MopsCommand = Callable[..., Ended]


@pytest.fixture
def mops(environment: dict[str, str], tmp_path: Path) -> MopsCommand:
    """`mops ARGS` as a user starts it; KUBECONFIG leads nowhere, and temporary files go to tmp_path/left."""
    (tmp_path / "left").mkdir()

    def run(*args: str, env: Mapping[str, str] | None = None) -> Ended:
        whole = {**environment, "KUBECONFIG": "/nowhere", "TMPDIR": str(tmp_path / "left"), **(env or {})}
        return Project(tmp_path, whole).mops(*args)

    return run


def behind(arm: ArmServer, certificate: str, user: object) -> object:
    """A kubeconfig whose API server is the loopback Azure, which takes no such credentials."""
    authority = base64.b64encode(Path(certificate).read_bytes()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "aks", "cluster": {"server": arm.url, "certificate-authority-data": authority}}],
        "users": [{"name": "anna", "user": user}],
        "contexts": [{"name": "aks", "context": {"cluster": "aks", "user": "anna"}}],
        "current-context": "aks",
    }


def test_the_cluster_is_that_of_the_provider_config(
    arm: ArmServer, config, mops_azure, mops: MopsCommand, certificate: tuple[str, str], tmp_path: Path
) -> None:
    path = config()
    missing = mops("workspace", "up", "--infra", "azure", "--config", str(path))
    assert (missing.code, missing.out) == (2, "")
    assert "there is no cluster modelops in modelops-anna; `mops-azure create` makes it" in missing.err

    assert mops_azure("create", "-y", config=path).returncode == 0
    arm.kubeconfig = behind(arm, certificate[0], {"token": TOKEN})
    looked = mops("doctor", "--no-probe", "--json", "--infra", "azure", env={"MOPS_AZURE_CONFIG": str(path)})
    assert looked.code == 1
    found = {one["what"]: one for one in map(json.loads, looked.out.splitlines())}
    assert found["kubeconfig"]["is_good"]
    assert "does not take your credentials" in found["API server"]["said"]
    assert TOKEN not in looked.out + looked.err
    assert list((tmp_path / "left").iterdir()) == []

    assert mops_azure("stop", config=path).returncode == 0
    stopped = mops("adaptive", "status", "--infra", "azure", "--config", str(path))
    assert stopped.code == 2
    assert "cluster modelops is stopped; `mops-azure start` starts it" in stopped.err


def test_a_cluster_under_entra_is_reached_by_a_program(
    arm: ArmServer, config, mops_azure, mops: MopsCommand, certificate: tuple[str, str], tmp_path: Path
) -> None:
    path = config()
    assert mops_azure("create", "-y", config=path).returncode == 0
    args = ["get-token", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630", "--login", "devicecode"]
    program = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "kubelogin", "args": args}
    arm.kubeconfig = behind(arm, certificate[0], {"exec": {**program, "interactiveMode": "IfAvailable"}})
    doctor = ("doctor", "--no-probe", "--json", "--infra", "azure", "--config", str(path))
    without = mops(*doctor)
    assert without.code == 2
    assert "is reached by kubelogin, which is not there; `az aks install-cli` installs it" in without.err
    assert "format=exec" in next(one.query for one in arm.log if one.path.endswith("listClusterUserCredential"))

    (tmp_path / "bin").mkdir()
    said = tmp_path / "kubelogin.txt"
    credential = json.dumps({"apiVersion": program["apiVersion"], "kind": "ExecCredential", "status": {"token": TOKEN}})
    (tmp_path / "bin/kubelogin").write_text(f"#!/bin/sh\necho \"$@\" >> {said}\necho '{credential}'\n")
    (tmp_path / "bin/kubelogin").chmod(0o755)
    looked = mops(*doctor, env={"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"})
    assert "does not take your credentials" in looked.out
    assert f"--login spn --client-id {CLIENT}" in said.read_text()


@pytest.mark.parametrize(
    ("method", "login"),
    [
        ("use_azure_cli", "azurecli"),
        ("workload_identity", "workloadidentity"),
        ("managed_identity", "msi"),
    ],
)
def test_kubelogin_signs_in_as_we_do(method: str, login: str) -> None:
    text = (
        "users: [{name: a, user: {exec: {command: kubelogin, args: [get-token, --login, devicecode, --server-id, s]}}}]"
    )
    signed = signing_in(text, AuthSpec.model_validate({"method": method}))
    assert login in signed
    assert "devicecode" not in signed
    plain = "users: [{name: a, user: {token: t}}]"
    assert signing_in(plain, AuthSpec.model_validate({"method": method})) == plain


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("workspace", "ls", "--infra", "azure", "--context", "lab"), "leave --context out"),
        (("workspace", "ls", "--config", "azure.yaml"), "--config is the provider config of --infra azure; give both"),
        (("workspace", "ls", "--infra", "aws"), "azure"),
        (("workspace", "ls", "--infra", "azure"), "`mops-azure init` writes it"),
        (("run", "--spec", "adaptive.yaml", "--infra", "azure"), "--infra goes with --workspace NAME"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(mops: MopsCommand, args: tuple[str, ...], said: str) -> None:
    ended = mops(*args)
    assert ended.code == 2
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_kubeconfig_goes_also_when_the_command_is_ended(
    arm: ArmServer, config, mops_azure, environment: dict[str, str], tmp_path: Path
) -> None:
    path = config()
    assert mops_azure("create", "-y", config=path).returncode == 0
    left = tmp_path / "left"
    left.mkdir()
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom mops.cluster.azure import azure_cluster\n"
        "with azure_cluster(Path(sys.argv[1]), confirm=lambda *_: False) as found:\n"
        "    print(found.kubeconfig, flush=True)\n    time.sleep(600)\n"
    )
    command = [*mops_command()[:2], script, str(path)]
    whole = {**environment, "TMPDIR": str(left)}
    process = subprocess.Popen(command, env=whole, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        kubeconfig = Path(process.stdout.readline().strip())
        assert kubeconfig.parent == left
        assert kubeconfig.stat().st_mode & 0o777 == 0o600
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.communicate()
    assert list(left.iterdir()) == []
