"""The identity of a run: everything that determines the results of trials or the order of the search."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Literal, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from modelops_runtime.contracts.errors import RunDifference
from modelops_runtime.specs.adaptive import AdaptiveSpec, RangeSpec, SearchSpec
from modelops_runtime.specs.loading import LoadedSpec

_FILE = "file "
"""Begins the names of the parts that are files; a key of the spec holds no blank."""

_MODEL = ("entrypoint", "command", "config", "seed_bits", "env", "threads")
_SEARCH = (
    "algorithm", "options", "guesses", "guesses_from_prior", "replicates", "seed", "common_random_numbers", "lag",
    "on_failure", "likelihood", "replicate_failures",
)  # fmt: skip

_PRIOR = "priors."
"""Begins the names of the parts that are priors."""

_ELSEWHERE = ("outputs", "workers", "central_store", "workspace_ref", "bundle")
"""Where a run works and what it stores: not part of its identity."""


def spec_json(spec: AdaptiveSpec) -> dict[str, Any]:
    """The spec as JSON with the names of the YAML and with its defaults written out."""
    return spec.model_dump(mode="json", by_alias=True, exclude_none=True)


def spec_brief(spec: AdaptiveSpec) -> dict[str, Any]:
    """The spec as JSON without values at their defaults, at every level, so that keys of later versions are not in it."""
    return _brief(spec, spec_json(spec))


def _brief(value: Any, dumped: Any) -> Any:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        kept = {field.alias or name: getattr(value, name) for name, field in fields.items() if not _left(value, name)}
        return {key: _brief(kept[key], item) for key, item in dumped.items() if key in kept}
    if isinstance(value, Mapping):
        return {key: _brief(value[key], item) for key, item in dumped.items()}
    return dumped


def _left(model: BaseModel, name: str) -> bool:
    """Whether a key is left out: it is at its default, and does not select the meaning of the others (`kind: poisson`)."""
    field = type(model).model_fields[name]
    if field.is_required() or _is_tag(field):
        return False
    return getattr(model, name) == field.get_default(call_default_factory=True)


def _is_tag(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1


def identity_parts(loaded: LoadedSpec, *, code: Mapping[str, str], uses_priors: bool = False) -> dict[str, str]:
    """Name of each part -> its value as a short text; data and code (file -> digest) by their digests.

    Values at their defaults are left out, so that a new key changes nothing for existing runs.
    Not part of the identity, and free to change: trials, stop, confirm, max_failed, outputs, time and memory limits, the cluster,
    and priors unless the search uses them.
    """
    return _brief_parts(loaded.spec) | _priors(loaded.spec, uses_priors) | _digests(loaded, code)


def written_parts(loaded: LoadedSpec, *, code: Mapping[str, str], uses_priors: bool = False) -> dict[str, str]:
    """As `identity_parts` with every default written out: for `differences`, which shows old and new values."""
    return _spec_parts(spec_json(loaded.spec)) | _priors(loaded.spec, uses_priors) | _digests(loaded, code)


def _priors(spec: AdaptiveSpec, used: bool) -> dict[str, str]:
    """The priors that are not uniform, where the search uses them."""
    given = {name: parameter.prior for name, parameter in spec.parameters.items() if isinstance(parameter, RangeSpec)}
    return {f"{_PRIOR}{name}": _text(prior.model_dump()) for name, prior in given.items() if prior and used}


def kept_parts(spec: Mapping[str, Any], parts: Mapping[str, str]) -> dict[str, str]:
    """What `written_parts` would have returned for a stored run, whichever version wrote its `spec` and `parts`.

    The spec was stored with the defaults of its version, so a default that has changed since shows as a difference.
    """
    then, is_whole = _read_again(spec)
    if then is None:
        return dict(parts)
    written = _spec_parts(spec_json(then)) | _priors(then, any(name.startswith(_PRIOR) for name in parts))
    if is_whole:
        data = {f"targets.{name}.observed" for name in then.targets}
        return written | {name: text for name, text in parts.items() if _is_file(name) or name in data}
    # From a later version: an unknown key at its default has no effect, and then it is in no part.
    brief = _brief_parts(then)
    return written | {name: text for name, text in parts.items() if text not in (brief.get(name), written.get(name))}


def differences_since(spec: Mapping[str, Any], parts: Mapping[str, str], now: Mapping[str, str]) -> list[RunDifference]:
    """The differences between a stored run (its `spec` and `parts`) and the present `written_parts`."""
    return differences(kept_parts(spec, parts), now)


def _read_again(spec: Mapping[str, Any]) -> tuple[AdaptiveSpec | None, bool]:
    """A stored spec, and whether it has no unknown keys, which are left out. None: this version cannot read it."""
    spec = {key: value for key, value in spec.items() if key not in _ELSEWHERE}
    try:
        return AdaptiveSpec.model_validate(spec), True
    except ValidationError as error:
        unknown = [line["loc"] for line in error.errors() if line["type"] == "extra_forbidden"]
    known = copy.deepcopy(spec)
    try:
        for *path, key in unknown:
            holder: Any = known
            for step in path:
                holder = holder[step]
            del holder[key]
        return AdaptiveSpec.model_validate(known), False
    except (ValidationError, LookupError, TypeError):
        return None, False


def _brief_parts(spec: AdaptiveSpec) -> dict[str, str]:
    default = SearchSpec().model_dump(mode="json", by_alias=True, exclude_none=True)
    usual = _spec_parts({"search": default})
    return {name: text for name, text in _spec_parts(spec_brief(spec)).items() if usual.get(name) != text}


def _spec_parts(given: Mapping[str, Any]) -> dict[str, str]:
    """The parts of a spec as JSON, whole or without what is at its default."""
    model, search = given.get("model", {}), given.get("search", {})
    parts = {f"model.{key}": _text(model[key]) for key in _MODEL if key in model}
    parts |= {f"parameters.{name}": _text(_range_alone(value)) for name, value in given.get("parameters", {}).items()}
    parts |= {f"nuisance.{name}": _text(_range_alone(value)) for name, value in given.get("nuisance", {}).items()}
    for name, target in given.get("targets", {}).items():
        parts[f"targets.{name}"] = _text({key: value for key, value in target.items() if key != "observed"})
    parts |= {f"search.{key}": _text(search[key]) for key in _SEARCH if key in search}
    if "racing" in search:
        after = SearchSpec.model_validate({"racing": search["racing"]}).racing_after
        parts["search.racing"] = "off" if after is None else f"after {after}"
    return parts


def _range_alone(parameter: Any) -> Any:
    """A parameter without its prior, which is a part of its own."""
    if not isinstance(parameter, Mapping):
        return parameter
    return {key: value for key, value in parameter.items() if key != "prior"}


def _digests(loaded: LoadedSpec, code: Mapping[str, str]) -> dict[str, str]:
    files = {f"{_FILE}{name}": digest[:16] for name, digest in code.items()}
    return files | {f"targets.{name}.observed": table_digest(loaded.observed[name]) for name in loaded.spec.targets}


def identity_of(parts: Mapping[str, str]) -> str:
    """BLAKE2b-256 (hex) of the parts."""
    return blake2b(_text(dict(parts)).encode(), digest_size=32).hexdigest()


def _is_file(part: str) -> bool:
    """Whether a part is the digest of a file of the model's folder: runs are stored with such names."""
    return part.startswith(_FILE)


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[RunDifference]:
    """The differences of two runs. An added file is not one: the old run did not need it."""
    return [
        RunDifference(name, old.get(name), new.get(name), is_file=_is_file(name))
        for name in sorted(set(old) | set(new))
        if old.get(name) != new.get(name) and not (_is_file(name) and name not in old)
    ]


def table_digest(table: pa.Table) -> str:
    """BLAKE2b-128 (hex) of names, types and values: the same for a file that was saved in another format."""
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
