"""--values: chart values on top of those that come from a spec, as with Helm."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from modelops_runtime.contracts.errors import SpecErrors
from modelops_runtime.specs.document import FileKind, read_document
from modelops_runtime.specs.messages import mistakes_of
from mops.charts.base import ChartValues

_FILE = FileKind("a values file", "values.yaml", "begin with a value of the chart, such as workers:")

V = TypeVar("V", bound=ChartValues)


def with_files(values: V, files: tuple[Path, ...]) -> V:
    """`values` with the files' merged over them, in their order. Raises SpecErrors, with the place of each mistake."""
    for file in files:
        document, ambiguous = read_document(file, _FILE)
        if ambiguous:
            raise SpecErrors(*ambiguous)
        try:
            values = values.over(document.content)
        except ValidationError as error:
            raise SpecErrors(*document.errors(mistakes_of(error))) from None
    return values
