"""A failure's first lines: what was expected, what came, and the command that repeats the test alone."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest._code.code import ExceptionChainRepr, ReprEntryNative
from _pytest._io.saferepr import saferepr

from tests.support.sizes import FULL

Caught = pytest.ExceptionInfo[BaseException]
_TESTS = Path(__file__).resolve().parents[1]
_WIDTH = 400
"""Characters of a value that are shown; pytest's own lines below have more."""

_failed: list[tuple[str, object, object]] = []
"""Comparisons of assertions that did not hold, in the test that runs now."""


def pytest_assertrepr_compare(op: str, left: object, right: object) -> None:
    _failed.append((op, left, right))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.failed and call.excinfo is not None and isinstance(report.longrepr, ExceptionChainRepr):
        lines = [*_told_safely(call.excinfo, item), f"alone:    {alone(item)}"]
        first = report.longrepr.chain[0][0]
        first.reprentries = [ReprEntryNative([f"{line}\n" for line in lines]), *first.reprentries]
    _failed.clear()
    return report  # type: ignore[return-value]


def _told_safely(caught: Caught, item: pytest.Item) -> list[str]:
    """What a failure looks like never takes the failure's place."""
    try:
        return told(caught, item)
    except Exception as error:
        return [f"came:     {_short(caught.exconly())}", f"(and its first lines could not be made: {error!r})"]


def told(caught: Caught, item: pytest.Item) -> list[str]:
    """What was expected and what came."""
    ours = [one for one in caught.traceback if one.path == item.path or _TESTS in Path(one.path).parents]
    entry = (ours or caught.traceback)[-1]
    where = f"{os.path.relpath(entry.path, item.config.rootpath)}:{entry.lineno + 1}"
    statement = _asserted(str(entry.statement).strip())
    if not isinstance(caught.value, AssertionError):
        wish = statement if statement.startswith("with pytest.") else f"no error from {statement}"
        return [f"expected: {_short(wish)}  ({where})", f"came:     {_short(caught.exconly())}"]
    message = str(caught.value).partition("\nassert ")[0]
    message = "" if message.startswith("assert ") else _short(message)
    lines = [f"expected: {_short(statement)}  ({where})"]
    if _failed and f" {_failed[-1][0]} " in statement:
        op, left, right = _failed[-1]
        lines += [f"came:     {saferepr(left, _WIDTH)}", f"needed:   {op} {saferepr(right, _WIDTH)}"]
        return [*lines, f"said:     {message}"] if message else lines
    return [*lines, f"came:     {message or 'it does not hold'}"]


def alone(item: pytest.Item) -> str:
    """The command, from the project's folder, that runs this test and no other."""
    name = item.nodeid.replace("'", "'\\''")
    size = "MODELOPS_TEST_SIZE=full " if FULL else ""
    if item.get_closest_marker("cluster"):
        return f"{size}make test-cluster TESTS='{name.replace('$', '$$')}'"
    return f"{size}{os.path.relpath(sys.executable, item.config.rootpath)} -m pytest '{name}'"


def _asserted(statement: str) -> str:
    """What an assert statement asserts, without its message; any other statement as it is."""
    try:
        (parsed,) = ast.parse(statement).body
    except (SyntaxError, ValueError):
        return statement
    return ast.unparse(parsed.test) if isinstance(parsed, ast.Assert) else statement


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}..."
