"""Which files of a spec's folder go into the release: those that a local run records as the model."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

from modelops_runtime.bundles.archive import file_at
from modelops_runtime.bundles.secrets import INCLUDE_FILE, refuse_unsendable
from modelops_runtime.contracts.errors import UserError
from modelops_runtime.runner.setup.model_files import model_files
from modelops_runtime.specs.loading import LoadedSpec
from mops.adaptive.values import RunFiles

LIMIT = 400 * 1024
"""Bytes, as JSON: Helm keeps values and manifest in one Secret of 1 MiB. The chart refuses more."""

_NAMED_LARGEST = 3


def run_files(loaded: LoadedSpec) -> RunFiles:
    """The spec's text, and every file beside it that the model or its targets need; observed data even where it is ignored.

    Raises UserError for what cannot travel inside the release: too much, data from outside the folder, what looks like a secret.
    """
    files = {file.name: file for file in model_files(loaded)}
    files |= {name: file_at(loaded.root, name) for name in _observed_files(loaded)}
    refuse_unsendable(loaded.root, files.values(), "the cluster")
    names = set(files)
    if (loaded.root / INCLUDE_FILE).is_file():  # the workers read it too, when they send the folder on to Dask
        names.add(INCLUDE_FILE)
    text: dict[str, str] = {}
    binary: dict[str, str] = {}
    for name in sorted(names):
        if ":" in name or "\n" in name:
            raise UserError(f"{loaded.root / name}: a file with this name cannot be mounted into a pod; rename it")
        content = (loaded.root / name).read_bytes()
        try:
            text[name] = content.decode("utf-8")
        except UnicodeDecodeError:
            binary[name] = base64.b64encode(content).decode()
    result = RunFiles(spec=loaded.path.read_text("utf-8-sig"), files=text, binary=binary)
    _refuse_too_large(loaded, result)
    return result


def _observed_files(loaded: LoadedSpec) -> list[str]:
    names: list[str] = []
    for key, target in loaded.spec.targets.items():
        name = os.path.normpath(target.observed)
        if os.path.isabs(name):
            name = os.path.relpath(name, loaded.root)
        if name.startswith(".."):
            right = "put the data into the spec's folder: on a cluster only that travels"
            raise loaded.error(f"targets.{key}.observed", f"{target.observed} is outside of the spec's folder", right)
        names.append(Path(name).as_posix())
    return names


def _refuse_too_large(loaded: LoadedSpec, result: RunFiles) -> None:
    sizes = {name: len(json.dumps(content)) for name, content in {**result.files, **result.binary}.items()}
    total = sum(sizes.values()) + len(json.dumps(result.spec))
    if total <= LIMIT:
        return
    largest = sorted(sizes, key=lambda name: -sizes[name])[:_NAMED_LARGEST]
    named = ", ".join(f"{name} ({sizes[name] / 1024:.0f} KB)" for name in largest)
    raise UserError(
        f"{loaded.root} holds {total / 1024:.0f} KB, above the {LIMIT // 1024} KB of a release; the largest files are {named}: "
        "list what the model does not need in .mopsignore, or put the model into an image"
    )
