"""Files that are their owner's alone, whatever the umask: a ledger and a model's logs may tell of people."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

FOLDER = ".modelops"
"""Our own folder: 0700, and so is what is made in it. One that is open to others, and ours, is closed to them."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_folder(path: Path, *, mode: int = 0o777) -> None:
    """Make the folder `path` with its parents at need; `mode` is its own where it is made. Raises OSError."""
    whole = path.absolute()
    for folder in [one for one in (*reversed(whole.parents), whole) if not one.is_dir()]:
        private = FOLDER in folder.parts
        folder.mkdir(mode=0o700 if private else mode if folder == whole else 0o777, exist_ok=True)
    if (own := _own_folder(whole)) is not None:
        close_to_others(own)


def make_file(path: Path) -> None:
    """An empty file with mode 0600 where there is none; one that is there, in a folder of ours, is closed to others.

    What cannot be made is left to whoever opens it, who says why.
    """
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    if _own_folder(path.absolute().parent) is not None:
        close_to_others(path)


@contextlib.contextmanager
def appended(path: Path) -> Iterator[TextIO]:
    """The file, opened to append text to; mode 0600, also where it was there. Raises OSError."""
    handle = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    with open(handle, "a", encoding="utf-8", errors="backslashreplace") as file:
        close_to_others(path)
        yield file


def close_to_others(path: Path) -> None:
    """Take away what group and others may do with it, where it is there and ours."""
    with contextlib.suppress(OSError):
        found = path.stat()
        if found.st_mode & _OTHERS and found.st_uid == os.geteuid():
            path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)


def _own_folder(folder: Path) -> Path | None:
    return next((one for one in (folder, *folder.parents) if one.name == FOLDER), None)
