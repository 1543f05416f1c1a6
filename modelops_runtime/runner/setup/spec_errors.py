"""Mistakes of a spec that only the model, or an algorithm, can find."""

from __future__ import annotations

from modelops_runtime.contracts.errors import SpecError
from modelops_runtime.specs.loading import LoadedSpec


def mistake(loaded: LoadedSpec, path: str, text: str, right: str) -> SpecError:
    """`text` says after its first semicolon what would be right; `right` is used if it does not."""
    wrong, _, its_right = text.partition("; ")
    return loaded.error(path, wrong, its_right or right)
