"""Between the ledger's records and the rows of its tables: the only reader of the order of columns."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Lease, Replicate, Run, RunState, Trial, TrialEnd

Row = tuple[Any, ...]


def text(value: str) -> str:
    """`value` as both databases can keep it: no lone surrogates, no NUL."""
    return value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")


def to_json(value: Mapping[str, Any] | None) -> str | None:
    """JSON with the order of the keys kept; a float that is not finite becomes null."""
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
    """(encoding, bytes): compressed where that helps."""
    packed = zlib.compress(aligned, 1)
    return ("zlib", packed) if len(packed) < len(aligned) else ("raw", aligned)


def unpack(encoding: str, data: bytes) -> bytes:
    return zlib.decompress(data) if encoding == "zlib" else bytes(data)


def run_params(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "identity": run.identity,
        "identity_parts": to_json(run.identity_parts),
        "spec": to_json(run.spec),
        "provenance": to_json(run.provenance),
        "observations": to_json(run.observations),
        "space": to_json(run.space),
        "trials": run.trials,
        "replicates": run.replicates,
    }


def run_of(row: Row) -> Run:
    _, run_id, identity, parts, spec, provenance, observations, trials, replicates = row[:9]
    state, reason, asking_ended, summary, created_at, finished_at, space, paused, queued = row[9:]
    return Run(
        run_id=run_id,
        identity=identity,
        identity_parts=json.loads(parts),
        spec=json.loads(spec),
        provenance=json.loads(provenance),
        observations=json.loads(observations),
        space=_from_json(space) or {},
        trials=trials,
        replicates=replicates,
        state=RunState(state),
        reason=reason,
        asking_ended=bool(asking_ended),
        paused=bool(paused),
        queued=queued,
        summary=json.loads(summary),
        created_at=time_of(created_at),
        finished_at=time_of(finished_at),
    )


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
    """Whether a finished trial holds this result: status, loss and what the loss rests on (times do not count)."""
    names = ("loss", "loss_se", "stopped_early", "replicates", "failure")
    return trial.status == params["result"] and all(getattr(trial, name) == params[name] for name in names)


def _double(value: float | None) -> float | None:
    """Adding 0.0 makes -0.0 a 0.0, which SQLite would do in silence; a standard error that is not finite is none."""
    return None if value is None or not math.isfinite(value) else float(value) + 0.0


def trial_of(run_id: str, row: Row) -> Trial:
    phase, number, draw, origin, param_id, params, status, known, incumbent, state, loss, loss_se, early = row[:13]
    replicates, failure, error, diagnostics, worker, lease_no, lease_until, proposed_at, finished_at = row[13:22]
    seconds, proposed_seq, finished_seq, effective_sample_size = row[22:26]
    return Trial(
        run_id=run_id,
        phase=phase,
        number=number,
        draw=draw,
        origin=origin,
        param_id=param_id,
        params=_from_json(params),
        status=TrialStatus(status),
        known=known,
        incumbent=incumbent,
        algorithm_state=_from_json(state),
        loss=loss,
        loss_se=loss_se,
        stopped_early=bool(early),
        replicates=replicates,
        failure=failure,
        error=error,
        diagnostics=json.loads(diagnostics),
        worker=worker,
        lease_no=lease_no,
        lease_until=time_of(lease_until),
        proposed_at=time_of(proposed_at),
        finished_at=time_of(finished_at),
        seconds=seconds,
        proposed_seq=proposed_seq,
        finished_seq=finished_seq,
        effective_sample_size=effective_sample_size,
    )


def lease_of(trial: Trial) -> Lease:
    return Lease(
        run_id=trial.run_id,
        phase=trial.phase,
        number=trial.number,
        lease_no=trial.lease_no,
        draw=trial.draw,
        params=trial.params,
        known=trial.known,
        incumbent=trial.incumbent,
        algorithm_state=trial.algorithm_state,
    )


def replicate_params(replicate: Replicate) -> dict[str, Any]:
    encoding, packed = pack(replicate.aligned)
    return {
        "idx": replicate.index,
        "seed": str(replicate.seed),
        "result": replicate.status,
        "seconds": float(replicate.seconds),
        "aligned": packed,
        "aligned_encoding": encoding,
        "digest": replicate.digest,
        "failure": None if replicate.failure is None else str(replicate.failure),
        "error": None if replicate.error is None else text(replicate.error),
        "log": text(replicate.log),
    }


def replicate_of(row: Row) -> Replicate:
    number, index, seed, status, seconds, attempt, aligned, encoding, digest, failure, error, log = row
    return Replicate(
        number=number,
        index=index,
        seed=int(seed),
        status=status,
        seconds=seconds,
        attempt=attempt,
        aligned=unpack(encoding, aligned),
        digest=digest,
        failure=failure,
        error=error,
        log=log,
    )


def time_of(value: str | datetime | None) -> datetime | None:
    """SQLite keeps text, Postgres an instant."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return None if value is None else value.astimezone(UTC)


def _from_json(value: str | None) -> Any:
    return None if value is None else json.loads(value)


Rows = Sequence[Row]
