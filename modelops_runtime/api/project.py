"""Functions and data frames as a project folder: a spec, a model and data, which `mops run` takes too."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelops_runtime.api.pickling import pickled
from modelops_runtime.contracts.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

MODEL = '''"""Loads the functions that were given to modelops_runtime.write_project."""

import pickle
from pathlib import Path

_given = pickle.loads((Path(__file__).parent / "model.pkl").read_bytes())
simulate = _given["simulate"]
'''
DERIVED = 'derived = _given["derived"]\n'


def write_project(
    folder: str | Path,
    *,
    model: Callable[[dict[str, Any], int], Any] | str,
    parameters: Mapping[str, Any],
    targets: Mapping[str, Mapping[str, Any]],
    search: Mapping[str, Any] | None = None,
    nuisance: Mapping[str, Any] | None = None,
    name: str | None = None,
    derived: Callable[[dict[str, Any]], Mapping[str, float]] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Path:
    """Write adaptive.yaml, the model and the data into `folder`; returns the path of the spec.

    - model: `simulate(params, seed)`, which returns a data frame, an Arrow table, a dict of columns, or a dict of those. It
      runs in other processes, so it is pickled by value, with what it refers to in its own file or notebook. Or an entry point
      as in a spec (`pkg.mod:fn`).
    - parameters: as in a spec: `{"min": 0.1, "max": 1.0, "scale": "log"}`, `{"choices": [...]}` or a fixed value. A pair
      `(0.1, 1.0)` is short for min and max.
    - targets: as in a spec, where `observed` may also be a data frame (pandas, polars) or an Arrow table.
    - nuisance: parameters of the observation, as in a spec, or pairs like those of `parameters`.
    - search, options: `search:` and `model:` of the spec (timeout, memory, env, ...); name: of the run, by default of the folder.

    Files whose content would not change are not written. Raises UserError for what cannot be pickled or is not a table.
    The spec itself is checked when it is loaded.
    """
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    if derived is not None and isinstance(model, str):
        raise UserError("derived goes with a model function; with an entry point it is the module's own `derived`")
    if isinstance(model, str):
        entrypoint = model
    else:
        entrypoint = "model.py:simulate"
        given = {"simulate": model} | ({} if derived is None else {"derived": derived})
        _write(root / "model.pkl", pickled(given))
        _write(root / "model.py", (MODEL + (DERIVED if derived else "")).encode())
    spec = {
        "version": 1,
        "name": name or run_name(root.resolve().name),
        "model": {"entrypoint": entrypoint, **(options or {})},
        "parameters": {key: _parameter(value) for key, value in parameters.items()},
        "targets": {key: _target(root, key, target) for key, target in targets.items()},
    }
    spec |= {"nuisance": {key: _parameter(value) for key, value in nuisance.items()}} if nuisance else {}
    spec |= {"search": search} if search else {}
    path = root / "adaptive.yaml"
    _write(path, _yaml(spec))
    return path


def run_name(text: str) -> str:
    """The name of a run from any text: a-z, 0-9 and -."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63] or "calibration"


def _parameter(given: Any) -> Any:
    if isinstance(given, tuple) and len(given) == 2:
        return {"min": given[0], "max": given[1]}
    return given


def _target(root: Path, name: str, target: Mapping[str, Any]) -> dict[str, Any]:
    written = {key: value for key, value in target.items() if key != "observed"}
    observed = target.get("observed")
    if observed is None:
        raise UserError(f"target {name!r} has no observed; give a data frame, or the path of a CSV or Parquet file")
    if isinstance(observed, str | os.PathLike):
        return {"observed": os.path.relpath(Path(observed).resolve(), root.resolve())} | written
    import pyarrow.parquet as pq

    from modelops_runtime.results.atomic_files import written_together

    file = f"{name}.parquet"
    table = _table(observed, name)
    if not (root / file).is_file() or not pq.read_table(root / file).equals(table):
        with written_together(root, [file]) as (part,):
            pq.write_table(table, part)
    return {"observed": file} | written


def _table(observed: Any, name: str) -> pa.Table:
    from modelops_runtime.contracts.failures import BadOutput
    from modelops_runtime.models.frames import to_table

    try:
        return to_table(observed, name)
    except BadOutput as error:
        raise UserError(f"target {name!r}: {error}; give a data frame, a dict of columns, or a path") from error


def _plain(value: Any) -> Any:
    """Numbers of numpy and tuples as values that YAML knows."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.item() if hasattr(value, "item") and not isinstance(value, str | bytes) else value


def _yaml(content: Mapping[str, Any]) -> bytes:
    import io

    from ruamel.yaml import YAML, YAMLError

    yaml = YAML()
    yaml.default_flow_style = False
    out = io.BytesIO()
    try:
        yaml.dump(_plain(content), out)
    except YAMLError as error:
        raise UserError(f"the spec cannot be written as YAML: {' '.join(str(error).split())}") from error
    return out.getvalue()


def _write(path: Path, content: bytes) -> None:
    if not path.is_file() or path.read_bytes() != content:
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(content)
        part.replace(path)
