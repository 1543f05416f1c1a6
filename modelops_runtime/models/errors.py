"""Formats an exception of a model for its author: one line, and a traceback without our frames."""

from __future__ import annotations

import os
import traceback

from modelops_runtime.models.folders import OURS, is_own_file

_NUMPY_SEED = "Seed must be between 0 and 2**32 - 1"


class CommandFailed(Exception):
    """The command of a model ended with an exit code other than 0; `str()` is the line for users."""


def describe_error(error: BaseException, root: str) -> tuple[str, str]:
    """`ZeroDivisionError: division by zero (model.py:12)`, and the traceback. Never raises.

    The position is the innermost frame in the folder of the model, else the innermost one that is not ours, else none.
    """
    try:
        if isinstance(error, CommandFailed):
            return str(error), ""
        return _line(error, root), _trace(error)
    except BaseException:
        return type(error).__name__, ""


def line_of(error: BaseException, root: str) -> str:
    """Only the line of `describe_error`."""
    return describe_error(error, root)[0]


def _line(error: BaseException, root: str) -> str:
    name, text = type(error).__name__, _text(error)
    if isinstance(error, SyntaxError):
        place = _place(error.filename, error.lineno, root) if error.filename else ""
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_ours(frame.filename)]
        own = [frame for frame in frames if is_own_file(frame.filename, (root,))]
        at = (own or frames)[-1:]
        place = _place(at[0].filename, at[0].lineno, root) if at else ""
    return (f"{name}: {text}" if text else name) + (f" ({place})" if place else "")


def _text(error: BaseException) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except BaseException:
        return "(its text cannot be shown)"
    if text.startswith(_NUMPY_SEED):
        return f"{text}; a spec's model.seed_bits: 32 gives such seeds"
    return text


def _place(filename: str, line: int | None, root: str) -> str:
    shown = os.path.basename(filename)
    if is_own_file(filename, (root,)):
        shown = os.path.relpath(os.path.realpath(filename), os.path.realpath(root))
    return f"{shown}:{line}" if line else shown


def _is_ours(filename: str) -> bool:
    return filename.startswith((OURS, "<frozen importlib"))


def _trace(error: BaseException) -> str:
    try:
        whole = traceback.TracebackException.from_exception(error)
        _leave_out_ours(whole, set())
        return "".join(whole.format())
    except BaseException:
        return ""


def _leave_out_ours(part: traceback.TracebackException | None, seen: set[int]) -> None:
    """Remove our frames from an exception, its causes and its members."""
    if part is None or id(part) in seen:
        return
    seen.add(id(part))
    part.stack = traceback.StackSummary.from_list([frame for frame in part.stack if not _is_ours(frame.filename)])
    for other in (part.__cause__, part.__context__, *(part.exceptions or ())):
        _leave_out_ours(other, seen)
