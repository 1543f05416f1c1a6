"""Specs and data in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelops_runtime.contracts.errors import SpecErrors
from modelops_runtime.specs.loading import LoadedSpec, load_spec

SPEC = """\
version: 1
name: boarding-school
model:
  entrypoint: model.py:simulate
  timeout: 30s
  memory: 2Gi
parameters:
  beta: {min: 0.5, max: 5.0, scale: log}
  delay: {min: 0, max: 10, type: int, step: 1}
  shape: {choices: [gamma, lognormal]}
  population: 763
targets:
  in_bed:
    observed: data.csv
    match: {exact: day}
    value: in_bed
    loss: {kind: negative_binomial, dispersion: 10}
search:
  trials: 300
  seed: 1
  guesses:
    - {beta: 1.7, delay: 2, shape: gamma}
  confirm:
    top: 5
"""

FULL = """\
version: 1
name: boarding-school
model:
  entrypoint: model.py:simulate
  timeout: 30s
  memory: 2Gi
  seed_bits: 64
  threads: 1
  env: {MY_FLAG: "1"}
  config: {dt: 0.25}
parameters:
  beta:  {min: 0.5, max: 5.0, scale: log}
  gamma: {min: 0.1, max: 1.0, prior: {kind: normal, mean: 0.5, sd: 0.2}}
  delay: {min: 0, max: 10, type: int, step: 1}
  shape: {choices: [gamma, lognormal]}
  population: 763
nuisance:
  seen: {min: 0.2, max: 0.9, scale: logit, prior: {kind: beta, a: 3, b: 2}}
targets:
  in_bed:
    observed: data.csv
    output: epidemic
    match: {exact: day}
    value: in_bed
    loss: {kind: negative_binomial, dispersion: 10, multiply: {parameter: seen}}
    weight: 1.0
    min_coverage: 1.0
search:
  algorithm: optuna
  options: {sampler: tpe}
  guesses: [{beta: 1.7, gamma: 0.45, delay: 2, shape: gamma}]
  guesses_from_prior: 2
  trials: 300
  replicates: 10
  seed: 1
  common_random_numbers: true
  racing: {after: 3}
  confirm: {top: 5, replicates: 50}
  max_failed: 0.5
  replicate_failures: {tolerate: 0.2}
  on_failure: worst
  stop: {time: 2h, plateau: 100, loss: 10}
  lag: 0
outputs: {keep: none}
workers:
  image: models:1
  replicas: 3
  resources: {requests: {cpu: 500m, memory: 1Gi}, limits: {cpu: 2}}
  node_selector: {pool: spot}
  tolerations: [{key: spot, operator: Exists, effect: NoSchedule}]
central_store:
  kind: postgres
  mode: in-cluster
  persistence: {enabled: true, size: 8Gi}
  database: modelops
  user: modelops
workspace_ref: default
bundle: models/sir@sha256:0000
"""
"""Every key of a spec."""

DATA = "day,in_bed,region\n0,3,N\n1,8,N\n2,,N\n3,76,S\n"


def write(folder: Path, spec: str | bytes = SPEC, data: str | bytes = DATA) -> Path:
    """`adaptive.yaml` and `data.csv`."""
    path = folder / "adaptive.yaml"
    path.write_bytes(spec if isinstance(spec, bytes) else spec.encode())
    (folder / "data.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def load(folder: Path, spec: str = SPEC, data: str | bytes = DATA) -> LoadedSpec:
    return load_spec(write(folder, spec, data))


def lines_of(folder: Path, spec: str | bytes = SPEC, data: str | bytes = DATA) -> list[str]:
    """The user's lines, without the folder."""
    with pytest.raises(SpecErrors) as caught:
        load_spec(write(folder, spec, data))
    return str(caught.value).replace(f"{folder}/", "").splitlines()
