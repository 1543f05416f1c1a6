"""The ledger over a connection to its database; databases differ in their SQL alone."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

from modelops_runtime.contracts.errors import ConflictingResult, LeaseLost, LedgerError, UserError
from modelops_runtime.contracts.parameters import Scalar, param_id
from modelops_runtime.ledger.base import TO_DO_WHEN_DAMAGED, Lease, Phase, Replicate, Run, RunState, Trial, TrialEnd
from modelops_runtime.ledger.cells import Damaged, Rows
from modelops_runtime.ledger.connection import Connection, ConstraintBroken, patiently
from modelops_runtime.ledger.contents import values_of
from modelops_runtime.ledger.rows import (
    end_params,
    is_same_end,
    queued_of,
    replicate_of,
    replicates_params,
    run_of,
    run_params,
    text,
    time_of,
    to_json,
    trial_name,
    trial_of,
)
from modelops_runtime.ledger.worker_identity import is_dead

T = TypeVar("T")


class SqlLedger:
    """A Ledger (see `base.Ledger` for what it guarantees).

    If the connection breaks, an operation is repeated for some minutes. It takes effect once, even if it was executed
    and only its answer was lost. The key of a run's row is looked up when the run is read or created, and kept: if the
    run is renamed and another run gets its name, a worker goes on writing to its own run.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._keys: dict[str, int] = {}
        self._values: dict[str, int | None] = {}
        """Run -> number of aligned values of a replicate."""

    def close(self) -> None:
        self._connection.close()

    # runs

    def create_run(self, run: Run) -> Run:
        self._rows("create_run", run_params(run))
        found = self.get_run(run.run_id)
        if found is None:
            raise LedgerError(f"run {run.run_id!r} was renamed while it was created; try again")
        return found

    def get_run(self, run_id: str) -> Run | None:
        rows = self._rows("get_run", {"run_id": text(run_id)})
        if not rows:
            self._keys.pop(run_id, None)
            return None
        run = self._read(run_of, rows[0])
        self._keys[run_id], self._values[run_id] = rows[0].run_key, values_of(run.observations, run.spec)
        return run

    def list_runs(self) -> list[Run]:
        return [self._read(run_of, row) for row in self._rows("list_runs", {})]

    def rename_run(self, run_id: str, new_id: str) -> None:
        key = self._key(run_id)
        params = {"run_key": key, "new_id": new_id, "dead": self._dead_holders(key)}
        if not self._rows("rename_run", params):
            other = self._rows("get_run", {"run_id": new_id})
            if not other:
                raise LedgerError(f"run {run_id!r} is being worked on; stop its workers, then rename it")
            if other[0].run_key != key:
                raise LedgerError(f"run {run_id!r} cannot be called {new_id!r}: there is another run of that name")
        self._keys.pop(run_id, None)
        self._keys[new_id] = key
        self._values[new_id] = self._values.pop(run_id, None)

    def extend(self, run_id: str, trials: int) -> Run:
        def raise_budget(again: bool) -> bool:
            rows = self._connection.rows("extend", {"run_key": key, "trials": trials})
            return bool(rows) or (again and self._state_of(run_id).trials == trials)

        key = self._key(run_id)
        if not patiently(raise_budget):
            raise UserError(
                f"run {run_id!r} has {self._state_of(run_id).trials} trials; extend it to more, not {trials}"
            )
        return self._state_of(run_id)

    def end_asking(self, run_id: str, reason: str) -> None:
        self._rows("end_asking", {"run_key": self._key(run_id), "reason": text(reason)})

    def reopen(self, run_id: str) -> None:
        self._rows("reopen", {"run_key": self._key(run_id)})

    def end_run(self, run_id: str, state: RunState, reason: str, summary: Mapping[str, Any]) -> None:
        params = {"state": state.value, "reason": text(reason), "summary": to_json(summary)}
        self._rows("end_run", {"run_key": self._key(run_id), **params})

    def warn(self, run_id: str, warning: str) -> None:
        self._rows("warn", {"run_key": self._key(run_id), "warning": text(warning)})

    def set_paused(self, run_id: str, paused: bool) -> None:
        self._rows("pause", {"run_key": self._key(run_id), "paused": paused})

    def is_paused(self, run_id: str) -> bool:
        return bool(self._rows("is_paused", {"run_key": self._key(run_id)})[0].paused)

    def enqueue(self, run_id: str, sets: Sequence[Mapping[str, Scalar]]) -> None:
        key = self._key(run_id)
        token = uuid.uuid4().hex
        steps = [
            ("enqueue", {"run_key": key, "params": to_json(params), "token": f"{token}-{at}"})
            for at, params in enumerate(sets)
        ]
        patiently(lambda again: self._connection.rows_of_all([("lock_run", {"run_key": key}), *steps]))

    # the life of a trial

    def reserve(self, run_id: str, worker: str, *, guesses: int, lease_s: float) -> Lease | None:
        return self._lease("reserve", run_id, _reservation(worker, guesses, lease_s))

    def reserve_asked(self, run_id: str, worker: str, asked: Lease, *, guesses: int, lease_s: float) -> Trial | None:
        assert asked.params is not None
        proposed = _proposal(asked.params, "ask", asked.known, asked.incumbent, asked.algorithm_state, asked.wanted)
        mine = {"phase": asked.phase, "number": asked.number, "lease_no": asked.lease_no, "draw": asked.draw}
        return self._claim(
            run_id,
            _reservation(worker, guesses, lease_s),
            [("reserve", {}), ("propose_reserved", {**mine, **proposed})],
        )

    def queued_set(self, lease: Lease) -> Mapping[str, Scalar] | None:
        rows = self._rows("queued_set", self._fence(lease))
        return self._read(queued_of, lease.run_id, rows[0]) if rows else None

    def take_over(self, run_id: str, worker: str, *, lease_s: float) -> Lease | None:
        dead = self._dead_holders(self._key(run_id))
        return self._lease("take_over", run_id, {"worker": worker, "dead": dead, "lease_s": float(lease_s)})

    def propose(
        self,
        lease: Lease,
        params: Mapping[str, Scalar],
        *,
        origin: Literal["ask", "guess"],
        known: int,
        incumbent: int | None,
        algorithm_state: Mapping[str, Any] | None,
        wanted: int | None = None,
    ) -> Trial:
        """The same parameters may be proposed again; others raise ConflictingResult."""
        proposed = _proposal(params, origin, known, incumbent, algorithm_state, wanted)
        rows = self._rows("propose", {**self._fence(lease), **proposed})
        if rows:
            return self._read(trial_of, lease.run_id, rows[0])
        trial = self._still_ours(lease)
        if trial.param_id != proposed["param_id"]:
            raise ConflictingResult(f"{_name(lease)} has other parameters already")
        return trial

    def withdraw(self, lease: Lease) -> None:
        def give_back(again: bool) -> None:
            if self._connection.rows("withdraw", fence) or again:
                return  # if repeated: the first attempt gave it back, and another worker may hold it by now
            if self._still_ours(lease).params is not None:
                raise ConflictingResult(f"{_name(lease)} has parameters already; it cannot be withdrawn")

        fence = self._fence(lease)
        patiently(give_back)

    def confirm(self, run_id: str, numbers: Sequence[int]) -> None:
        key = self._key(run_id)
        steps = [("confirm", {"run_key": key, "phase": "confirm", "number": number}) for number in numbers]
        patiently(lambda again: self._connection.rows_of_all([("lock_run", {"run_key": key}), *steps]))

    def renew(self, run_id: str, worker: str, *, lease_s: float) -> frozenset[tuple[Phase, int, int]]:
        params = {"run_key": self._key(run_id), "worker": worker, "lease_s": float(lease_s)}
        return frozenset((row.phase, row.number, row.lease_no) for row in self._rows("renew", params))

    def release(self, run_id: str, worker: str) -> None:
        self._rows("release", {"run_key": self._key(run_id), "worker": worker})

    def record(self, lease: Lease, replicates: Sequence[Replicate]) -> None:
        written = self._write(lease, replicates)
        if replicates and not written[0]:
            raise LeaseLost(f"{_name(lease)} was taken over by another worker")

    def finish(self, lease: Lease, end: TrialEnd, replicates: Sequence[Replicate] = ()) -> Trial:
        """Ends are the same if status, loss, standard error, early stop, replicates and failure are equal.

        A loss of -0.0 is stored as 0.0. Raises ValueError for a status that is not final, or a loss that is not finite.
        """
        params = end_params(end)
        rows = self._write(lease, replicates, ("finish", {**self._fence(lease), **params}))[-1]
        return self._finished(lease, params, rows)

    def _finished(self, lease: Lease, params: Mapping[str, Any], rows: Rows) -> Trial:
        """The trial in `rows`, which `finish` returned. If there are none, the trial as stored, if it ended with `params`."""
        trial = self._read(trial_of, lease.run_id, rows[0]) if rows else self._trial(lease)
        if trial is None or trial.lease_no != lease.lease_no or not trial.status.is_final:
            raise LeaseLost(f"{_name(lease)} was taken over by another worker")
        if not rows and not is_same_end(trial, params):
            raise ConflictingResult(f"{_name(lease)} is finished with another result")
        return trial

    # reading

    def changes(self, run_id: str, after: int) -> list[Trial]:
        rows = self._rows("changes", {"run_key": self._key(run_id), "after": after})
        return [self._read(trial_of, run_id, row) for row in rows]

    def wait(self, run_id: str, after: int, timeout_s: float) -> bool:
        key = self._key(run_id)
        return patiently(lambda again: self._connection.wait(key, after, timeout_s))

    def trials(self, run_id: str, *, phase: Phase | None = None) -> list[Trial]:
        name = "trials" if phase is None else "trials_of_phase"
        rows = self._rows(name, {"run_key": self._key(run_id), "phase": phase})
        return [self._read(trial_of, run_id, row) for row in rows]

    def replicates(self, run_id: str, number: int | None = None) -> list[Replicate]:
        name = "replicates" if number is None else "replicates_of_trial"
        rows = self._rows(name, {"run_key": self._key(run_id), "number": number})
        return [self._read(replicate_of, run_id, row, self._values[run_id]) for row in rows]

    def now(self) -> datetime:
        now = time_of(self._rows("now", {})[0].now)
        assert now is not None
        return now

    # helpers

    def _read(self, of: Callable[..., T], *row: Any) -> T:
        """The record that `of` reads from a row. Raises LedgerError in one line for a damaged row."""
        try:
            return of(*row)
        except Damaged as error:
            raise LedgerError(f"{self._connection.where}: {error}; {TO_DO_WHEN_DAMAGED}") from error

    def _rows(self, name: str, params: Mapping[str, Any]) -> Rows:
        """The rows of a query that may be executed twice: if the connection breaks, it is repeated."""
        return patiently(lambda again: self._connection.rows(name, params))

    def _write(
        self, lease: Lease, replicates: Sequence[Replicate], *more: tuple[str, Mapping[str, Any]]
    ) -> Sequence[Rows]:
        """Record replicates and run the queries `more` in one transaction; returns the rows of each query."""

        def write(again: bool) -> Sequence[Rows]:
            recorded = [("record", {**fence, **given, "again": again})] if replicates else []
            return self._connection.rows_of_all([*recorded, *more])

        fence = self._fence(lease)
        given = replicates_params(replicates)
        try:
            return patiently(write)
        except ConstraintBroken as error:
            raise ConflictingResult(f"{_name(lease)}: a replicate gave another result than the one recorded") from error

    def _lease(self, name: str, run_id: str, params: Mapping[str, Any]) -> Lease | None:
        trial = self._claim(run_id, params, [(name, {})])
        return None if trial is None else trial.lease

    def _claim(
        self, run_id: str, params: Mapping[str, Any], steps: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> Trial | None:
        """The trial that the queries `steps` lease in one transaction, as the last one with a row returned it.

        The row holds a token, to find the lease again if the answer was lost.
        """

        def claim(again: bool) -> Rows:
            if again:
                # An earlier attempt may still run on the server. lock_run waits for it, so find_lease sees its result.
                found = self._connection.rows_of_all([("lock_run", claimed), ("find_lease", claimed)])[1]
                if found:
                    return found
            results = self._connection.rows_of_all([(name, {**claimed, **more}) for name, more in steps])
            return next((rows for rows in reversed(results) if rows), [])

        claimed = {**params, "run_key": self._key(run_id), "token": uuid.uuid4().hex}
        rows = patiently(claim)
        return self._read(trial_of, run_id, rows[0]) if rows else None

    def _dead_holders(self, key: int) -> str:
        """The workers that hold leases of the run and are known to have ended, as a JSON array."""
        holders = [row.worker for row in self._rows("holders", {"run_key": key})]
        return json.dumps([holder for holder in holders if isinstance(holder, str) and is_dead(holder)])

    def _key(self, run_id: str) -> int:
        if run_id not in self._keys:
            self._state_of(run_id)
        return self._keys[run_id]

    def _state_of(self, run_id: str) -> Run:
        run = self.get_run(run_id)
        if run is None:
            raise LedgerError(f"no run {run_id!r} in this ledger")
        return run

    def _fence(self, lease: Lease) -> dict[str, Any]:
        key = self._key(lease.run_id)
        return {"run_key": key, "phase": lease.phase, "number": lease.number, "lease_no": lease.lease_no}

    def _trial(self, lease: Lease) -> Trial | None:
        rows = self._rows("get_trial", self._fence(lease))
        return self._read(trial_of, lease.run_id, rows[0]) if rows and rows[0].status != "WITHDRAWN" else None

    def _still_ours(self, lease: Lease) -> Trial:
        trial = self._trial(lease)
        if trial is None or trial.lease_no != lease.lease_no or trial.status != "LEASED":
            raise LeaseLost(f"{_name(lease)} was taken over by another worker")
        return trial


def _name(lease: Lease) -> str:
    return f"{trial_name(lease.phase, lease.number)} of run {lease.run_id!r}"


def _reservation(worker: str, guesses: int, lease_s: float) -> dict[str, Any]:
    return {"worker": worker, "guesses": guesses, "lease_s": float(lease_s)}


def _proposal(
    params: Mapping[str, Scalar],
    origin: Literal["ask", "guess"],
    known: int,
    incumbent: int | None,
    algorithm_state: Mapping[str, Any] | None,
    wanted: int | None,
) -> dict[str, Any]:
    return {
        "params": to_json(params),
        "param_id": param_id(params),
        "origin": origin,
        "known": known,
        "incumbent": incumbent,
        "algorithm_state": to_json(algorithm_state),
        "wanted": wanted,
    }
