"""The one door for text that others wrote: nothing in it steers a terminal, hides a letter, or turns a line around.

A model's error, a name in a shared ledger, a pod's log, an answer of Azure: each may hold escape sequences, control
bytes, marks of direction, invisible letters. They are kept as data, and shown as `\\x1b`, `\\u202e`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TextIO
from unicodedata import category

_TO_LOOK_AT = re.compile(r"[^\n\t -~]")

_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
"""Unicode's categories: control, format (directions, zero width, tags), surrogate, unassigned, line and paragraph ends."""


def plain_text(text: str) -> str:
    """`text` with every control and every invisible letter as an escape. Line ends and tabs stay; CR LF is a line end."""
    return _TO_LOOK_AT.sub(lambda found: _shown(found[0]), text.replace("\r\n", "\n"))


def plain_line(text: str, *, limit: int | None = None) -> str:
    """The same as one line, of `limit` characters at the most: its line ends and tabs are spaces."""
    line = plain_text(" ".join(text.splitlines())).replace("\t", " ")
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"


@lru_cache(maxsize=4096)
def _shown(letter: str) -> str:
    if category(letter) not in _NOT_SHOWN:
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def json_text(value: Any, **options: Any) -> str:
    """JSON in printable ASCII alone. `options` are those of `json.dumps`, which leaves DEL as it is."""
    return json.dumps(value, **options).replace("\x7f", "\\u007f")


class PlainStream:
    """A text stream that writes what it is given as plain text. It has no `buffer`: bytes would go past the door."""

    def __init__(self, stream: TextIO) -> None:
        self.unfiltered = stream

    def write(self, text: str) -> int:
        self.unfiltered.write(plain_text(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":
            raise AttributeError(name)
        return getattr(self.unfiltered, name)


@contextmanager
def plain_streams() -> Iterator[None]:
    """Inside, all that is written to standard output and standard error by name is plain text, whoever writes it."""
    before = sys.stdout, sys.stderr
    ours = sys.stdout, sys.stderr = _plain_stream(sys.stdout), _plain_stream(sys.stderr)
    try:
        yield
    finally:
        # One that was exchanged meanwhile, because nobody reads it any more, stays exchanged.
        sys.stdout = before[0] if sys.stdout is ours[0] else sys.stdout
        sys.stderr = before[1] if sys.stderr is ours[1] else sys.stderr


def _plain_stream(stream: Any) -> Any:
    return stream if stream is None or isinstance(stream, PlainStream) else PlainStream(stream)


def unfiltered(stream: Any) -> Any:
    """The stream behind the door, for who draws on a terminal and makes the text between its own sequences plain."""
    return stream.unfiltered if isinstance(stream, PlainStream) else stream
