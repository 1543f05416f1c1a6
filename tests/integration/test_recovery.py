"""Data made by a model with known parameters: they are found again within the tolerance stated here.

One slot each: the search is the same on every machine.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from tests.support.projects import project

SCHOOL = Path(__file__).parents[2] / "examples" / "boarding-school" / "model.py"

SIR_SPEC = """
version: 1
name: sir
model: {entrypoint: "model.py:simulate"}
parameters:
  beta: {min: 0.5, max: 5.0, scale: log}
  gamma: {min: 0.1, max: 1.0, scale: log}
  population: 763
targets:
  in_bed:
    observed: data.csv
    match: {exact: day}
    value: in_bed
    loss: {kind: negative_binomial, dispersion: 10}
search: {trials: 200, replicates: 10, seed: 3}
"""


def test_sir_beta_and_gamma_are_found_within_15_percent(tmp_path: Path) -> None:
    truth = {"beta": 1.6, "gamma": 0.4, "population": 763}
    module = importlib.util.spec_from_file_location("school_model", SCHOOL)
    assert module is not None
    assert module.loader is not None
    school = importlib.util.module_from_spec(module)
    module.loader.exec_module(school)
    pseudo = school.simulate(truth, 2)
    assert pseudo["in_bed"].max() > 100, "this seed's outbreak took off"
    data = "day,in_bed\n" + "".join(f"{d},{n}\n" for d, n in zip(pseudo["day"], pseudo["in_bed"], strict=True))
    made = project(tmp_path / "sir", spec=SIR_SPEC, model=SCHOOL.read_text(), data=data)
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "1", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out.splitlines()[-1])["summary"]["params"]
    for name in ("beta", "gamma"):
        assert abs(found[name] / truth[name] - 1) < 0.15, (name, found)


MIXED_MODEL = """
import numpy as np

def simulate(params, seed):
    rng = np.random.default_rng(seed)
    t = np.arange(20)
    since = np.clip(t - params["delay"], 0, None)
    if params["shape"] == "exponential":
        y = 100 * (1 - np.exp(-params["rate"] * since))
    else:
        y = 100 * since * params["rate"] / (1 + since * params["rate"])
    return {"t": t, "y": y + rng.normal(0, 1, 20)}
"""

MIXED_SPEC = """
version: 1
name: mixed
model: {entrypoint: "model.py:simulate"}
parameters:
  rate: {min: 0.001, max: 10.0, scale: log}
  delay: {min: 0, max: 10, type: int}
  shape: {choices: [exponential, hyperbolic]}
targets:
  y: {observed: data.csv, match: {exact: t}, value: y, loss: mean_signal}
search: {trials: 250, replicates: 5, seed: 2}
"""


def test_an_integer_a_choice_and_a_log_parameter_are_found(tmp_path: Path) -> None:
    """The integer and the choice exactly, the rate within 10 %."""
    namespace: dict[str, object] = {}
    exec(MIXED_MODEL, namespace)
    pseudo = namespace["simulate"]({"rate": 0.3, "delay": 4, "shape": "hyperbolic"}, 11)  # type: ignore[operator]
    data = "t,y\n" + "".join(f"{t},{y}\n" for t, y in zip(pseudo["t"], pseudo["y"], strict=True))
    made = project(tmp_path / "mixed", spec=MIXED_SPEC, model=MIXED_MODEL, data=data)
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "1", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out.splitlines()[-1])["summary"]["params"]
    assert found["delay"] == 4
    assert found["shape"] == "hyperbolic"
    assert abs(found["rate"] / 0.3 - 1) < 0.10
