"""Checks whether files that are linked to still have their recorded contents."""

from __future__ import annotations

import time
from pathlib import Path

from modelops_runtime.bundles.archive import File, digest_of_file
from modelops_runtime.bundles.cache import ContentStore
from modelops_runtime.bundles.snapshot import Snapshot, stamp_of
from modelops_runtime.contracts.errors import ModelChanged, UserError

_DAY_S = 86_400


class LinkedFiles:
    """The linked files of one snapshot. For one thread."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._root = snapshot.root
        self._files = [(each.file, each.digest) for each in snapshot.linked if each.stamp is not None]
        self._stamps = {each.file.name: each.stamp for each in snapshot.linked}
        self._copied = [each.digest for each in snapshot.copied]
        self._store = ContentStore(Path(snapshot.store))
        self._next_touch = time.monotonic() + _DAY_S

    def check(self) -> None:
        """Compare sizes and times, and digests where these differ. Raises ModelChanged."""
        now = time.monotonic()
        if now >= self._next_touch:
            self._store.touch(self._copied)
            self._next_touch = now + _DAY_S
        for file, recorded in self._files:
            self._check_file(file, recorded)

    def _check_file(self, file: File, recorded: str) -> None:
        try:
            stamp = stamp_of(file.path)
            if stamp == self._stamps[file.name]:
                return
            if stamp[2] != file.size or digest_of_file(file.path) != recorded:
                raise ModelChanged(file.name, self._root)
        except (OSError, UserError) as error:
            raise ModelChanged(file.name, self._root) from error
        self._stamps[file.name] = stamp
