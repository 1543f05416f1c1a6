"""One file adds a kind of resource: of a published type, by an entry point of a distribution that modelops does not know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.azure import armtypes
from tests.azure.arm_server import ArmServer
from tests.azure.conftest import Mops

TYPE, VERSION = "Microsoft.OperationalInsights/queryPacks", "2025-07-01"
READ_ONLY = armtypes.read_only_paths(TYPE, VERSION)
MODULE = f'''
"""A pack of saved log queries."""

from modelops_runtime.options.base import StrictModel
from mops_azure.resources.group import group_id
from mops_azure.resources.kind import Kind, Resource, Section, section
from mops_azure.settings import Settings


class PackSpec(StrictModel):
    """A pack of log queries."""

    enabled: bool = False
    name: str = "modelops-queries"


def wanted(config: Settings) -> list[Resource]:
    name = section(config, "query_pack", PackSpec).name
    body = {{"location": config.location, "tags": config.all_tags, "properties": {{}}}}
    id_ = f"{{group_id(config)}}/providers/{TYPE}/{{name}}"
    return [Resource(kind="query pack", name=name, id=id_, api_version="{VERSION}", body=body)]


KINDS = (
    Kind(
        name="query pack",
        type="{TYPE}",
        api_version="{VERSION}",
        section=Section(key="query_pack", spec=PackSpec),
        wanted=wanted,
        read_only={tuple(READ_ONLY)!r},
        replacing=("location",),
        billed_by="use",
        is_at_once=True,
        lost_with_it="with all its queries",
        summary=lambda one: [f"queries in {{one.body['location']}}"],
    ),
)
'''


@pytest.fixture
def added(tmp_path: Path) -> dict[str, str]:
    """The environment in which that distribution is installed."""
    folder = tmp_path / "site"
    about = folder / "query_packs-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "query_packs.py").write_text(MODULE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: query-packs\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[modelops.azure_resources]\nquery_packs = query_packs:KINDS\n")
    return {"PYTHONPATH": str(folder)}


def test_a_kind_of_one_file_is_made_shown_named_when_it_is_off_and_deleted(
    arm: ArmServer, config, shipped: Mops, added: dict[str, str]
):
    path = config(query_pack={"enabled": True}, tags={"project": "sir"})
    made = shipped("create", "-y", config=path, env=added)
    assert made.returncode == 0, made.stderr
    assert arm.invalid == []
    assert "queries in eastus2" in made.stdout
    assert "billed by use or size: query pack" in made.stdout
    (id_,) = [one for one in arm.resources if "/querypacks/" in one]
    assert arm.resources[id_]["tags"]["managedBy"] == "modelops"

    again = shipped("plan", "--detailed-exitcode", config=path, env=added)
    assert again.returncode == 0, again.stdout
    assert "Nothing to do" in again.stdout

    status = json.loads(shipped("status", "--json", config=path, env=added).stdout)
    assert {"kind": "query pack", "name": "modelops-queries", "state": "Succeeded", "left_over": None} in status[
        "parts"
    ]

    arm.resources[id_]["properties"] |= {"queryPackId": "written by Azure", "timeCreated": "2026-01-01T00:00:00Z"}
    changed = config(query_pack={"enabled": True}, tags={"project": "seir"})
    assert shipped("create", "-y", config=changed, env=added).returncode == 0
    assert arm.resources[id_]["tags"]["project"] == "seir"
    assert arm.invalid == []  # what Azure alone writes is not sent back

    off = shipped("plan", config=config(tags={"project": "seir"}), env=added)
    assert "query pack modelops-queries is still there: query_pack is off in the config" in off.stdout

    gone = shipped("delete", "-y", "--confirm", "modelops-anna", config=path, env=added)
    assert gone.returncode == 0, gone.stderr
    assert "microsoft.operationalinsights/querypacks modelops-queries, with all its queries" in gone.stdout.lower()
    assert id_ not in arm.resources


def test_its_section_is_checked_like_ours_and_unknown_without_it(
    config, shipped: Mops, added: dict[str, str], arm: ArmServer
):
    path = config(query_pack={"enable": True})
    wrong = shipped("plan", config=path, env=added)
    assert wrong.returncode == 2
    assert "there is no key 'enable' here; did you mean enabled?" in wrong.stderr
    unknown = shipped("plan", config=path)
    assert unknown.returncode == 2
    assert "query_pack" in unknown.stderr
    assert arm.log == []


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (MODULE.replace('name="query pack"', 'name="lock"'), "two kinds of Azure resources are lock"),
        (MODULE.replace('key="query_pack"', 'key="logs"'), "two kinds of Azure resources have the section logs"),
        ("import no_such_module\n", "cannot be loaded (ModuleNotFoundError"),
    ],
)
def test_a_kind_that_clashes_or_does_not_load_is_one_line(
    config, shipped: Mops, added: dict[str, str], module: str, says: str, arm: ArmServer
):
    (Path(added["PYTHONPATH"]) / "query_packs.py").write_text(module)
    refused = shipped("plan", config=config(), env=added)
    assert refused.returncode == 2
    assert says in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert arm.log == []
