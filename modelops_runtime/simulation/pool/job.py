"""Jobs of an executor, and their outcomes."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from modelops_runtime.contracts.errors import ModelChanged
from modelops_runtime.contracts.failures import LOG_LIMIT, BadOutput, Complaint, Failure, FailureKind

_LINE_LIMIT = 1_000


class Job(Protocol):
    """Sent to each worker process once, pickled; loaded there for its first item."""

    def load(self) -> Callable[[Any], Any]:
        """The function of one item. It must return plain data, which is sent pickled."""
        ...

    def describe(self, error: BaseException) -> tuple[str, str]:
        """An error of `load` or of the function as one line for people, and as a traceback."""
        ...


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """The outcome of one item."""

    seconds: float
    """Wall time in the worker."""
    value: Any = None
    failure: Failure | None = None
    log: str = ""
    """The end of what the item printed, with the traceback of its failure."""


def describe_plainly(error: BaseException) -> tuple[str, str]:
    """`ValueError: text` and the traceback; never raises, even if formatting the error fails."""
    name = type(error).__name__
    try:
        text = str(error)
    except BaseException:
        text = "(its text cannot be shown)"
    try:
        trace = "".join(traceback.format_exception(error))
    except BaseException:
        trace = ""
    return (f"{name}: {text}" if text else name), trace


PlainFailure = tuple[str, str, tuple[Complaint, ...], tuple[str, str] | None]
"""Kind, message, complaints, changed_file: what crosses the process boundary, since the exception itself may not."""


def explain(job: Job, error: BaseException) -> tuple[PlainFailure, str]:
    """An exception as plain data, with its traceback."""
    if isinstance(error, BadOutput):
        return (FailureKind.BAD_OUTPUT, one_line(str(error)), _shortened(error.complaints), None), ""
    if isinstance(error, ModelChanged):
        name, folder = error.args
        return (FailureKind.LOST, one_line(str(error)), (), (str(name), str(folder))), ""
    try:
        line, trace = job.describe(error)
    except BaseException:
        line, trace = describe_plainly(error)
    kind = FailureKind.OUT_OF_MEMORY if isinstance(error, MemoryError) else FailureKind.MODEL_ERROR
    return (kind, one_line(line), (), None), trace


def _shortened(complaints: Sequence[Complaint]) -> tuple[Complaint, ...]:
    return tuple(replace(each, wrong=one_line(each.wrong), right=one_line(each.right)) for each in complaints)


def one_line(text: str) -> str:
    """`text` on one line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= _LINE_LIMIT else line[: _LINE_LIMIT - 3] + "..."


def end_of_log(*parts: str) -> str:
    """The last LOG_LIMIT bytes of the parts, each from a line of its own."""
    text = ""
    for part in filter(None, parts):
        text += part if not text or text.endswith("\n") else "\n" + part
    if len(text) * 4 <= LOG_LIMIT:
        return text
    return text.encode("utf-8", "replace")[-LOG_LIMIT:].decode("utf-8", "ignore")
