"""The bands of the fit as a table: of the simulations, without and with the observation noise that the loss assumes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelops_runtime.evaluation.fit_table import key_columns
from modelops_runtime.evaluation.stored import is_of_filter
from modelops_runtime.inference.predictive_checks import pit_of
from modelops_runtime.inference.ranking import finalists_or_best
from modelops_runtime.inference.run_data import Runs, runs_of
from modelops_runtime.inference.series import quantiles_of
from modelops_runtime.inference.targets import TargetData, targets_of
from modelops_runtime.ledger.base import Ledger, Run, Trial

LEVELS = (0.05, 0.5, 0.95)
"""Quantiles of the replicates: the ends of the central 90 %, and the median."""

NAMES = (
    "trial", "target", "phase", "replicates", "observed", "n", "simulated_low", "simulated_median", "simulated_high",
    "observable_low", "observable_high", "pit",
)  # fmt: skip


def bands_table(ledger: Ledger, run: Run, trials: Sequence[Trial]) -> pa.Table:
    """One row for each observation of each set of `finalists_or_best`; the columns are NAMES, with the keys after `phase`.

    All values are in the unit of `observed`. The columns `simulated_` are the central 90 % of the replicates; the
    columns `observable_` are that of what would be observed, null if the loss assumes no noise. Both are null: not matched.
    `pit` is where the observation lies among these draws (inference/predictive_checks.py), null for runs that have seen the data.
    """
    targets = targets_of(run)
    width = max((target.stop for target in targets), default=0)
    found = [runs_of(one, ledger.replicates(run.run_id, one.search.number), width) for one in finalists_or_best(trials)]
    return pa.concat_tables([_of_set(run, targets, runs) for runs in found] or [_of_set(run, targets, None)])


def _of_set(run: Run, targets: Sequence[TargetData], runs: Runs | None) -> pa.Table:
    """The rows of one set; a table without rows if there is none."""
    names = [target.name for target in targets for _ in range(target.observed.size)]
    rows = len(names) if runs is not None and len(runs.values) else 0
    number = runs.candidate.search.number if runs is not None else 0
    filtered = is_of_filter(run.spec)
    targets = [target.at(runs.nuisance) for target in targets] if runs is not None else targets
    numbers = np.concatenate([np.empty((7, 0)), *(_numbers(target, runs, filtered) for target in targets)], axis=1)
    observed = np.concatenate([np.empty(0), *(target.observed for target in targets)])
    by_name = key_columns(run.observations)
    keys = {name if name not in NAMES else f"key.{name}": column for name, column in by_name.items()}
    columns = {
        "trial": pa.array([number] * len(names), pa.int64()),
        "target": pa.array(names, pa.string()),
        "phase": pa.array(["" if runs is None else runs.phase] * len(names), pa.string()),
        **keys,
        "replicates": pa.array([0 if runs is None else len(runs.values)] * len(names), pa.int64()),
        "observed": pa.array(observed, pa.float64(), from_pandas=True),
        **{
            name: pa.array(row, pa.float64(), from_pandas=True)
            for name, row in zip(("n", *NAMES[-6:]), numbers, strict=True)
        },
    }
    return pa.table(columns).slice(0, rows)


def _numbers(target: TargetData, runs: Runs | None, filtered: bool) -> NDArray[np.float64]:
    """n, three quantiles of the simulations, two of what would be observed, and the PIT value, [7, observations]."""
    found = np.full((7, target.observed.size), np.nan)
    if target.of_n is not None:
        found[0] = target.of_n
    if runs is not None:
        values = runs.values[:, target.start : target.stop]
        found[1:4] = quantiles_of(target.in_observed_unit(values), LEVELS)
        seed = runs.candidate.search.number
        drawn = target.observable(values, seed)
        found[4:6] = quantiles_of(drawn, LEVELS[::2])
        if not filtered:
            found[6] = pit_of(target, drawn, seed)
    return found
