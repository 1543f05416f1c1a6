"""Which files beside a spec make the model what it is: a run goes on only with the same ones."""

from __future__ import annotations

import re
from pathlib import Path

from modelops_runtime.bundles.archive import file_digests
from modelops_runtime.specs.loading import LoadedSpec

_FOR_PEOPLE = ("*.md", "*.ipynb", "*.html", "*.png", "*.svg", "*.pdf", "*.log", "LICENSE*")
_SPEC = re.compile(r"^(version|model|targets):", re.MULTILINE)


def code_of(loaded: LoadedSpec) -> dict[str, str]:
    """File -> digest, for the spec's folder: not the specs in it, nor the observed data (both count by their content), nor
    what only people read, nor what is ignored (.gitignore, .mopsignore, what ModelOps wrote).
    """
    observed = [f"/{target.observed.removeprefix('./')}" for target in loaded.spec.targets.values()]
    specs = [f"/{path.name}" for path in loaded.root.glob("*.y*ml") if _is_spec(path)]
    return file_digests(loaded.root, exclude=[*_FOR_PEOPLE, f"/{loaded.path.name}", *observed, *specs])


def _is_spec(path: Path) -> bool:
    try:
        keys = set(_SPEC.findall(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError):
        return False
    return len(keys) == 3
