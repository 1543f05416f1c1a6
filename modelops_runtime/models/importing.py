"""Imports what an entry point names; if something is missing, one line lists what exists."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable
from hashlib import blake2b
from types import ModuleType
from typing import Any

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.models.errors import line_of
from modelops_runtime.models.folders import activate
from modelops_runtime.models.reference import Reference
from modelops_runtime.models.source import ENTRYPOINT_PATH


def find(reference: Reference, root: str) -> tuple[Any, ModuleType]:
    """The function or class, and its module. Raises BadOutput; MemoryError and Ctrl-C pass through."""
    importlib.invalidate_caches()
    module = _import_file(reference.file, root) if reference.file else _import_module(reference.module or "", root)
    found: Any = module
    for name in reference.attribute.split("."):
        if not hasattr(found, name):
            within = reference.place if found is module else f"{reference.place}:{found.__name__}"
            raise problem(f"{within} has no {name!r}", right=_or_rather(name, _public_names(found)))
        found = getattr(found, name)
    if not callable(found):
        raise problem(
            f"{reference.place}:{reference.attribute} is of type {type(found).__name__}",
            right="it is to be a function or a class",
        )
    return found, module


def problem(wrong: str, path: str = ENTRYPOINT_PATH, *, right: str = "") -> BadOutput:
    """The error for a mistake in the name of the model."""
    return BadOutput(wrong, path, right)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is closest to `name`."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def _or_rather(name: str, known: list[str]) -> str:
    close = nearest(name, known)
    if close:
        return f"did you mean {close!r}?"
    return f"it has {', '.join(known[:8])}" if known else "it defines no function or class"


def _public_names(owner: Any) -> list[str]:
    """The names that the module defines; imported names only if it defines none."""
    names = {name: value for name, value in vars(owner).items() if not name.startswith("_") and callable(value)}
    home = getattr(owner, "__name__", None) if isinstance(owner, ModuleType) else None
    own = [name for name, value in names.items() if home is None or getattr(value, "__module__", None) == home]
    return own or list(names)


def _import_file(file: str, root: str) -> ModuleType:
    path = os.path.realpath(os.path.join(root, file))
    folder = os.path.dirname(path)
    if not os.path.isfile(path):
        raise problem(f"there is no file {file} in {root}", right=_other_file(path))
    activate((folder,) if folder == os.path.realpath(root) else (folder, os.path.realpath(root)))
    name = f"_modelops_model_{blake2b(path.encode(), digest_size=8).hexdigest()}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        # Not by the loader, which would use a cached .pyc of a file edited within the same second.
        with open(path, "rb") as source:
            code = compile(source.read(), path, "exec", dont_inherit=True)
        exec(code, module.__dict__)
    except BaseException as error:
        del sys.modules[name]
        raise _translated(error, file, root) from error
    return module


def _other_file(path: str) -> str:
    folder = os.path.dirname(path)
    try:
        there = sorted(name for name in os.listdir(folder) if name.endswith(".py"))
    except OSError:
        return f"there is no folder {folder}"
    close = nearest(os.path.basename(path), there)
    if close:
        return f"did you mean {close}?"
    return f"there is {', '.join(there[:8])}" if there else ""


def _import_module(name: str, root: str) -> ModuleType:
    activate((os.path.realpath(root),))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name != missing and not name.startswith(missing + "."):
            raise _translated(error, name, root) from error
        raise problem(
            f"there is no module {missing!r} in {root} or among the installed", right=_other_module(missing, root)
        ) from error
    except BaseException as error:
        raise _translated(error, name, root) from error


def _other_module(name: str, root: str) -> str:
    *parents, last = name.split(".")
    try:
        there = [entry.removesuffix(".py") for entry in os.listdir(os.path.join(root, *parents))]
    except OSError:
        return ""
    close = nearest(last, [entry for entry in there if entry.isidentifier()])
    return f"did you mean {'.'.join([*parents, close])!r}?" if close else ""


def _translated(error: BaseException, place: str, root: str) -> BaseException:
    """An error that the module of the user raised while it was imported."""
    if isinstance(error, MemoryError | KeyboardInterrupt):
        return error
    if isinstance(error, SystemExit):
        return problem(f"{place} ends the program when it is imported: {line_of(error, root)}")
    return problem(f"{place} cannot be imported: {line_of(error, root)}")
