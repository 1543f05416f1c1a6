"""Two streams of data of an epidemic by age: whole simulations scatter by 86 in log-likelihood, a filter by less than 2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modelops_runtime.evaluation.plan import EvaluationPlan, plan_targets
from modelops_runtime.models.loading import LoadedModel, ModelSource, load_model
from modelops_runtime.models.tables import to_tables
from modelops_runtime.specs.loading import load_spec

FOLDER = Path(__file__).parents[2] / "support" / "seir"
TRUTH = {"R0": 1.6, "kids": 0.7, "i0": 30.0, "reporting": 0.15}


def planned(particles: int | None) -> tuple[EvaluationPlan, LoadedModel]:
    loaded = load_spec(FOLDER / "adaptive.yaml")
    plan = plan_targets(loaded.spec.targets, loaded.observed, root=FOLDER, particles=particles)
    source = ModelSource(entrypoint=loaded.spec.model.entrypoint, root=str(FOLDER))
    return plan, load_model(source, plan.aligner.times)


def test_the_log_likelihood_of_400_particles_scatters_by_less_than_2() -> None:
    plan, model = planned(400)
    made = plan.particle_filter
    assert made is not None
    runs = np.array([made.run(*model.restarted(TRUTH, seed))[0] for seed in range(8)])
    log_p = plan.scorer.log_likelihoods(runs)
    assert 0.1 < log_p.std(ddof=1) < 2  # 0.6 was measured
    score = plan.scorer.score(runs)
    assert score.loss == pytest.approx(275.5, abs=2)
    assert score.per_target["cases"] + score.per_target["sero"] == pytest.approx(score.loss, abs=1)


def test_whole_simulations_scatter_by_far_more() -> None:
    plan, model = planned(None)
    values = np.array([plan.aligner.align(to_tables(model.run(TRUTH, seed))) for seed in range(20)])
    assert plan.scorer.log_likelihoods(values).std(ddof=1) > 30
