"""Where a run's numbers come from: code, packages and machine."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_PACKAGES = ("modelops", "numpy", "scipy", "pyarrow", "optuna", "cmaes", "pandas", "polars", "distributed", "psycopg")


def collect(code_digest: str) -> dict[str, Any]:
    """The digest of the model's folder, versions, and the machine that began the run."""
    return {
        "code_digest": code_digest,
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "machine": {
            "system": f"{platform.system()} {platform.release()}",
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
            "byte_order": sys.byteorder,
        },
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
