"""Secrets come from a named file or variable, never from the config itself."""

from __future__ import annotations

import os
import re
from pathlib import Path

from modelops_runtime.contracts.errors import UserError


def expanded(path: Path) -> Path:
    """Without its ~. Raises UserError for the home of somebody who is not known here."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise UserError(f"{path}: there is no such user here; write the whole path") from None


def read_secret(where: str, key: str, file: str | None, variable: str, what: str) -> str:
    if file:
        return _secret_in(f"{where}.{key}_file", file)
    value = os.environ.get(variable)
    if not value:
        # One that does not look like a variable's name may be the secret itself.
        named = variable if re.fullmatch(r"[A-Z][A-Z0-9_]*", variable) else f"that {key}_env names"
        raise UserError(f"{where}: the variable {named} is not set; export it with {what}")
    return value


def _secret_in(key: str, file: str) -> str:
    # No Path.exists() or .expanduser(): those raise for what can be no path, which may be the secret itself.
    path = os.path.expanduser(file)
    if not os.path.exists(path):
        raise UserError(f"{key}: there is no such file; put the secret in one of mode 0600, and its path here")
    if not os.path.isfile(path):
        raise UserError(f"{key}: {path} is no file; name the file that holds the secret")
    try:
        text = Path(path).read_text("utf-8").strip()
    except UnicodeDecodeError:
        raise UserError(f"{key}: {path} is not UTF-8; save the secret as plain text") from None
    except OSError as error:
        raise UserError(f"{key}: {path} cannot be read ({error.strerror}); name a file that you may read") from None
    if not text:
        raise UserError(f"{key}: {path} is empty; put the secret there")
    return text
