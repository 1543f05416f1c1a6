"""JSON Schema of a spec, for editors: it accepts what the loader accepts, apart from what depends on several keys or files."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from modelops_runtime.specs.adaptive import AdaptiveSpec

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def adaptive_schema() -> dict[str, Any]:
    """Draft 2020-12, with descriptions and defaults."""
    return schema_of(AdaptiveSpec)


def schema_of(spec: type[BaseModel]) -> dict[str, Any]:
    """The schema of any spec model."""
    schema = spec.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": DRAFT, **_plain(schema)}


def _plain(part: Any, *, names: bool = False) -> Any:
    """Without the generated titles, which only repeat the keys. `names`: the keys of this mapping are the user's own."""
    if isinstance(part, list):
        return [_plain(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: value if key in ("default", "enum", "const", "examples") and not names
        else _plain(value, names=key in ("properties", "$defs") and not names)
        for key, value in part.items()
        if names or key not in ("title", "discriminator")
    }  # fmt: skip
