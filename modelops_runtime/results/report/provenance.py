"""The table of where the numbers come from: identity, times, data, code and machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelops_runtime.contracts.wording import counted
from modelops_runtime.inference.targets import targets_of
from modelops_runtime.ledger.base import Run
from modelops_runtime.results.report.answer import AnswerRow


def provenance_rows(run: Run) -> Iterator[AnswerRow]:
    """The identity, the times, the data and the machine of a run, a line each."""
    yield AnswerRow(name="identity", value=run.identity)
    if run.created_at is not None:
        yield AnswerRow(name="created", value=f"{run.created_at:%Y-%m-%d %H:%M:%S} UTC")
    if run.finished_at is not None:
        yield AnswerRow(name="finished", value=f"{run.finished_at:%Y-%m-%d %H:%M:%S} UTC")
    for target in targets_of(run):
        left_out = f", {target.left_out} left out" if target.left_out else ""
        yield AnswerRow(
            name=f"target {target.name}",
            value=f"{counted(target.observed.size, 'observation')}{left_out}; loss {target.loss}; weight {target.weight:g}",
        )
    yield from _flat({name: value for name, value in run.provenance.items() if name != "warnings"}, "")


def _flat(value: Any, name: str) -> Iterator[AnswerRow]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{name} {key}".strip())
    elif isinstance(value, list | tuple):
        yield AnswerRow(name=name, value=", ".join(str(item) for item in value))
    elif value is not None:
        yield AnswerRow(name=name, value=str(value))
