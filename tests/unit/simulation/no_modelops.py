"""Preloaded into a Dask process, it takes modelops away from there."""

import sys

sys.modules["modelops_runtime"] = None  # type: ignore[assignment]
