"""Mistakes of a spec that only the model, or an algorithm, can find."""

from __future__ import annotations

from modelops_runtime.contracts.errors import SpecError
from modelops_runtime.contracts.failures import Complaint
from modelops_runtime.specs.loading import LoadedSpec


def mistake(loaded: LoadedSpec, complaint: Complaint, right: str) -> SpecError:
    """The error at the complaint's key; `right` is used if the complaint does not say what would be right."""
    return loaded.error(complaint.path, complaint.wrong, complaint.right or right)
