"""The cache of this user on this machine: contents of files by their digests, for every run, and room for runs to work in."""

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
"""How long a content is kept that no run has used."""

_DAY_S = 86_400.0


def cache_folder() -> Path:
    """MODELOPS_CACHE, else `modelops` in XDG_CACHE_HOME, else ~/.cache/modelops. It need not be there.

    Raises OSError where nothing says which.
    """
    if given := os.environ.get("MODELOPS_CACHE"):
        return Path(given).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if not os.path.isabs(base):
        raise OSError(errno.ENOENT, "there is no home folder", base)
    return Path(base) / "modelops"


class Store:
    """Contents by digest, below one folder, readable by its owner alone. Several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> None:
        """Make the folder, and see that something can be written there. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.folder) as probe:
            probe.write(b"\0")

    def put(self, content: bytes) -> str:
        """Keep a content; its digest. Written anew where what is there is not what its name says. Raises OSError."""
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
        """A content by its digest; None when it is not there, or is damaged."""
        try:
            content = self._path(name).read_bytes()
        except OSError:
            return None
        return content if digest(content) == name else None

    def touch(self, names: Iterable[str]) -> None:
        """Note that these are in use."""
        for name in names:
            with contextlib.suppress(OSError):
                os.utime(self._path(name))

    def prune(self, *, older_than_s: float = KEPT_S) -> None:
        """Remove what nobody has used for so long; looks once a day at the most."""
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
