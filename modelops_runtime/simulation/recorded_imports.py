"""In a simulation's process: imports modules of the recorded folder from its copy, however they are found."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType

from modelops_runtime.bundles.snapshot import Snapshot


def import_recorded(snapshot: Snapshot, folder: str) -> None:
    """Redirect imports here and in Python programs that this process starts.

    The search path may lead to the folder itself (PYTHONPATH, an editable install, a path that the model puts there).
    """
    sys.meta_path.insert(0, _Finder(snapshot, folder))
    if paths := os.environ.get("PYTHONPATH"):
        own = {os.path.join(snapshot.root, name).rstrip(os.sep): name for name in ("", *snapshot.folders)}
        given = [(path, own.get(os.path.realpath(path)) if path else None) for path in paths.split(os.pathsep)]
        there = [path if name is None else os.path.join(folder, name) for path, name in given]
        os.environ["PYTHONPATH"] = os.pathsep.join(there)


class _Finder:
    """Asks all other finders, and redirects what they find in the recorded folder to the copy."""

    def __init__(self, snapshot: Snapshot, folder: str) -> None:
        self._root = os.path.join(os.path.realpath(snapshot.root), "")
        self._places = {copied.place for copied in snapshot.copied}
        self._folder = folder

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        for finder in sys.meta_path:
            if not isinstance(finder, _Finder) and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    return self._recorded(spec)
        return None

    def _recorded(self, spec: ModuleSpec) -> ModuleSpec:
        origin = os.path.realpath(spec.origin) if spec.has_location and spec.origin else ""
        place = origin.removeprefix(self._root)
        if place == origin or place not in self._places:
            return spec
        copy = os.path.join(self._folder, place)
        is_package = spec.submodule_search_locations is not None
        found = spec_from_file_location(
            spec.name, copy, submodule_search_locations=[os.path.dirname(copy)] if is_package else None
        )
        return found or spec
