"""Temporary folders that are removed soon after their process ends, even if it is killed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator

_PREFIX = "modelops-scratch-"
_LOCK = ".lock"
_TRIES = 100


@contextlib.contextmanager
def scratch_folder(parent: str | None = None) -> Iterator[str]:
    """A new folder (by default in the system's temporary one), removed afterwards. A lock on it marks it as in use.

    Raises OSError if it cannot be created or locked.
    """
    folder, lock = _make(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _make(parent: str | None) -> tuple[str, int]:
    for _ in range(_TRIES):  # before it is locked, another process may think it abandoned
        folder = tempfile.mkdtemp(prefix=_PREFIX, dir=parent)
        lock = _try_lock(folder, create=True)
        if lock is not None:
            return folder, lock
        shutil.rmtree(folder, ignore_errors=True)
    raise OSError(errno.ENOLCK, "no file can be locked there", parent)


def remove_abandoned(parent: str | None = None) -> None:
    """Remove the folders of processes that were killed."""
    parent = parent or tempfile.gettempdir()
    for name in os.listdir(parent):
        if not name.startswith(_PREFIX):
            continue
        folder = os.path.join(parent, name)
        lock = _try_lock(folder, create=False)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _try_lock(folder: str, *, create: bool) -> int | None:
    """The locked descriptor; None if another process holds it or the folder is gone."""
    path = os.path.join(folder, _LOCK)
    try:
        lock = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.exists(path):
            return lock
    except OSError:
        pass
    os.close(lock)
    return None
