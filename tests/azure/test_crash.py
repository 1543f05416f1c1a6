"""Killed after every single request, then run again: it converges from each of them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.azure.arm_server import CLIENT, SUBSCRIPTION, TENANT, ArmServer
from tests.azure.conftest import command_line

pytestmark = pytest.mark.chaos

CREATE = ("create", "-y")
SIDE_BY_SIDE = 6
"""Crash points at a time: most of their time is waiting."""
DELETE = ("delete", "-y", "--confirm", "modelops-anna", "--unlock")


class Azure:
    """One loopback Azure with a config of its own, so that several crash points run side by side."""

    def __init__(self, certificate: tuple[str, str], folder: Path, environment: dict[str, str]) -> None:
        folder.mkdir()
        self.arm, self.folder = ArmServer(*certificate), folder
        self.arm.polls = 1
        self.environment = {**environment, "HOME": str(folder)}
        self.config = folder / "azure.yaml"
        content = {
            "subscription_id": SUBSCRIPTION,
            "tenant_id": TENANT,
            "location": "eastus2",
            "username": "anna",
            "auth": {"method": "service_principal", "client_id": CLIENT},
            "cloud": {"resource_manager": self.arm.url, "authority": self.arm.url},
            "acr": {"enabled": True},
            "lock": True,
        }
        with self.config.open("w") as file:
            YAML(typ="safe").dump(content, file)
        self.config.chmod(0o600)

    def run(self, *args: str, kill_at: int = 0) -> int:
        """The exit code; with `kill_at`, killed once Azure has carried out that request, before it answers."""
        process = subprocess.Popen(
            command_line(*args, config=self.config),
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "stderr").open("a"),
        )
        first = len(self.arm.log)

        def on_request(number: int) -> None:
            if kill_at and number - first == kill_at:
                os.kill(process.pid, signal.SIGKILL)

        self.arm.on_request = on_request
        try:
            return process.wait(timeout=280)
        finally:
            self.arm.on_request = lambda number: None


def converged(azure: Azure) -> bool:
    kinds = sorted(key.split("/")[-2] for key in azure.arm.resources)
    states = {
        (one.get("properties") or {}).get("provisioningState", "Succeeded") for one in azure.arm.resources.values()
    }
    wanted = ["locks", "managedclusters", "registries", "resourcegroups", "resourcegroups", "roleassignments"]
    return kinds == wanted and states == {"Succeeded"}


def test_create_converges_from_every_crash_point(certificate, environment, tmp_path):
    whole = Azure(certificate, tmp_path / "first", environment)
    with whole.arm:
        assert whole.run(*CREATE) == 0
        requests = len(whole.arm.log)
    assert requests > 20

    def crash_at(point: int) -> str:
        azure = Azure(certificate, tmp_path / f"create-{point}", environment)
        with azure.arm:
            killed = azure.run(*CREATE, kill_at=point)
            if killed != -signal.SIGKILL:
                return f"{point}: not killed ({killed})" if point < requests else ""
            healed = azure.run(*CREATE)
            writes = len(azure.arm.writes())
            again = azure.run(*CREATE)
            if healed or again or not converged(azure) or azure.arm.invalid or len(azure.arm.writes()) != writes:
                return f"{point}: {healed} {again} {(azure.folder / 'stderr').read_text()}"
        return ""

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        wrong = [one for one in pool.map(crash_at, range(1, requests + 1)) if one]
    assert wrong == []


def test_delete_converges_from_every_crash_point(certificate, environment, tmp_path):
    def made(name: str) -> Azure:
        return Azure(certificate, tmp_path / name, environment)

    first = made("first")
    with first.arm:
        assert first.run(*CREATE) == 0
        there = deepcopy(first.arm.resources)
        before = len(first.arm.log)
        assert first.run(*DELETE) == 0
        requests = len(first.arm.log) - before

    def crash_at(point: int) -> str:
        azure = made(f"delete-{point}")
        azure.arm.resources = deepcopy(there)
        with azure.arm:
            killed = azure.run(*DELETE, kill_at=point)
            if killed != -signal.SIGKILL:
                return f"{point}: not killed ({killed})" if point < requests else ""
            healed = azure.run(*DELETE)
            left = sorted(key.split("/")[-2] for key in azure.arm.resources)
            if healed or left not in (
                ["registries", "resourcegroups"],
                ["registries", "resourcegroups", "roleassignments"],
            ):
                return f"{point}: {healed} {left} {(azure.folder / 'stderr').read_text()}"
        return ""

    assert requests > 8
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        wrong = [one for one in pool.map(crash_at, range(1, requests + 1)) if one]
    assert wrong == []


def test_ctrl_c_says_how_to_go_on(certificate, environment, tmp_path):
    azure = Azure(certificate, tmp_path / "one", environment)
    azure.arm.polls = 40
    with azure.arm:
        process = subprocess.Popen(
            command_line(*CREATE, config=azure.config),
            env=azure.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
        )
        end = time.monotonic() + 120
        while time.monotonic() < end and not any("/operations/" in one.path for one in azure.arm.log):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 130
        assert "`mops-azure create` again goes on" in said
        assert "Traceback" not in said
