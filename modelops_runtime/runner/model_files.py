"""Which files beside a spec make the model what it is: a run goes on only with the same ones."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from modelops_runtime.bundles.archive import file_digests
from modelops_runtime.specs.loading import LoadedSpec

_FOR_PEOPLE = (".gitignore", ".mopsignore", "*.md", "*.ipynb", "*.html", "*.png", "*.svg", "*.pdf", "*.log", "LICENSE*")
_SPEC = re.compile(r"^(version|model|targets):", re.MULTILINE)


def code_of(loaded: LoadedSpec) -> dict[str, str]:
    """File -> digest, for the spec's folder: not the specs in it, nor the observed data (both count by their content), nor
    what only people read, nor what our own output goes to, nor what is ignored (.gitignore, .mopsignore, what ModelOps wrote).
    """
    observed = [f"/{target.observed.removeprefix('./')}" for target in loaded.spec.targets.values()]
    specs = [f"/{path.name}" for path in loaded.root.glob("*.y*ml") if _is_spec(path)]
    printed = [f"/{path.name}" for path in loaded.root.iterdir() if _is_printed_to(path)]
    return file_digests(loaded.root, exclude=[*_FOR_PEOPLE, f"/{loaded.path.name}", *observed, *specs, *printed])


def _is_printed_to(path: Path) -> bool:
    """Whether our own output goes there: `mops run ... > log.txt`."""
    with contextlib.suppress(OSError):
        status = path.stat()
        return any(os.path.samestat(status, os.fstat(descriptor)) for descriptor in (1, 2))
    return False


def _is_spec(path: Path) -> bool:
    try:
        keys = set(_SPEC.findall(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError):
        return False
    return len(keys) == 3
