"""--values: chart values on top of those that come from a spec, as with Helm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelops_runtime.contracts.errors import SpecErrors
from modelops_runtime.specs.document import FileKind, read_document
from mops.charts.from_specs import Values, merged
from mops.cluster.errors import WrongValues

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


@contextmanager
def blamed(files: tuple[Path, ...]) -> Iterator[None]:
    """Where the chart refuses its values inside the block, the files that may hold the mistake are named."""
    try:
        yield
    except WrongValues as error:
        if not files:
            raise
        raise WrongValues(error.args[0], f"correct the spec, or {' or '.join(map(str, files))}") from error
