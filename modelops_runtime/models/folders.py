"""Lets models of several folders share a process, each with its own `import helper`."""

from __future__ import annotations

import os
import sys
from types import ModuleType

_active: tuple[str, ...] = ()
"""The folders at the front of sys.path for the active model."""
_set_aside: dict[tuple[str, ...], dict[str, ModuleType]] = {}
"""Modules imported from folders of inactive models, since another model may have modules of the same names."""


def activate(folders: tuple[str, ...]) -> None:
    """Let `import` search `folders` first, and forget the modules of the previously active folders. Cheap if nothing changes."""
    global _active
    if folders == _active:
        return
    if _active:
        _set_aside[_active] = _take_modules(_active)
        sys.path[:] = [entry for entry in sys.path if entry not in _active]
    sys.path[:] = [*folders, *(entry for entry in sys.path if entry not in folders)]
    sys.modules.update(_set_aside.pop(folders, {}))
    _active = folders


def active_folders() -> tuple[str, ...]:
    """What was last activated."""
    return _active


def _take_modules(folders: tuple[str, ...]) -> dict[str, ModuleType]:
    own = {
        name: module for name, module in list(sys.modules.items()) if name != "__main__" and _lies_in(module, folders)
    }
    for name in own:
        del sys.modules[name]
    return own


def _lies_in(module: ModuleType, folders: tuple[str, ...]) -> bool:
    """A package without `__init__.py` has no file, only search paths."""
    place = getattr(module, "__file__", None)
    if not place:
        place = next(iter(getattr(module, "__path__", ())), None)
    return isinstance(place, str) and is_own_file(place, folders)


def is_own_file(path: str, folders: tuple[str, ...]) -> bool:
    """Whether a file belongs to the model: below one of its folders, not in an installed package or ours."""
    path = os.path.realpath(path)
    if f"{os.sep}site-packages{os.sep}" in path or path.startswith(OURS):
        return False
    return any(path.startswith(os.path.join(os.path.realpath(folder), "")) for folder in folders)


OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "")
"""The folder of this package."""
