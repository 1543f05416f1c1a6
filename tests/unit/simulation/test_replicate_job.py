"""A replicate job, called in this process."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from aligning import TakeY

from modelops_runtime.contracts.failures import BadOutput, Failure, FailureKind, SimulationError
from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.models.loading import ModelSource
from modelops_runtime.simulation import replicates
from modelops_runtime.simulation.pool.job import ItemOutcome
from modelops_runtime.simulation.replicates import ReplicateJob

ROOT = Path(__file__).parent / "model"


@pytest.fixture
def job():
    """With the folder, the module path and the environment left as they were."""
    before = os.getcwd()
    yield ReplicateJob(source=ModelSource(entrypoint="model.py:simulate", root=str(ROOT)), aligner=TakeY())
    os.chdir(before)


def test_it_travels_and_gives_little_endian_values(job):
    answer = pickle.loads(pickle.dumps(job)).load()
    (item,) = replicates.replicate_items(UniqueParameterSet.of({"a": 2.0}), {0: 5})
    aligned, digest, tables = answer(item)
    assert np.frombuffer(aligned, "<f8").tolist() == (2.0 * np.random.default_rng(5).random(3) + 10.0).tolist()
    assert len(digest) == 32
    assert tables is None


def test_an_aligners_refusal_names_the_specs_key(job):
    answer = job.load()
    (item,) = replicates.replicate_items(UniqueParameterSet.of({"a": 2.0, "mood": "wrong"}), {0: 5})
    with pytest.raises(BadOutput, match="no column 'y'") as caught:
        answer(item)
    assert caught.value.path == "targets.t.value"


def test_a_lost_description_is_no_mistake_of_the_spec(job):
    lost = ItemOutcome(0.0, failure=Failure(FailureKind.LOST, "gone"))
    with pytest.raises(SimulationError) as caught:
        replicates.description_of(job, [lost])
    assert caught.value.failure.path == ""
