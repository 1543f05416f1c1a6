"""From a file to a checked spec, with its data: every mistake is found before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from modelops_runtime.contracts.errors import SpecError, SpecErrors
from modelops_runtime.options.base import Loc, Mistake
from modelops_runtime.specs.adaptive import AdaptiveSpec
from modelops_runtime.specs.document import Document, read_document
from modelops_runtime.specs.messages import mistakes_of
from modelops_runtime.specs.observed import Unreadable, check_target, read_table
from modelops_runtime.specs.targets import TargetSpec


@dataclass(frozen=True, kw_only=True)
class LoadedSpec:
    """A spec without a mistake that can be seen without its model, and its data."""

    spec: AdaptiveSpec
    path: Path
    """As the user gave it."""
    root: Path
    """The spec's folder, absolute; paths in the spec are relative to it."""
    observed: Mapping[str, pa.Table]
    """Target -> its data, all columns."""
    document: Document = field(repr=False)

    def error(self, path: str, wrong: str, right: str, *, at_key: bool = False) -> SpecError:
        """A mistake at a dotted path such as `targets.in_bed.match`, or at the deepest part of it that the file has."""
        return self.document.error(Mistake(self.document.loc_of(path), wrong, right, at_key))


def load_spec(path: Path) -> LoadedSpec:
    """Read and check a spec. Raises SpecErrors with all its mistakes, in the order of its lines."""
    document, ambiguous = read_document(path)
    root = path.resolve().parent
    spec, found = _validated(document.content)
    observed, about_data = _observed(document.content, root)
    said = {error.args[0] for error in ambiguous}
    errors = [*ambiguous, *(error for error in document.errors(found + about_data) if error.args[0] not in said)]
    if errors or spec is None:
        raise SpecErrors(*in_order(errors))
    return LoadedSpec(spec=spec, path=path, root=root, observed=observed, document=document)


def _validated(content: Any) -> tuple[AdaptiveSpec | None, list[Mistake]]:
    try:
        return AdaptiveSpec.model_validate(content), []
    except ValidationError as error:
        return None, mistakes_of(error)


def _observed(content: Mapping[str, Any], root: Path) -> tuple[dict[str, pa.Table], list[Mistake]]:
    """The data of the targets that are sound, whatever is wrong elsewhere."""
    targets = content.get("targets")
    tables: dict[str, pa.Table] = {}
    found: list[Mistake] = []
    for name, given in targets.items() if isinstance(targets, Mapping) else ():
        try:
            target = TargetSpec.model_validate(given)
        except ValidationError:
            continue
        by_loc: Loc = ("by",) if "by" in given else ("match", "by")
        try:
            tables[name] = read_table(root / target.observed, target.observed)
        except Unreadable as unreadable:
            found.append(Mistake(("targets", name, "observed"), *unreadable.args))
            continue
        for one in check_target(target, tables[name], by_loc):
            loc = one.loc if one.loc != ("value", "observed") or isinstance(given["value"], Mapping) else ("value",)
            found.append(one._replace(loc=("targets", name, *loc)))
    return tables, found


def in_order(errors: Iterable[SpecError]) -> list[SpecError]:
    """By line and column."""
    return sorted(errors, key=_line_and_column)


def _line_and_column(error: SpecError) -> tuple[int, int]:
    _, line, column = error.args[0].rsplit(":", 2)
    return int(line), int(column)
