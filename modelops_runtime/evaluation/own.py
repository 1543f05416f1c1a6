"""A loss of the user's own: `pkg.mod:fn` or `model.py:fn`, called as fn(simulated [R, N], observed [N], **options) -> float."""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from modelops_runtime.evaluation.terms import Array, LossError

_LOADED: dict[tuple[str, str], Callable[..., Any]] = {}


@dataclass(frozen=True, slots=True, eq=False)
class OwnTerm:
    """A function of the user's over observations y [N]; loaded again wherever it is unpickled."""

    kind: str
    y: Array
    root: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def at(self, columns: Any) -> OwnTerm:
        """The same over some of the observations, given as a mask [N]."""
        return OwnTerm(self.kind, self.y[columns], self.root, self.options)

    def loss(self, simulated: Array) -> float:
        """The function's value. LossError when it raises, or returns no finite number; it gets copies."""
        function = load(self.kind, Path(self.root))
        try:
            loss = float(function(simulated.copy(), self.y.copy(), **self.options))
        except Exception as error:
            raise LossError(f"loss {self.kind} failed: {type(error).__name__}: {error}") from error
        if not math.isfinite(loss):
            raise LossError(f"loss {self.kind} returned {loss}, no finite number")
        return loss


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
    path = str(root)
    sys.path.insert(0, path)
    try:
        return _from_file(root / place) if place.endswith(".py") else importlib.import_module(place)
    except Exception as error:
        raise ValueError(f"cannot load {place}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(path)


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
