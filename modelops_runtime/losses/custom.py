"""A custom loss: `pkg.mod:fn` or `model.py:fn`, called as fn(simulated [R, N], observed [N], **options) -> float."""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from pydantic import Field

from modelops_runtime.losses.loss import Loss, LossError, Observed, OptionProblem, Term
from modelops_runtime.options.base import StrictModel
from modelops_runtime.statistics.array import Array

REFERENCE = r"^[A-Za-z_][\w./\\-]*:[A-Za-z_]\w*$"
"""`pkg.mod:fn` or `model.py:fn`."""

_LOADED: dict[tuple[str, str], Callable[..., Any]] = {}
_IMPORTED: dict[str, dict[str, ModuleType]] = {}
"""Folder -> the modules that custom losses have imported from it."""


class CustomLoss(StrictModel):
    """A function `fn(simulated [replicates, observations], observed [observations], **options) -> float`, lower is better."""

    kind: str = Field(
        pattern=REFERENCE, description="pkg.mod:fn or model.py:fn; `function` is another name for this key"
    )
    options: dict[str, Any] = Field(default_factory=dict, description="handed to the function by name")


def prepare(options: CustomLoss, observed: Observed) -> Array:
    """No numbers; refuses a function that cannot be loaded."""
    try:
        load(options.kind, observed.root)
    except ValueError as error:
        raise OptionProblem("", str(error), "name a function as pkg.mod:fn or model.py:fn") from error
    return np.zeros(0)


def value(simulated: Array, term: Term) -> float:
    """The function's value; it gets copies. Raises LossError if it raises or returns no finite number."""
    kind = term.options.kind
    function = load(kind, term.root)
    try:
        with _at_home(str(term.root)):
            loss = float(function(simulated.copy(), term.y.copy(), **term.options.options))
    except Exception as error:
        raise LossError(f"loss {kind} failed: {type(error).__name__}: {error}") from error
    if not math.isfinite(loss):
        raise LossError(f"loss {kind} returned {loss}, no finite number")
    return loss


LOSS = Loss(
    options=CustomLoss,
    family="distance",
    of="all",
    prepare=prepare,
    value=value,
    may_be_negative=True,
)


def load(reference: str, root: Path) -> Callable[..., Any]:
    """The function of `pkg.mod:fn` or `model.py:fn`, found from `root`. Raises ValueError with a line for the user."""
    key = (reference, str(root))
    if key not in _LOADED:
        place, _, name = reference.rpartition(":")
        function = getattr(_module(place, root), name, None)
        if not callable(function):
            raise ValueError(f"no function {name!r} in {place}")
        _LOADED[key] = function
    return _LOADED[key]


def _module(place: str, root: Path) -> ModuleType:
    importlib.invalidate_caches()  # the folder may be new
    try:
        with _at_home(str(root)):
            return _from_file(root / place) if place.endswith(".py") else importlib.import_module(place)
    except Exception as error:
        raise ValueError(f"cannot load {place}: {type(error).__name__}: {error}") from error


@contextmanager
def _at_home(root: str) -> Iterator[None]:
    """Let imports find the modules of `root` first, and leave this process's own modules as they were.

    Otherwise a second run in one process (a notebook) would use the modules of the first.
    """
    first = root not in _IMPORTED
    own = _IMPORTED.setdefault(root, {})
    aside = {name: sys.modules[name] for name in (_namesakes(root) if first else own) if name in sys.modules}
    for name in aside:
        del sys.modules[name]
    sys.modules.update(own)
    sys.path.insert(0, root)
    before = len(sys.modules)
    try:
        yield
    finally:
        sys.path.remove(root)
        if len(sys.modules) != before:
            own.update({name: sys.modules[name] for name in _namesakes(root)})
        for name in own:
            sys.modules.pop(name, None)
        sys.modules.update(aside)


def _namesakes(root: str) -> list[str]:
    """Imported modules that are named like those of `root`; not those of Python or of installed packages."""
    there = {path.stem for path in Path(root).glob("*.py")} | {path.parent.name for path in Path(root).glob("*/*.py")}
    return [
        name
        for name, module in list(sys.modules.items())
        if (top := name.partition(".")[0]) in there and top not in sys.stdlib_module_names and not _is_installed(module)
    ]


def _is_installed(module: ModuleType) -> bool:
    place = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")
    return "site-packages" in Path(place).parts or "dist-packages" in Path(place).parts


def _from_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise FileNotFoundError(f"no file {file.name} beside the spec")
    spec = importlib.util.spec_from_file_location(f"_modelops_loss_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look their module up there
    spec.loader.exec_module(module)
    return module
