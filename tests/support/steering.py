"""What in a text would steer the terminal that shows it, or turn its lines around."""

from __future__ import annotations

import unicodedata

NASTY = "\x1b]52;c;ZXZpbA==\x07\x1b[2J\x1b]8;;http://evil\x1b\\\x9b31m\x00\x7f\b\r\x0b\x0c\u202eevil\u2066\u061c\u200b\u2028\U000e0041\x85x"
"""Clipboard, clear, link, C1, NUL, DEL, backspace, directions, zero width, line ends, tags."""


def steering(text: str) -> set[str]:
    """The letters, by number, that are controls, formats or surrogates; line ends and tabs are none."""
    return {hex(ord(c)) for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
