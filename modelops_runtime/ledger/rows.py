"""Turns the ledger's records into parameters of queries, and rows into records."""

from __future__ import annotations

import json
import math
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import NoneType
from typing import Any

from modelops_runtime.contracts.observations import Observations
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Replicate, Run, RunState, Trial, TrialEnd
from modelops_runtime.ledger.cells import (
    BYTES,
    FLAG,
    REAL,
    TEXT,
    WHOLE,
    Column,
    Columns,
    Damaged,
    Row,
    finite,
    json_object,
    json_object_of,
    one_of,
    or_null,
)  # fmt: skip
from modelops_runtime.ledger.contents import (
    check_params,
    check_space,
    check_spec,
    check_summary,
    check_texts,
)


def text(value: str) -> str:
    """`value` as both databases can store it: without lone surrogates and NUL."""
    return value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")


def to_json(value: Mapping[str, Any] | None) -> str | None:
    """As JSON, with the keys in their order; floats that are not finite become null."""
    if value is None:
        return None
    try:
        dumped = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        dumped = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)
    return text(dumped)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def pack(aligned: bytes) -> tuple[str, bytes]:
    """(encoding, bytes): compressed if that makes it smaller."""
    packed = zlib.compress(aligned, 1)
    return ("zlib", packed) if len(packed) < len(aligned) else ("raw", aligned)


def unpack(encoding: str, data: bytes, longest: int | None = None) -> bytes:
    """The inverse of `pack`. Raises ValueError for damaged data, and for more than `longest` bytes."""
    if encoding == "raw":
        return bytes(data)
    packed = zlib.decompressobj()
    try:
        unpacked = packed.decompress(data, 0 if longest is None else longest + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if longest is not None and len(unpacked) > longest:
        raise ValueError(f"it has more than {longest // 8} values, the number of observations")
    if not packed.eof:
        raise ValueError("it is cut short")
    return unpacked


def run_params(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "identity": run.identity,
        "identity_parts": to_json(run.identity_parts),
        "spec": to_json(run.spec),
        "provenance": to_json(run.provenance),
        "observations": to_json(run.observations.as_json()),
        "space": to_json(run.space),
        "trials": run.trials,
        "replicates": run.replicates,
    }


def run_of(row: Row) -> Run:
    """Raises Damaged."""
    cells = _RUN.of(row, lambda raw: f"run {raw.run_id!r}")
    del cells["run_key"]
    return Run(**{**cells, "space": cells["space"] or {}})


def end_params(end: TrialEnd) -> dict[str, Any]:
    """Raises ValueError for a status that is not final, and for a loss that is not finite."""
    if not end.status.is_final:
        raise ValueError(f"a trial ends COMPLETED, FAILED or TIMEOUT, not {end.status}")
    if (end.loss is None and end.status is TrialStatus.COMPLETED) or not math.isfinite(end.loss or 0.0):
        raise ValueError(f"a {end.status} trial's loss is {end.loss}; finite was expected")
    return {
        "result": end.status.value,
        "loss": _double(end.loss),
        "loss_se": _double(end.loss_se),
        "effective_sample_size": _double(end.effective_sample_size),
        "stopped_early": end.stopped_early,
        "replicates": end.replicates,
        "failure": None if end.failure is None else str(end.failure),
        "error": None if end.error is None else text(end.error),
        "seconds": float(end.seconds),
        "diagnostics": to_json(end.diagnostics),
        "algorithm_state": to_json(end.algorithm_state),
    }


def is_same_end(trial: Trial, params: Mapping[str, Any]) -> bool:
    """Whether a finished trial has the end of these `end_params`. Seconds and diagnostics may differ."""
    names = ("loss", "loss_se", "stopped_early", "replicates", "failure")
    return trial.status == params["result"] and all(getattr(trial, name) == params[name] for name in names)


def _double(value: float | None) -> float | None:
    """As stored: None if not finite, and 0.0 for -0.0 (by adding 0.0), which SQLite would change without notice."""
    return None if value is None or not math.isfinite(value) else float(value) + 0.0


def trial_of(run_id: str, row: Row) -> Trial:
    """Raises Damaged."""

    def where(raw: Row) -> str:
        return f"run {run_id!r}, {trial_name(raw.phase, raw.number)}"

    cells = _TRIAL.of(row, where)
    if cells["status"].is_final:
        absent = [name for name in ("params", "param_id", "proposed_seq", "finished_seq") if cells[name] is None]
        absent += ["loss"] if cells["status"] is TrialStatus.COMPLETED and cells["loss"] is None else []
        if absent:
            raise Damaged(f"{where(row)}: column {absent[0]} holds nothing, and the trial is {cells['status']}")
    return Trial(run_id=run_id, **cells)


def trial_name(phase: str, number: object) -> str:
    """`trial 3`, `confirmation of trial 3`."""
    return f"{'confirmation of trial' if phase == 'confirm' else 'trial'} {number}"


def queued_of(run_id: str, row: Row) -> dict[str, Any]:
    """The parameters of a set in the queue. Raises Damaged."""
    return _QUEUED.of(row, lambda _raw: f"run {run_id!r}, a set in its queue")["params"]


def replicates_params(replicates: Sequence[Replicate]) -> dict[str, Any]:
    """For one statement: `rows`, a JSON array with an object for each replicate, and `aligned`, the bytes of all.

    Raises ValueError for an index that two of them have.
    """
    indices = [replicate.index for replicate in replicates]
    if len(set(indices)) < len(indices):
        index, count = Counter(indices).most_common(1)[0]
        raise ValueError(f"replicate {index} is given {count} times; each index once was expected")
    rows: list[dict[str, Any]] = []
    aligned = bytearray()
    for replicate in replicates:
        encoding, packed = pack(replicate.aligned)
        rows.append(
            {
                "idx": replicate.index,
                "seed": str(replicate.seed),
                "result": replicate.status,
                "seconds": float(replicate.seconds),
                "aligned_from": len(aligned),
                "aligned_bytes": len(packed),
                "aligned_encoding": encoding,
                "digest": replicate.digest,
                "failure": None if replicate.failure is None else str(replicate.failure),
                "error": None if replicate.error is None else text(replicate.error),
                "log": text(replicate.log),
            }
        )
        aligned += packed
    return {"rows": json.dumps(rows, ensure_ascii=False), "aligned": bytes(aligned)}


def replicate_of(run_id: str, row: Row, values: int | None) -> Replicate:
    """`values` is the number of aligned values of a completed replicate, or None if unknown. Raises Damaged."""

    def where(raw: Row) -> str:
        return f"run {run_id!r}, trial {raw.number}, replicate {raw.index}"

    cells = _REPLICATE.of(row, where)
    try:
        longest = None if values is None else 8 * values
        cells["aligned"] = unpack(cells.pop("aligned_encoding"), cells["aligned"], longest)
        if cells["status"] == "COMPLETED":
            _check_size(cells["aligned"], values)
    except ValueError as error:
        raise Damaged(f"{where(row)}: column aligned cannot be read ({error})") from error
    return Replicate(**cells)


def _check_size(aligned: bytes, values: int | None) -> None:
    if len(aligned) % 8:
        raise ValueError(f"its {len(aligned)} bytes are no multiple of 8")
    if values is not None and len(aligned) != 8 * values:
        raise ValueError(f"it has {len(aligned) // 8} values, for {values} observations")


def time_of(value: str | datetime | None) -> datetime | None:
    """A time as SQLite (text) or Postgres returns it, in UTC. Raises ValueError."""
    return None if value is None else _instant(value)


def _instant(value: str | datetime) -> datetime:
    try:
        return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"holds {str(value)[:80]!r}, where a time is meant") from error


