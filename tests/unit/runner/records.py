"""Ledger records with everything filled in, for tests of pure decisions."""

from __future__ import annotations

from typing import Any

from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.contracts.space import ParameterSpace, RealParameter
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Lease, Trial
from modelops_runtime.runner.setup.settings import SearchSettings, StopRules

SPACE = ParameterSpace((RealParameter(name="x", low=0.0, high=1.0),))


def settings(**changes: Any) -> SearchSettings:
    defaults: dict[str, Any] = {
        "space": SPACE,
        "fixed": {},
        "guesses": (),
        "replicates": 10,
        "seed": 1,
        "common_random_numbers": True,
        "racing_after": 3,
        "confirm_top": 2,
        "confirm_replicates": 5,
        "max_failed": 0.5,
        "on_failure": "worst",
        "stop": StopRules(),
        "lag": 0,
    }
    return SearchSettings(**(defaults | changes))


def trial(number: int, loss: float | None = 1.0, **changes: Any) -> Trial:
    """A finished search trial; `loss=None` makes it a failed one."""
    params = {"x": number / 1000}
    defaults: dict[str, Any] = {
        "run_id": "r",
        "phase": "search",
        "number": number,
        "draw": number,
        "origin": "ask",
        "param_id": UniqueParameterSet.of(params).param_id,
        "params": params,
        "status": TrialStatus.COMPLETED if loss is not None else TrialStatus.FAILED,
        "known": 0,
        "incumbent": None,
        "algorithm_state": None,
        "loss": loss,
        "loss_se": None,
        "stopped_early": False,
        "replicates": 10,
        "failure": None if loss is not None else "MODEL_ERROR",
        "error": None if loss is not None else "ValueError: no",
        "diagnostics": {},
        "worker": "w",
        "lease_no": 1,
        "lease_until": None,
        "proposed_at": None,
        "finished_at": None,
        "seconds": 1.0,
        "proposed_seq": 2 * number + 1,
        "finished_seq": 2 * number + 2,
    }
    return Trial(**(defaults | changes))


def lease(number: int = 0, **changes: Any) -> Lease:
    defaults: dict[str, Any] = {
        "run_id": "r",
        "phase": "search",
        "number": number,
        "lease_no": 1,
        "draw": number,
        "params": {"x": 0.5},
        "known": 0,
        "incumbent": None,
        "algorithm_state": None,
    }
    return Lease(**(defaults | changes))
