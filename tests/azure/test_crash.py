"""Killed after a request, then run again: it converges from each of them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.azure.arm_http import Request
from tests.azure.arm_server import ArmServer
from tests.azure.conftest import command_line, provider_config
from tests.support import forked
from tests.support.patience import PATIENCE_S, eventually
from tests.support.sizes import size

pytestmark = pytest.mark.chaos

CREATE = ("create", "-y")
DELETE = ("delete", "-y", "--confirm", "modelops-anna", "--unlock")
SIDE_BY_SIDE = 8
"""Crash points at a time: most of their time is waiting."""
EVERYTHING = {
    "acr": {"enabled": True},
    "lock": True,
    "postgres": {"enabled": True},
    "storage": {"enabled": True},
    "identity": {"enabled": True, "service_accounts": ["modelops-run-sir:sir-adaptive"]},
    "key_vault": {"enabled": True},
    "logs": {"enabled": True},
}


def crash_points(requests: Sequence[Request]) -> list[int]:
    """Numbers of the requests after which the command is killed, from 1: each write, and every sixth of the others."""
    every = size(6, full=1)
    return [at for at, one in enumerate(requests, 1) if one.method not in ("GET", "HEAD") or at % every == 0]


class Azure:
    """One loopback Azure with a config of its own, so that several crash points run side by side."""

    def __init__(self, certificate: tuple[str, str], folder: Path, environment: dict[str, str]) -> None:
        folder.mkdir()
        self.arm, self.folder = ArmServer(*certificate), folder
        self.arm.polls = 1
        self.environment = {**environment, "HOME": str(folder), "MODELOPS_POSTGRES_PASSWORD": "Never-shown-42"}
        self.config = folder / "azure.yaml"
        content = {**provider_config(self.arm), **EVERYTHING}
        with self.config.open("w") as file:
            YAML(typ="safe").dump(content, file)
        self.config.chmod(0o600)

    def run(self, *args: str, kill_at: int = 0) -> int:
        """The exit code; with `kill_at`, killed once Azure has carried out that request, before it answers."""
        first = len(self.arm.log)
        started: Future[int] = Future()

        def on_request(number: int) -> None:
            if kill_at and number - first == kill_at:
                os.kill(started.result(), signal.SIGKILL)

        self.arm.on_request = on_request
        whole = [*args, "--config", str(self.config)]
        process = forked.start("mops_azure", whole, environment=self.environment, folder=self.folder, said=self.folder)
        try:
            started.set_result(process.pid)
            code = process.exit_code()
            return 999 if code is None else code
        finally:
            process.end()
            self.arm.on_request = lambda number: None

    @property
    def said(self) -> str:
        return (self.folder / "stderr").read_text()

    @property
    def states(self) -> set[str]:
        return {
            str((one.get("properties") or {}).get("provisioningState", "Succeeded"))
            for one in self.arm.resources.values()
        }


def test_create_converges_from_crash_points(certificate, environment, tmp_path):
    whole = Azure(certificate, tmp_path / "first", environment)
    with whole.arm:
        assert whole.run(*CREATE) == 0, whole.said
        log, wanted = list(whole.arm.log), set(whole.arm.resources)
    requests = len(log)
    assert requests > 50
    assert len(wanted) == 19

    def crash_at(point: int) -> str:
        azure = Azure(certificate, tmp_path / f"create-{point}", environment)
        with azure.arm:
            killed = azure.run(*CREATE, kill_at=point)
            if killed != -signal.SIGKILL:
                return f"{point}: not killed ({killed})" if point < requests - 5 else ""
            healed = azure.run(*CREATE)
            writes = len(azure.arm.writes())
            again = azure.run(*CREATE)
            converged = set(azure.arm.resources) == wanted and azure.states == {"Succeeded"}
            if healed or again or not converged or azure.arm.invalid or len(azure.arm.writes()) != writes:
                return f"{point}: {healed} {again} {set(azure.arm.resources) ^ wanted} {azure.said}"
        return ""

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        wrong = [one for one in pool.map(crash_at, crash_points(log)) if one]
    assert wrong == []


def test_delete_converges_from_crash_points(certificate, environment, tmp_path):
    def made(name: str) -> Azure:
        return Azure(certificate, tmp_path / name, environment)

    first = made("first")
    with first.arm:
        assert first.run(*CREATE) == 0, first.said
        there = deepcopy(first.arm.resources)
        before = len(first.arm.log)
        assert first.run(*DELETE) == 0, first.said
        log = first.arm.log[before:]
    requests = len(log)
    assert requests > 10

    def crash_at(point: int) -> str:
        azure = made(f"delete-{point}")
        azure.arm.resources = deepcopy(there)
        with azure.arm:
            killed = azure.run(*DELETE, kill_at=point)
            if killed != -signal.SIGKILL:
                return f"{point}: not killed ({killed})" if point < requests - 2 else ""
            healed = azure.run(*DELETE)
            left = {key.split("/")[-2] for key in azure.arm.resources}
            if healed or left - {"roleassignments"} != {"registries", "resourcegroups"}:
                return f"{point}: {healed} {left} {azure.said}"
        return ""

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        wrong = [one for one in pool.map(crash_at, crash_points(log)) if one]
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
        assert eventually(lambda: any("/operations/" in one.path for one in azure.arm.log), every_s=0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 130
        assert "`mops-azure create` again goes on" in said
        assert "Traceback" not in said
