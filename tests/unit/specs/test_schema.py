"""The JSON Schema accepts what the loader accepts, key by key."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from modelops_runtime.specs.adaptive import AdaptiveSpec
from modelops_runtime.specs.schema import adaptive_schema
from tests.unit.specs.files import FULL, SPEC
from tests.unit.specs.test_mistakes import MISTAKES

SCHEMA = adaptive_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
BETWEEN_KEYS = (
    "not below max", "scale has", "step is", "is there twice", "and the type is int", "both given", "is given here",
    "is matched already", "no parameter", "is fixed", "no central_store", "no existing_secret", "is not a finite", "is nan",
    "is not a loss", "of the prior", "nuisance parameter", "no loss uses", "among the parameters", "and its min is",
)  # fmt: skip
"""What a schema cannot say, or says in another way: mistakes between keys, numbers that JSON does not have, losses that may
be installed elsewhere."""


def content(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def loader_accepts(data: Any) -> bool:
    try:
        AdaptiveSpec.model_validate(data)
    except ValidationError:
        return False
    return True


def test_the_schema_is_a_sound_one_of_draft_2020_12() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "$id" not in SCHEMA


@pytest.mark.parametrize("text", [SPEC, FULL], ids=["short", "full"])
def test_sound_specs_are_accepted(text: str) -> None:
    assert list(VALIDATOR.iter_errors(content(text))) == []


def test_what_an_editor_shows_is_there() -> None:
    search = SCHEMA["$defs"]["SearchSpec"]["properties"]
    assert search["trials"] == {"default": 300, "description": "parameter sets", "minimum": 1, "type": "integer"}
    model = SCHEMA["$defs"]["ModelSpec"]["properties"]
    assert model["timeout"]["default"] == "10m"
    assert model["memory"]["default"] == "2Gi"
    assert all("description" in part for part in search.values() if "$ref" not in part)


def shapes() -> list[Any]:
    """The mistakes of single keys, as far as they are JSON."""
    found = []
    for given_, instead, _, wrong, _ in MISTAKES:
        text = SPEC.replace(given_, instead, 1)
        if any(
            part in wrong
            for part in (*BETWEEN_KEYS, "not YAML", "tag", "data.", "no file", "is a number", "(a date)", "region")
        ):
            continue
        found.append(pytest.param(text, id=f"{wrong[:50]}"))
    return found


@pytest.mark.parametrize("text", shapes())
def test_a_wrong_shape_is_wrong_to_both(text: str) -> None:
    data = content(text)
    assert not loader_accepts(data)
    assert not VALIDATOR.is_valid(data)


VALUES: list[Any] = [
    None, True, False, 0, 1, 3, -1, 2.0, 2.5, "", "a", "3", "30s", "2Gi", "tpe", "model.py:f", [], ["a"], [1], {}, {"a": 1},
    {"min": 0, "max": 1}, {"choices": ["a"]}, {"exact": "day"}, {"after": 2}, {"observed": "a", "simulated": "b"},
    {"kind": "poisson"}, {"kind": "binomial", "n": 3}, "poisson", "pkg.mod:fn", {"function": "pkg.mod:fn"},
]  # fmt: skip


def paths(part: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [at, *(path for key, value in items for path in paths(value, (*at, key)))]


FULL_CONTENT = content(FULL)
PATHS = [path for path in paths(FULL_CONTENT) if path]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_a_value_put_anywhere_is_accepted_by_both_or_by_none(path: tuple[Any, ...]) -> None:
    for value in VALUES:
        data = copy.deepcopy(FULL_CONTENT)
        part = data
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value
        by_schema, by_loader = VALIDATOR.is_valid(data), loader_accepts(data)
        if by_schema != by_loader:
            assert by_schema, f"the schema refuses {value!r}"
            assert_only_between_keys(data)


def assert_only_between_keys(data: Any) -> None:
    """What the loader alone refuses is what its `across` says, or a quirk between keys of a loss."""
    with pytest.raises(ValidationError) as caught:
        AdaptiveSpec.model_validate(data)
    for line in caught.value.errors():
        context = line.get("ctx", {})
        assert "wrong" in context, line


def test_the_example_of_the_repository_is_accepted() -> None:
    for file in Path("examples").glob("*/adaptive.yaml"):
        assert list(VALIDATOR.iter_errors(content(file.read_text()))) == [], file
