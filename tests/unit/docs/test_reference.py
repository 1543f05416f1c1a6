"""docs/commands.md and docs/exports.md name what there is, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pyarrow.parquet as pq
import pytest

from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.results.export import export_run
from tests.support.commands import commands
from tests.unit.inference.runs import boarding_school

ROOT = Path(__file__).resolve().parents[3]
COMMANDS_MD = (ROOT / "docs" / "commands.md").read_text("utf-8")
EXPORTS_MD = (ROOT / "docs" / "exports.md").read_text("utf-8")
COMMANDS = {name: command for name, command in commands() if name != "mops"}


def section(text: str, heading: str) -> str:
    """From a heading to the next one."""
    found = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {heading!r}"
    return found[1]


def first_column(table: str) -> list[str]:
    """The names in the first column of the tables."""
    cells = [row.split("|")[1] for row in re.findall(r"^\|.*$", table, re.MULTILINE)]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_every_command_has_its_heading_and_none_is_there_that_is_not() -> None:
    assert set(re.findall(r"^### (.+)$", COMMANDS_MD, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_section_names_its_options_and_no_others(name: str) -> None:
    told = set(re.findall(r"(--[a-z][a-z-]*)", section(COMMANDS_MD, name)))
    options = {
        opt for p in COMMANDS[name].params if isinstance(p, click.Option) for opt in p.opts if opt.startswith("--")
    }
    assert options - {"--help"} == told


def test_every_environment_variable_that_is_read_is_told() -> None:
    files = [*(ROOT / "scripts").rglob("*.py"), *(ROOT / "modelops_runtime").rglob("*.py")]
    reading = re.compile(r"environ(?:\.get\(|\[)\"([A-Z_]+)\"")
    read = {name for file in files for name in reading.findall(file.read_text("utf-8"))}
    assert {"MODELOPS_LEDGER", "MOPS_DEBUG", "TERM"} <= read
    assert read <= set(first_column(section(COMMANDS_MD, "Environment")))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    ledger = open_ledger(str(folder / "ledger.sqlite"))
    boarding_school(10).tell(ledger)
    export_run(ledger, "boarding-school", folder)
    ledger.close()
    return folder


@pytest.mark.parametrize("name", ["trials", "replicates", "fit", "bands"])
def test_each_exported_column_is_told_with_its_type_in_its_order(name: str, exported: Path) -> None:
    told = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", section(EXPORTS_MD, name), re.MULTILINE)
    schema = pq.read_schema(exported / f"{name}.parquet")
    types = {"timestamp[us, tz=UTC]": "timestamp, UTC"}
    own = [(f.name, types.get(str(f.type), str(f.type))) for f in schema if not f.name.startswith("param.")]
    assert [pair for pair in told if pair[0] != "param.NAME"] == [pair for pair in own if pair[0] != "date"], (
        "date is a key"
    )


def test_each_key_of_run_json_is_told(exported: Path) -> None:
    assert first_column(section(EXPORTS_MD, "run.json")) == list(json.loads((exported / "run.json").read_text()))
