"""Functions of a script or a notebook as bytes: equal functions give equal bytes in every process."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from sysconfig import get_paths
from types import CodeType, ModuleType
from typing import Any, ClassVar

import cloudpickle

from modelops_runtime.contracts.errors import UserError

_reduce_code: Callable[[CodeType], Any] = cloudpickle.CloudPickler.dispatch_table[CodeType]


def _without_place(code: CodeType) -> Any:
    """The code without its file name, which differs between sessions of a notebook for the same function."""
    return _reduce_code(code.replace(co_filename=Path(code.co_filename).name if _is_file(code) else "<notebook>"))


def _is_file(code: CodeType) -> bool:
    return code.co_filename.endswith(".py") and "ipykernel" not in code.co_filename


class _Pickler(cloudpickle.CloudPickler):
    dispatch_table: ClassVar[Any] = {**cloudpickle.CloudPickler.dispatch_table, CodeType: _without_place}


def pickled(functions: Mapping[str, Callable[..., Any]]) -> bytes:
    """A dict of functions, pickled by value; packages that are installed are pickled by reference.

    Raises UserError, with the reason, for what cannot be pickled.
    """
    out = io.BytesIO()
    try:
        with _by_value(functions.values()):
            _Pickler(out, protocol=5).dump(dict(functions))
    except Exception as error:
        raise UserError(
            f"the model cannot be sent to other processes ({type(error).__name__}: {error}); "
            "keep open files, locks and connections out of it, or put it in a file: model='model.py:simulate'"
        ) from error
    return out.getvalue()


@contextmanager
def _by_value(functions: Any) -> Iterator[None]:
    """Pickle the user's own modules by value: the processes of simulations could not import them."""
    own = {module for f in functions if (module := sys.modules.get(getattr(f, "__module__", ""))) and _is_own(module)}
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def _is_own(module: ModuleType) -> bool:
    if module.__name__ == "__main__" or not (file := getattr(module, "__file__", None)):
        return False  # __main__ is pickled by value anyway
    installed = {Path(get_paths()[kind]).resolve() for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    return not any(Path(file).resolve().is_relative_to(folder) for folder in installed)
