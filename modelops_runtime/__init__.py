"""ModelOps calibrates stochastic simulation models: it searches parameters until the output fits the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelops_runtime.api.calibrate import calibrate
    from modelops_runtime.api.calibration import Calibration, open_run
    from modelops_runtime.api.project import write_project
    from modelops_runtime.api.selftest import selftest

__all__ = ["Calibration", "calibrate", "open_run", "selftest", "write_project"]

_HOMES = {
    "calibrate": "modelops_runtime.api.calibrate",
    "Calibration": "modelops_runtime.api.calibration",
    "open_run": "modelops_runtime.api.calibration",
    "selftest": "modelops_runtime.api.selftest",
    "write_project": "modelops_runtime.api.project",
}


def __getattr__(name: str) -> Any:
    """The public names, imported when they are first used: a simulation's process needs none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
