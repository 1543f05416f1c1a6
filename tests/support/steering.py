"""What in a text would steer the terminal that shows it, or turn its lines around."""

from __future__ import annotations

import re
import unicodedata

_STYLE = re.compile(r"\x1b\[[\d;]*m")
"""Colours and weights (SGR)."""

NASTY = "\x1b]52;c;ZXZpbA==\x07\x1b[2J\x1b]8;;http://evil\x1b\\\x9b31m\x00\x7f\b\r\x0b\x0c\u202eevil\u2066\u061c\u200b\u2028\U000e0041\x85x"
"""Clipboard, clear, link, C1, NUL, DEL, backspace, directions, zero width, line ends, tags."""


def steering(text: str, *, styled: bool = False) -> set[str]:
    """The letters, by number, that are controls, formats or surrogates; line ends and tabs are none.

    `styled`: colours are let through, as our own display makes them.
    """
    left = _STYLE.sub("", text) if styled else text
    return {hex(ord(c)) for c in left if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
