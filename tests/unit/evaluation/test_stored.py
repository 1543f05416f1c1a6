"""Targets come back from a run's row as they were scored."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from modelops_runtime.contracts.observations import CensoringInterval, Observations
from modelops_runtime.evaluation.plan import plan_targets
from modelops_runtime.evaluation.score import Scorer
from modelops_runtime.evaluation.stored import NotStored, stored_target
from tests.unit.evaluation.targets import ROOT, plan, target

DATA = {"day": [1, 2, 3], "cases": [2, 0, 5], "n": [10, 20, 30], "sd": [0.5, 1.0, 2.0]}

LOSSES: list[dict[str, Any]] = [
    {"kind": "mean_signal"},
    {"kind": "annealed"},
    {"kind": "absolute"},
    {"kind": "relative", "floor": 2.0},
    {"kind": "log", "offset": 3.0},
    {"kind": "poisson"},
    {"kind": "negative_binomial", "dispersion": 4.0},
    {"kind": "binomial", "n": "n"},
    {"kind": "binomial", "n": 12.0},
    {"kind": "beta_binomial", "n": "n", "dispersion": 7.0},
    {"kind": "normal", "sigma": "sd"},
    {"kind": "normal", "sigma": 1.5},
]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_the_stored_target_scores_as_the_planned_one(loss: dict[str, Any]) -> None:
    made = plan(DATA, {"exact": "day"}, loss=loss, weight=0.5)
    part = Observations.from_json(json.loads(json.dumps(made.observations().as_json()))).targets["t"]
    stored = stored_target("t", part, {"loss": loss})
    simulated = np.array([[0.2, 0.1, 0.4], [0.3, 0.2, 0.5]])
    assert Scorer((stored,)).score(simulated) == made.scorer.score(simulated)


def test_what_is_not_kept_is_named() -> None:
    made = plan(DATA, {"exact": "day"}, loss={"kind": "binomial", "n": "n"}).observations().targets["t"]
    older = dataclasses.replace(made, of_loss={})
    with pytest.raises(NotStored, match="recorded without the n of binomial"):
        stored_target("t", older, {"loss": {"kind": "binomial", "n": "n"}})
    with pytest.raises(NotStored, match="recorded without the options of negative_binomial"):
        stored_target("t", dataclasses.replace(older, loss="negative_binomial"), {})
    own = (
        plan_targets({"t": target({"exact": "day"}, loss="own_losses.py:worst")}, {"t": _table()}, root=ROOT)
        .observations()
        .targets["t"]
    )
    with pytest.raises(NotStored, match=r"nothing is known of the noise that own_losses\.py:worst assumes"):
        stored_target("t", own, {"loss": {"kind": "own_losses.py:worst"}})

    censored = dataclasses.replace(made, observed=(2.0, CensoringInterval(0.0, 4.0), 5.0))
    with pytest.raises(NotStored, match="poisson knows no observations that are intervals"):
        stored_target("t", dataclasses.replace(censored, loss="poisson"), {"loss": {"kind": "poisson"}})


def _table() -> Any:
    import pyarrow as pa

    return pa.table(DATA)
