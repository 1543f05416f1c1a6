"""--values: chart values on top of those that come from a spec, as with Helm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelops_runtime.contracts.errors import SpecErrors
from modelops_runtime.specs.document import FileKind, read_document

Values = dict[str, Any]

_FILE = FileKind("a values file", "values.yaml", "begin with a value of the chart, such as workers:")


def with_files(values: Mapping[str, Any], files: tuple[Path, ...]) -> Values:
    """`values` with the files' merged over them, in their order. Raises SpecErrors for a file that is no mapping in YAML."""
    made = dict(values)
    for file in files:
        document, ambiguous = read_document(file, _FILE)
        if ambiguous:
            raise SpecErrors(*ambiguous)
        made = merged(made, document.content)
    return made


def merged(values: Mapping[str, Any], over: Mapping[str, Any]) -> Values:
    """As Helm merges two values files: mappings key by key, anything else as a whole."""
    made = dict(values)
    for key, value in over.items():
        old = made.get(key)
        made[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return made
