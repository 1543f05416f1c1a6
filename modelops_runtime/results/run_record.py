"""A run as one JSON record, for a reader years later: run.json."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version

from modelops_runtime.contracts.caution import Caution
from modelops_runtime.contracts.observations import Observations
from modelops_runtime.contracts.plain_json import plain
from modelops_runtime.inference.cautions import Findings
from modelops_runtime.inference.identifiability import intervals_of_json
from modelops_runtime.inference.intervals import Intervals
from modelops_runtime.ledger.base import Run, RunState, Trial
from modelops_runtime.results.findings_record import findings_record
from modelops_runtime.results.version import modelops_version

FORMAT = 2
"""Version of the exported files. It rises when a column changes its meaning or goes away, not when one is added.

In version 1, `simulated` was a probability where counts of n were observed."""


def run_json(run: Run, trials: Sequence[Trial], cautions: Sequence[Caution], found: Findings) -> str:
    """The record of a run: spec, identity, provenance, versions, times, state, answer, and what was found about it."""
    record = {
        "format": FORMAT,
        "run_id": run.run_id,
        "state": str(run.state),
        "reason": run.reason,
        "trials": run.trials,
        "replicates": run.replicates,
        "trials_by_status": dict(Counter(str(t.status) for t in trials if t.phase == "search")),
        "summary": run.summary,
        "cautions": [caution.text for caution in cautions],
        "caution_kinds": [caution.kind for caution in cautions],
        **findings_record(found),
        "times": {"created": run.created_at, "finished": run.finished_at},
        "identity": run.identity,
        "identity_parts": run.identity_parts,
        "provenance": run.provenance,
        "versions": {
            "modelops": modelops_version(),
            "python": platform.python_version(),
            "pyarrow": version("pyarrow"),
        },
        "observations": run.observations.as_json(),
        "space": run.space,
        "spec": run.spec,
    }
    return json.dumps(plain(record), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def run_of_json(text: str) -> Run:
    """The run in a record of `run_json`, without its times. Raises ValueError or KeyError for any other text."""
    record = json.loads(text)
    kept = ("run_id", "identity", "identity_parts", "spec", "provenance", "trials", "replicates", "reason", "summary")
    return Run(
        state=RunState(record["state"]),
        space=record.get("space") or {},
        observations=Observations.from_json(record["observations"]),
        **{name: record[name] for name in kept},
    )


def cautions_of_json(text: str) -> tuple[Caution, ...]:
    """The cautions in a record of `run_json`; none, or none with a kind, in a record of an older version."""
    record = json.loads(text)
    texts = record.get("cautions", ())
    kinds = record.get("caution_kinds") or [""] * len(texts)
    return tuple(Caution(kind, said) for kind, said in zip(kinds, texts, strict=True))


def intervals_in_json(text: str) -> Intervals | None:
    """The intervals in a record of `run_json`, without ridges; None in a record of an older version."""
    record = json.loads(text).get("intervals")
    return None if record is None else intervals_of_json(record)


def fit_in_json(text: str) -> tuple[str, str]:
    """(verdict, sentence) about the fit in a record of `run_json`; both empty in a record of an older version."""
    record = json.loads(text).get("fit") or {}
    return record.get("verdict", ""), record.get("says", "")
