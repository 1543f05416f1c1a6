"""The ledger's SQL, in text files: `sqlite.sql` and `postgres.sql` with queries of the same names, and the schemas.

In a query file, `-- name: x` precedes a statement (for SQLite one or several, run in one transaction), and
`-- fragment: x` precedes text that replaces `{x}` in later queries. Schema files are `schema_<backend>_<version>.sql`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Backend = Literal["sqlite", "postgres"]

_FOLDER = Path(__file__).parent
_HEAD = re.compile(r"^-- (name|fragment): (\w+)$", re.MULTILINE)
_OLDEST_WRITER = re.compile(r"^-- oldest_writer: (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaStep:
    """Migrates a ledger from version - 1 to `version`."""

    version: int
    oldest_writer: int
    """The oldest version whose code may still write to a ledger of `version`."""
    sql: str


@cache
def queries(backend: Backend) -> Mapping[str, str]:
    """Query texts by name."""
    return parse(_read(f"{backend}.sql"))


@cache
def schema_steps(backend: Backend) -> tuple[SchemaStep, ...]:
    """All steps, from version 1 on."""
    pattern = re.compile(rf"schema_{backend}_(\d+)\.sql")
    names = sorted(entry.name for entry in _FOLDER.iterdir() if pattern.fullmatch(entry.name))
    return tuple(_step(version, _read(name)) for version, name in enumerate(names, start=1))


def parse(text: str) -> dict[str, str]:
    """The queries of a file by name, with fragments filled in, without comments and empty lines."""
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    fragments: dict[str, str] = {}
    found: dict[str, str] = {}
    for head, end in zip(heads, ends, strict=True):
        body = _without_comments(text[head.end() : end])
        for name, value in fragments.items():
            body = body.replace("{" + name + "}", value)
        (fragments if head[1] == "fragment" else found)[head[2]] = body
    return found


def statements(sql: str) -> list[str]:
    """The statements of a query; a `;` at the end of a line ends one."""
    return [part.strip() for part in re.split(r";[ \t]*(?:\n|$)", sql) if part.strip()]


def _step(version: int, sql: str) -> SchemaStep:
    stated = _OLDEST_WRITER.search(sql)
    if stated is None:
        raise ValueError(f"schema step {version} states no oldest_writer")
    return SchemaStep(version=version, oldest_writer=int(stated[1]), sql=_without_comments(sql))


def _without_comments(sql: str) -> str:
    lines = (line for line in sql.splitlines() if line.strip() and not line.lstrip().startswith("--"))
    return "\n".join(lines)


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
