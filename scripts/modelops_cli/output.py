"""Output of a command line: lines for people, JSON for programs, as plain text (`plain_text`).

Without click, so that what lies below the commands can write, too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from modelops_runtime.contracts.plain_text import json_text, plain_line


def echo_line(line: object, *, err: bool = False) -> None:
    """Print one line; line ends in it are escaped, so that a name cannot imitate our output."""
    _write(plain_line(str(line)), err=err)


def echo_lines(lines: Iterable[object], *, err: bool = False) -> None:
    """Lines, written at once."""
    _write("\n".join(plain_line(str(line)) for line in lines), err=err)


def echo_json(value: Any, *, indent: int | None = None) -> None:
    """JSON on standard output: one line, unless `indent` says otherwise."""
    _write(json_text(value, indent=indent), err=False)


def _write(text: str, *, err: bool) -> None:
    """At once, whole; nothing where a program was started without that stream."""
    stream = sys.stderr if err else sys.stdout
    if stream is not None:
        stream.write(f"{text}\n")
        stream.flush()
