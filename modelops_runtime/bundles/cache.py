"""The cache of this user on this machine: contents of files by digest, for all runs, and a place for the folders of runs."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from modelops_runtime.bundles.archive import digest

KEPT_S = 30 * 86_400.0
"""Seconds that a content is kept after its last use."""

_DAY_S = 86_400.0


def cache_folder() -> Path:
    """MODELOPS_CACHE, else `modelops` in XDG_CACHE_HOME, else ~/.cache/modelops. It may not exist.

    Raises OSError if none of these is set.
    """
    if given := os.environ.get("MODELOPS_CACHE"):
        return Path(given).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if not os.path.isabs(base):
        raise OSError(errno.ENOENT, "there is no home folder", base)
    return Path(base) / "modelops"


class ContentStore:
    """Contents by digest in one folder, readable by its owner only. Safe for several processes at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> None:
        """Create the folder and check that it is writable. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.folder) as probe:
            probe.write(b"\0")

    def put(self, content: bytes) -> str:
        """Store a content; returns its digest. A damaged file of that digest is written again. Raises OSError."""
        name = digest(content)
        path = self._path(name)
        if self._holds(path, content):
            self.touch([name])
        else:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, part = tempfile.mkstemp(prefix=".part-", dir=path.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                os.chmod(part, 0o400)
                os.replace(part, path)
            except BaseException:
                os.unlink(part)
                raise
        return name

    @staticmethod
    def _holds(path: Path, content: bytes) -> bool:
        try:
            return path.read_bytes() == content
        except OSError:
            return False

    def get(self, name: str) -> bytes | None:
        """A content by its digest; None if it is missing or damaged."""
        try:
            content = self._path(name).read_bytes()
        except OSError:
            return None
        return content if digest(content) == name else None

    def touch(self, names: Iterable[str]) -> None:
        """Record that these contents are in use."""
        for name in names:
            with contextlib.suppress(OSError):
                os.utime(self._path(name))

    def prune(self, *, older_than_s: float = KEPT_S) -> None:
        """Remove contents that were not used for so long; runs at most once a day."""
        stamp, now = self.folder / ".pruned", time.time()
        with contextlib.suppress(OSError):
            if stamp.exists() and 0 <= now - stamp.stat().st_mtime < _DAY_S:
                return
            stamp.touch()
            for path in self.folder.glob("??/*"):
                with contextlib.suppress(OSError):
                    if now - path.stat().st_mtime > older_than_s:
                        path.unlink()

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / name
