"""Runs to report on: made from a small stochastic model, as ledger rows or through a real ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from modelops_runtime.contracts.observations import Observations
from modelops_runtime.contracts.parameters import Scalar, param_id
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Ledger, Phase, Replicate, Run, RunState, Trial, TrialEnd

IN_BED = (3, 8, 26, 76, 225, 298, 258, 233, 189, 128, 68, 29, 14, 4)
"""Boys in bed, 22 January to 4 February 1978 (British Medical Journal, 4 March 1978, p. 587)."""

BEGAN = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
FRESH = 2**32


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A trial as it is to end. Without `end` it stays leased."""

    params: Mapping[str, Scalar] | None
    end: TrialEnd | None
    rows: tuple[Replicate, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Story:
    """A run, what became of its search trials, and of the confirmations by number."""

    run: Run
    trials: tuple[Planned, ...] = ()
    confirms: Mapping[int, Planned] = field(default_factory=dict)

    def rows(self) -> tuple[list[Trial], list[Replicate]]:
        """The ledger's rows, made directly."""
        search = [_row(self.run.run_id, "search", n, planned) for n, planned in enumerate(self.trials)]
        confirm = [_row(self.run.run_id, "confirm", n, planned) for n, planned in sorted(self.confirms.items())]
        planned = [*self.trials, *self.confirms.values()]
        return search + confirm, sorted((r for p in planned for r in p.rows), key=lambda r: (r.number, r.index))

    def tell(self, ledger: Ledger) -> None:
        """The same, through a ledger, as a worker would."""
        run_id = self.run.run_id
        ledger.create_run(replace(self.run, state=RunState.OPEN, reason="", summary={}))
        for planned in self.trials:
            lease = ledger.reserve(run_id, "worker-a", guesses=0, lease_s=3600)
            assert lease is not None
            if planned.params is None:
                continue
            lease = ledger.propose(
                lease, planned.params, origin="ask", known=0, incumbent=None, algorithm_state=None
            ).lease
            ledger.record(lease, planned.rows)
            if planned.end is not None:
                ledger.finish(lease, planned.end)
        if self.confirms:
            ledger.confirm(run_id, sorted(self.confirms))
            for _ in self.confirms:
                lease = ledger.take_over(run_id, "worker-a", lease_s=3600)
                assert lease is not None
                planned = self.confirms[lease.number]
                ledger.record(lease, planned.rows)
                assert planned.end is not None
                ledger.finish(lease, planned.end)
        if self.run.state is not RunState.OPEN:
            ledger.end_run(run_id, self.run.state, self.run.reason, self.run.summary)


def _row(run_id: str, phase: Phase, number: int, planned: Planned) -> Trial:
    end, at = planned.end, BEGAN + timedelta(seconds=number)
    return Trial(
        run_id=run_id,
        phase=phase,
        number=number,
        draw=number,
        origin="confirm" if phase == "confirm" else "ask",
        param_id=param_id(planned.params) if planned.params is not None else None,
        params=planned.params,
        status=end.status if end else TrialStatus.LEASED,
        known=0,
        incumbent=None,
        algorithm_state=None,
        loss=end.loss if end else None,
        loss_se=end.loss_se if end else None,
        stopped_early=end.stopped_early if end else False,
        replicates=end.replicates if end else 0,
        failure=end.failure if end else None,
        error=end.error if end else None,
        diagnostics=end.diagnostics if end else {},
        worker="worker-a",
        lease_no=1,
        lease_until=None if end else at + timedelta(seconds=120),
        proposed_at=at,
        finished_at=at + timedelta(seconds=1) if end else None,
        seconds=end.seconds if end else None,
        proposed_seq=2 * number + 1,
        finished_seq=2 * number + 2 if end else None,
        effective_sample_size=end.effective_sample_size if end else None,
    )


def replicate(number: int, index: int, values: Sequence[float], *, seed: int | None = None) -> Replicate:
    return Replicate(
        number=number,
        index=index,
        seed=2**64 - 1 - index if seed is None else seed,
        status="COMPLETED",
        seconds=0.01,
        aligned=np.asarray(values, dtype="<f8").tobytes(),
        digest=f"{number}-{index}",
    )


def failed_replicate(number: int, index: int = 0, *, kind: str = "MODEL_ERROR", error: str = "it broke") -> Replicate:
    return Replicate(
        number=number, index=index, seed=index, status="FAILED", seconds=0.5, failure=kind, error=error, log="a\nb"
    )


def completed(
    number: int, params: Mapping[str, Scalar], values: Any, loss: float, *, first: int = 0, **more: Any
) -> Planned:
    """A trial with the replicates `values` [replicates, observations], indexed from `first`."""
    rows = tuple(replicate(number, first + i, row) for i, row in enumerate(values))
    end = TrialEnd(
        status=TrialStatus.COMPLETED,
        loss=loss,
        replicates=len(rows),
        seconds=0.01 * len(rows),
        **{"loss_se": 1.5, "diagnostics": {"loss_bias": 0.0}, **more},
    )
    return Planned(params=params, end=end, rows=rows)


def failed(number: int, params: Mapping[str, Scalar], *, kind: str = "MODEL_ERROR", error: str = "it broke") -> Planned:
    status = TrialStatus.TIMEOUT if kind == "TIMEOUT" else TrialStatus.FAILED
    end = TrialEnd(status=status, failure=kind, error=error, seconds=0.5)
    return Planned(params=params, end=end, rows=(failed_replicate(number, kind=kind, error=error),))


def sir(params: Mapping[str, Any], rng: np.random.Generator, days: int = 14) -> list[float]:
    """Boys in bed at the end of each day: a chain binomial SIR with ten steps a day."""
    susceptible, infected, found = 762, 1, []
    for _ in range(days):
        for _ in range(10):
            caught = rng.binomial(susceptible, 1 - np.exp(-params["beta"] * infected / 763 / 10))
            healed = rng.binomial(infected, 1 - np.exp(-params["gamma"] / 10))
            susceptible, infected = susceptible - caught, infected + caught - healed
        found.append(float(infected))
    return found


def observations(
    values: Sequence[float], keys: Mapping[str, Sequence[Any]], start: int = 0, **more: Any
) -> dict[str, Any]:
    return {
        "keys": {name: list(column) for name, column in keys.items()},
        "observed": list(values),
        "weight": 1.0,
        "loss": "negative_binomial",
        "min_coverage": 1.0,
        "left_out": 0,
        "dates": [],
        "start": start,
        "stop": start + len(values),
        **more,
    }


def a_run(run_id: str = "boarding-school", **more: Any) -> Run:
    """A run over the boarding-school data, OPEN unless said otherwise; its `observations` are given as JSON."""
    given: dict[str, Any] = {
        "run_id": run_id,
        "identity": "5d" * 32,
        "identity_parts": {"parameters": "9a" * 16},
        "spec": {
            "version": 1,
            "name": run_id,
            "parameters": {
                "beta": {"min": 0.5, "max": 5.0, "scale": "log"},
                "gamma": {"min": 0.1, "max": 1.0, "scale": "linear"},
                "population": 763,
            },
            "targets": {
                "in_bed": {"observed": "influenza.csv", "match": {"exact": "date"}, "value": "in_bed", "weight": 1.0}
            },
        },
        "provenance": {"code_digest": "c0ffee" * 8, "python": "3.11.2", "packages": {"numpy": "2.1.0"}},
        "observations": {
            "in_bed": observations(
                IN_BED,
                {"date": [f"1978-{'01' if d < 32 else '02'}-{d if d < 32 else d - 31:02d}" for d in range(22, 36)]},
                dates=["date"],
            )
        },
        "trials": 60,
        "replicates": 10,
        "created_at": BEGAN,
    }
    given |= more
    return Run(**{**given, "observations": Observations.from_json(given["observations"])})


def boarding_school(trials: int = 60, *, seed: int = 4) -> Story:
    """A finished run: random search with early stops, two failures, three finalists confirmed."""
    rng = np.random.default_rng(seed)
    planned: list[Planned] = []
    for number in range(trials):
        share = 0.25 + 0.75 * (1 - number / trials)
        beta = float(np.clip(1.75 * np.exp(share * rng.normal(0, 0.6)), 0.5, 5.0))
        params = {"beta": beta, "gamma": float(np.clip(0.47 + share * rng.normal(0, 0.2), 0.1, 1.0)), "population": 763}
        if number in (7, 31):
            planned.append(failed(number, params, error="ValueError: probability above 1 (model.py:12)"))
            continue
        values = [sir(params, rng) for _ in range(10)]
        loss = _error(values)
        raced = number > 5 and loss > 6_000
        kept = values[:3] if raced else values
        planned.append(completed(number, params, kept, loss, stopped_early=raced, loss_se=0.08 * loss))
    full = [n for n, p in enumerate(planned) if p.end and p.end.loss is not None and not p.end.stopped_early]
    best = sorted(full, key=lambda n: planned[n].end.loss or 0.0)[:3]  # type: ignore[union-attr]
    confirms = {n: _confirmation(n, planned[n], rng) for n in best}
    winner = min(best, key=lambda n: confirms[n].end.loss)  # type: ignore[union-attr, arg-type, return-value]
    params = planned[winner].params or {}
    run = a_run(
        trials=trials,
        state=RunState.COMPLETED,
        finished_at=BEGAN + timedelta(seconds=41),
        summary={"best_trial": winner, "derived": {"R0": float(params["beta"]) / float(params["gamma"])}},
    )
    return Story(run=run, trials=tuple(planned), confirms=confirms)


def _confirmation(number: int, planned: Planned, rng: np.random.Generator) -> Planned:
    assert planned.params is not None
    values = [sir(planned.params, rng) for _ in range(50)]
    return completed(number, planned.params, values, _error(values), first=FRESH, loss_se=0.05 * _error(values))


def _error(values: Sequence[Sequence[float]]) -> float:
    return float(np.mean((np.asarray(IN_BED) - np.mean(values, axis=0)) ** 2))
