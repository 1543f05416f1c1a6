"""`python -m mops.charts.generate [--check]`: write each chart's values.yaml, schema, README table and shared helpers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mops.charts.adaptive_run import AdaptiveRunValues
from mops.charts.base import Values
from mops.charts.dask_workspace import DaskWorkspaceValues
from mops.charts.postgres import PostgresValues

CHARTS: dict[str, type[Values]] = {
    "dask-workspace": DaskWorkspaceValues,
    "adaptive-run": AdaptiveRunValues,
    "adaptive-run/charts/postgres": PostgresValues,
}
SHARED = "_shared"
"""The folder of the templates that all charts share: the source in charts/, a copy in each chart."""

_BEGIN, _END = "<!-- values: made by `make charts` -->", "<!-- end of values -->"


def outputs(charts: Path) -> Iterator[tuple[Path, str]]:
    """Each file that is generated, with what it should hold."""
    for folder, model in CHARTS.items():
        values = model().model_dump(by_alias=True)
        yield charts / folder / "values.yaml", _yaml(model, values)
        schema = {"$schema": "http://json-schema.org/draft-07/schema#", **model.model_json_schema(by_alias=True)}
        yield charts / folder / "values.schema.json", json.dumps(schema, indent=1) + "\n"
        readme = charts / folder / "README.md"
        yield readme, _with_table(readme.read_text("utf-8"), model, values)
        for helper in sorted((charts / SHARED).iterdir()):
            yield charts / folder / "templates" / SHARED / helper.name, helper.read_text("utf-8")


def strays(charts: Path) -> list[Path]:
    """Files among a chart's shared helpers that have no source any more."""
    known = {path for path, _ in outputs(charts)}
    return [
        path for folder in CHARTS for path in (charts / folder / "templates" / SHARED).glob("*") if path not in known
    ]


def _yaml(model: type[BaseModel], values: dict[str, Any]) -> str:
    from ruamel.yaml import YAML

    def write(part: type[BaseModel], given: dict[str, Any], indent: str) -> Iterator[str]:
        for name, field in part.model_fields.items():
            key = field.alias or name
            inner = type(getattr(part.model_construct(), name, None))
            if field.description:
                yield f"{indent}# {field.description}"
            if issubclass(inner, Values):
                if not field.description and inner.__doc__:
                    yield f"{indent}# {inner.__doc__.splitlines()[0]}"
                yield f"{indent}{key}:"
                yield from write(inner, given[key], f"{indent}  ")
            else:
                out, yaml = StringIO(), YAML()
                yaml.default_flow_style = True
                yaml.width = 10_000
                yaml.dump({key: given[key]}, out)
                yield f"{indent}{out.getvalue().strip()[1:-1]}"

    return (
        "# Made by `make charts` from scripts/mops/charts: change it there.\n"
        + "\n".join(write(model, values, ""))
        + "\n"
    )


def _rows(model: type[BaseModel], values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        key = field.alias or name
        inner = type(getattr(model.model_construct(), name, None))
        if issubclass(inner, Values):
            yield from _rows(inner, values[key], f"{prefix}{key}.")
        else:
            yield f"| `{prefix}{key}` | `{json.dumps(values[key])}` | {field.description} |"


def _with_table(readme: str, model: type[BaseModel], values: dict[str, Any]) -> str:
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    table = "\n".join(["| value | default | what it is |", "|---|---|---|", *_rows(model, values)])
    return f"{before}{_BEGIN}\n{table}\n{_END}{after}"


def main() -> int:
    """Write what differs; with --check only name it, and return 1."""
    charts = Path(__file__).resolve().parents[3] / "charts"
    check = "--check" in sys.argv[1:]
    drifted = [(path, text) for path, text in outputs(charts) if not path.exists() or path.read_text("utf-8") != text]
    for path, text in drifted:
        print(f"{path.relative_to(charts.parent)} {'is not what `make charts` writes' if check else 'written'}")  # noqa: T201
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    surplus = strays(charts)
    for path in surplus:
        print(f"{path.relative_to(charts.parent)} {'is not in charts/_shared' if check else 'removed'}")  # noqa: T201
        if not check:
            path.unlink()
    return 1 if check and (drifted or surplus) else 0


if __name__ == "__main__":
    sys.exit(main())
