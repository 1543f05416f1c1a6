"""What was found about an answer, for programs: whether the model fits, intervals, predictive checks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from modelops_runtime.contracts.plain_json import plain
from modelops_runtime.inference.cautions import Findings
from modelops_runtime.inference.identifiability import intervals_json


def findings_record(found: Findings) -> dict[str, Any]:
    """`fit`, `intervals` and `predictive_checks` as strict JSON: the same keys in `mops results show --json` and in run.json."""
    return {
        "fit": plain(asdict(found.fit)),
        "intervals": intervals_json(found.intervals),
        "predictive_checks": None if found.checks is None else found.checks.as_json(),
    }