def _observations(cell: str) -> Observations:
    return Observations.from_json(json_object(cell))


def _seed(cell: str) -> int:
    if not (cell.isascii() and cell.isdigit() and len(cell) <= 20 and int(cell) < 2**64):
        raise ValueError(f"holds {cell[:80]!r}, where a whole number from 0 to 2**64 - 1 is meant")
    return int(cell)


_TIME = (str, datetime, NoneType)

_RUN = Columns(
    Column("run_key", WHOLE),
    Column("run_id", TEXT),
    Column("identity", TEXT),
    Column("identity_parts", TEXT, json_object_of(check_texts)),
    Column("spec", TEXT, json_object_of(check_spec)),
    Column("provenance", TEXT, json_object),
    Column("observations", TEXT, _observations),
    Column("trials", WHOLE),
    Column("replicates", WHOLE),
    Column("state", TEXT, one_of(RunState)),
    Column("reason", TEXT),
    Column("asking_ended", FLAG, bool),
    Column("summary", TEXT, json_object_of(check_summary)),
    Column("created_at", _TIME, _instant),
    Column("finished_at", _TIME, _instant),
    Column("space", or_null(TEXT), json_object_of(check_space)),
    Column("paused", FLAG, bool),
    Column("queued", WHOLE),
)

_TRIAL = Columns(
    Column("phase", TEXT, one_of(("search", "confirm"))),
    Column("number", WHOLE),
    Column("draw", or_null(WHOLE)),
    Column("origin", TEXT),
    Column("param_id", or_null(TEXT)),
    Column("params", or_null(TEXT), json_object_of(check_params)),
    Column("status", TEXT, one_of(TrialStatus)),
    Column("known", WHOLE),
    Column("incumbent", or_null(WHOLE)),
    Column("algorithm_state", or_null(TEXT), json_object),
    Column("loss", or_null(REAL), finite),
    Column("loss_se", or_null(REAL), finite),
    Column("stopped_early", FLAG, bool),
    Column("replicates", WHOLE),
    Column("failure", or_null(TEXT)),
    Column("error", or_null(TEXT)),
    Column("diagnostics", TEXT, json_object),
    Column("worker", or_null(TEXT)),
    Column("lease_no", WHOLE),
    Column("lease_until", _TIME, _instant),
    Column("proposed_at", _TIME, _instant),
    Column("finished_at", _TIME, _instant),
    Column("seconds", or_null(REAL), finite),
    Column("proposed_seq", or_null(WHOLE)),
    Column("finished_seq", or_null(WHOLE)),
    Column("effective_sample_size", or_null(REAL), finite),
    Column("wanted", or_null(WHOLE)),
)

_REPLICATE = Columns(
    Column("number", WHOLE),
    Column("index", WHOLE),
    Column("seed", TEXT, _seed),
    Column("status", TEXT, one_of(("COMPLETED", "FAILED"))),
    Column("seconds", REAL, finite),
    Column("attempt", WHOLE),
    Column("aligned", BYTES),
    Column("aligned_encoding", TEXT, one_of(("raw", "zlib"))),
    Column("digest", TEXT),
    Column("failure", or_null(TEXT)),
    Column("error", or_null(TEXT)),
    Column("log", TEXT),
)

_QUEUED = Columns(Column("params", TEXT, json_object_of(check_params)))
