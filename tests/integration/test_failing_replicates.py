"""A model that fails in a share of its runs: what is said of it, and what tolerating the failures of likelihoods means."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.evaluation.fit import stack
from modelops_runtime.evaluation.stored import stored_scorer
from modelops_runtime.ledger.opening import open_ledger
from tests.support.projects import LINE_DATA, Project, project

MODEL = """
import numpy as np

def simulate(params, seed):
    rng = np.random.default_rng(seed)
    if rng.random() < 0.3:
        raise ValueError("died out")
    t = np.arange(5)
    return {"t": t, "y": params["slope"] * t + 1 + rng.normal(0, 0.5, 5)}
"""

SPEC = """
version: 1
name: flaky
model: {{entrypoint: "model.py:simulate"}}
parameters:
  slope: {{min: 0.0, max: 5.0}}
targets:
  line: {{observed: data.csv, match: {{exact: t}}, value: y, loss: {loss}}}
search: {{trials: 20, replicates: 6, seed: 7, confirm: {{top: 2, replicates: 10}}{more}}}
"""
NORMAL = "{kind: normal, sigma: 1.0}"


def flaky(root: Path, *, loss: str = NORMAL, more: str = "") -> Project:
    return project(root, spec=SPEC.format(loss=loss, more=more), model=MODEL, data=LINE_DATA)


def test_the_message_of_max_failed_explains_its_arithmetic(tmp_path: Path) -> None:
    ended = flaky(tmp_path / "flaky").mops("run", "--spec", "adaptive.yaml", "--workers", "1")
    assert ended.code == 1
    assert "A trial fails when one of its 6 replicates does, so a model that fails in" in ended.err
    assert "^6 =" in ended.err
    assert "replicate_failures: {tolerate: 0.2}" in ended.err


def test_tolerated_failures_count_as_a_likelihood_of_0(tmp_path: Path) -> None:
    made = flaky(tmp_path / "flaky", more=", replicate_failures: {tolerate: 0.7}")
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "2")
    assert ended.code == 0, ended.err
    ledger = open_ledger(str(made.root / ".modelops" / "ledger.sqlite"), create=False)
    try:
        run, trials = ledger.get_run("flaky"), ledger.trials("flaky")
        assert run is not None
        whole = [t for t in trials if t.status is TrialStatus.COMPLETED and not t.stopped_early and t.phase == "search"]
        some = next(t for t in whole if t.diagnostics.get("failed_replicates"))
        rows = [r for r in ledger.replicates("flaky", some.number) if r.index < 6]
        done = stack([r.aligned for r in rows if r.status == "COMPLETED"])
        assert len(done) == 6 - some.diagnostics["failed_replicates"]
        log_p = stored_scorer(run.observations, run.spec).log_likelihoods(done)
        assert some.loss == pytest.approx(-np.log(np.exp(log_p).sum() / 6), rel=1e-12)
        assert some.replicates == 6
    finally:
        ledger.close()
    assert made.mops("rescore", "flaky", "--spec", "adaptive.yaml", "--run-id", "same").code == 0
    same, first = (json.loads(made.mops("results", "show", name, "--json").out)["best"] for name in ("same", "flaky"))
    assert (same["loss"], same["confirmed_loss"]) == (first["loss"], first["confirmed_loss"])


def test_distances_are_refused_with_it(tmp_path: Path) -> None:
    made = flaky(tmp_path / "flaky", loss="mean_signal", more=", replicate_failures: {tolerate: 0.2}")
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 2
    (line,) = ended.err.splitlines()
    assert "failed replicates cannot be left out of a distance" in line


def test_check_tries_other_points_of_the_space(tmp_path: Path) -> None:
    model = MODEL.replace("rng.random() < 0.3", 'params["slope"] > 3')
    made = project(tmp_path / "edge", spec=SPEC.format(loss=NORMAL, more=""), model=model, data=LINE_DATA)
    ended = made.mops("check", "--spec", "adaptive.yaml", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert (found["failures"], found["points"]) == ([], 8)
    assert found["failed_points"] in (3, 4)
    assert any(
        f"fails at {found['failed_points']} of 8 other points of the space" in said for said in found["warnings"]
    )


def test_a_run_that_tolerated_failures_is_not_rescored_by_a_distance_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    made = flaky(tmp_path / "flaky", more=", replicate_failures: {tolerate: 0.7}")
    assert made.mops("run", "--spec", "adaptive.yaml", "--workers", "2").code == 0
    said = made.mops("results", "show", "flaky").out
    assert "failed and count with a likelihood of 0" in said
    (made.root / "far.yaml").write_text(SPEC.format(loss="mean_signal", more=""))
    refused = made.mops("rescore", "flaky", "--spec", "far.yaml", "--run-id", "far")
    assert refused.code == 2
    assert "tolerated replicates that failed, which a distance cannot leave out" in refused.err
    assert made.mops("status", "far").code == 2


def test_check_passes_as_many_failures_as_a_set_may_have(tmp_path: Path) -> None:
    few = "    if seed % 2 == 0:\n        raise ValueError('died out')\n"
    model = MODEL.replace('    if rng.random() < 0.3:\n        raise ValueError("died out")\n', few)
    assert few in model
    for share, code in ((0.7, 0), (0.0, 1)):
        made = flaky(tmp_path / str(code), more=f", replicate_failures: {{tolerate: {share}}}" if share else "")
        (made.root / "model.py").write_text(model)
        ended = made.mops("check", "--spec", "adaptive.yaml")
        assert ended.code == code, f"{ended.out}\n{ended.err}"
        assert ("the spec tolerates" in ended.out) == (code == 0)
