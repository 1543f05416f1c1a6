"""Short ways to write targets and tables in these tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from modelops_runtime.evaluation.plan import EvaluationPlan, plan_targets
from modelops_runtime.specs.targets import TargetSpec

ROOT = Path(__file__).parent


def target(match: dict[str, Any], **more: Any) -> TargetSpec:
    return TargetSpec.model_validate({"observed": "data.csv", "match": match, "value": "cases", **more})


def plan(data: dict[str, Any] | pa.Table, match: dict[str, Any], **more: Any) -> EvaluationPlan:
    """One target called `t`."""
    table = data if isinstance(data, pa.Table) else pa.table(data)
    return plan_targets({"t": target(match, **more)}, {"t": table}, root=ROOT)


def aligned(data: dict[str, Any] | pa.Table, match: dict[str, Any], output: Any, **more: Any) -> list[float]:
    """What an output table becomes."""
    table = output if isinstance(output, pa.Table) else pa.table(output)
    return plan(data, match, **more).aligner.align({"out": table}).tolist()
