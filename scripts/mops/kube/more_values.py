"""--values: chart values on top of those that come from a spec, as with Helm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelops_runtime.contracts.errors import SpecErrors
from modelops_runtime.specs.document import read_document
from mops.kube.values import Values, merged


def with_files(values: Mapping[str, Any], files: tuple[Path, ...]) -> Values:
    """`values` with the files' merged over them, in their order. Raises SpecErrors for a file that is no mapping in YAML."""
    made = dict(values)
    for file in files:
        document, ambiguous = read_document(file)
        if ambiguous:
            raise SpecErrors(*ambiguous)
        made = merged(made, document.content)
    return made
