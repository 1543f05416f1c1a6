"""What makes two runs the same: everything that a trial's result, or the order of the search, follows from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from modelops_runtime.specs.adaptive import AdaptiveSpec
from modelops_runtime.specs.loading import LoadedSpec

_MODEL = ("entrypoint", "command", "config", "seed_bits", "env", "threads")
_SEARCH = (
    "algorithm", "options", "guesses", "replicates", "seed", "common_random_numbers", "lag", "on_failure",
)  # fmt: skip


def spec_json(spec: AdaptiveSpec) -> dict[str, Any]:
    """The spec as JSON under the YAML's names, its defaults written out; it validates to an equal spec."""
    return spec.model_dump(mode="json", by_alias=True, exclude_none=True)


def identity_parts(loaded: LoadedSpec, *, code: Mapping[str, str]) -> dict[str, str]:
    """Part -> what it is, in a text short enough to be shown; data and code (file -> digest) by their digests.

    Not part of it, and free to change: trials, stop, confirm, max_failed, outputs, time and memory limits, the cluster.
    """
    spec = loaded.spec
    written = spec_json(spec)
    parts = {f"model.{key}": _text(written["model"][key]) for key in _MODEL if key in written["model"]}
    parts |= {f"file {name}": digest[:16] for name, digest in code.items()}
    parts |= {f"parameters.{name}": _text(given) for name, given in written["parameters"].items()}
    for name, given in written["targets"].items():
        parts[f"targets.{name}"] = _text({key: value for key, value in given.items() if key != "observed"})
        parts[f"targets.{name}.observed"] = table_digest(loaded.observed[name])
    parts |= {f"search.{key}": _text(written["search"][key]) for key in _SEARCH}
    parts["search.racing"] = "off" if spec.search.racing_after is None else f"after {spec.search.racing_after}"
    return parts


def identity_of(parts: Mapping[str, str]) -> str:
    """BLAKE2b-256 (hex) of the parts."""
    return blake2b(_text(dict(parts)).encode(), digest_size=32).hexdigest()


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What tells two runs apart, in words. A file that was added is nothing: what ran before did not need it."""
    return [
        f"{name}: {old.get(name, 'absent')} before, {new.get(name, 'absent')} now"
        for name in sorted(set(old) | set(new))
        if old.get(name) != new.get(name) and not (name.startswith("file ") and name not in old)
    ]


def table_digest(table: pa.Table) -> str:
    """BLAKE2b-128 (hex) of names, types and values: the same for a file that was only saved in another way."""
    digest = blake2b(digest_size=16)
    for name, column in sorted(zip(table.column_names, table.columns, strict=True), key=lambda pair: pair[0]):
        digest.update(f"{_text(name)}:{column.type}:{len(column)}\n".encode())
        digest.update("\n".join(map(_cell, column.to_pylist())).encode())
    return digest.hexdigest()


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "missing"
    return repr(value)


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(", ", ": "))
