"""What is asked of a person at a terminal: `init`, `create`, `delete`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ruamel.yaml import YAML

from tests.azure.arm_server import SUBSCRIPTION, TENANT, ArmServer
from tests.azure.conftest import command_line
from tests.support.terminal import Terminal, terminal

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/modelops-anna"


@contextmanager
def asked(config: Path, environment: Mapping[str, str], *args: str) -> Iterator[Terminal]:
    """`mops-azure ARGS` at a terminal."""
    with terminal(command_line(*args, config=config), cwd=str(config.parent), env=environment) as screen:
        yield screen


def answer(screen: Terminal, question: str, text: str) -> None:
    screen.until(lambda shown: shown.endswith(question))
    screen.press(f"{text}\n".encode())


def test_init_asks_for_what_it_cannot_know(environment, mops_azure, tmp_path):
    path = tmp_path / "new" / "azure.yaml"
    path.parent.mkdir()
    with asked(path, environment, "init") as screen:
        answer(screen, "Subscription id (`az account show`):", SUBSCRIPTION)
        answer(screen, "Tenant id:", TENANT)
        answer(screen, "Location [eastus2]:", "")
        answer(screen, "A registry? [y/N]:", "y")
        assert screen.end() == 0
    written = YAML(typ="safe").load(path.read_text())
    assert (written["subscription_id"], written["tenant_id"]) == (SUBSCRIPTION, TENANT)
    assert (written["location"], written["acr"]) == ("eastus2", {"enabled": True})
    nobody = mops_azure("init", config=tmp_path / "other.yaml")
    assert nobody.returncode == 2
    assert "give --subscription, --tenant, --location" in nobody.stderr


def test_no_means_that_nothing_is_done(arm: ArmServer, config, environment):
    with asked(config(), environment, "create") as screen:
        answer(screen, "Go on? [y/N]:", "n")
        screen.until(lambda shown: "nothing was changed" in shown)
        assert screen.end() == 130
    assert arm.writes() == []


def test_production_is_asked_for_twice(arm: ArmServer, config, environment, mops_azure):
    path = config(tags={"env": "prod"})
    assert mops_azure("create", "-y", config=path).returncode == 0
    for second, code in (("modelops", 2), ("modelops-anna", 0)):
        with asked(path, environment, "delete") as screen:
            answer(screen, "Type the resource group's name to delete it:", "modelops-anna")
            screen.until(lambda shown: "PRODUCTION" in shown)
            answer(screen, "Type the resource group's name to delete it:", second)
            assert screen.end() == code
        assert (GROUP in arm.resources) == (code == 2)
