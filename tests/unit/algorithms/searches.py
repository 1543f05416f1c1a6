"""Searches driven as the runner drives them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modelops_runtime.algorithms.randomness import generator
from modelops_runtime.algorithms.registry import load_algorithm
from modelops_runtime.contracts.algorithm import AdaptiveAlgorithm, DrawsByNumber, RemembersTrials, SeesPending
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, ParameterSpace, RealParameter
from modelops_runtime.contracts.trial import TrialResult, TrialStatus

MIXED = ParameterSpace(
    (
        RealParameter(name="beta", low=0.5, high=5.0, scale="log"),
        ChoiceParameter(name="choice", choices=(True, 1, 1.0, "a")),
        IntegerParameter(name="delay", low=-3, high=11, step=4),
        IntegerParameter(name="ilog", low=1, high=1000, scale="log"),
        RealParameter(name="mix", low=0.01, high=0.99, scale="logit"),
        RealParameter(name="real", low=-1.0, high=2.0),
    )
)
REALS = ParameterSpace(
    (RealParameter(name="x", low=-3.0, high=3.0), RealParameter(name="y", low=1e-3, high=1e3, scale="log"))
)
OPTIONS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "tpe": ("optuna", {}),
    "tpe-short-history": ("optuna", {"history": 50, "n_startup_trials": 5}),
    "tpe-independent": ("optuna", {"multivariate": False}),
    "tpe-no-liar": ("optuna", {"constant_liar": False}),
    "cmaes": ("optuna", {"sampler": "cmaes"}),
    "cmaes-small": ("optuna", {"sampler": "cmaes", "popsize": 4, "sigma0": 0.3}),
    "random": ("optuna", {"sampler": "random"}),
    "qmc": ("optuna", {"sampler": "qmc"}),
    "qmc-halton": ("optuna", {"sampler": "qmc", "qmc_type": "halton"}),
    "grid-sampler": ("optuna", {"sampler": "grid", "levels": 3}),
    "sobol": ("sobol", {}),
    "lhs": ("lhs", {"points": 100}),
    "random design": ("random", {"points": 100}),
    "grid": ("grid", {"levels": 3}),
}


def made(kind: str, space: ParameterSpace = MIXED, seed: int = 1) -> AdaptiveAlgorithm:
    name, options = OPTIONS[kind]
    return load_algorithm(name, space, seed, options)


def loss_of(params: Mapping[str, Scalar]) -> float:
    """Some loss on which every parameter has a say."""
    return sum((float(value) if not isinstance(value, str) else 3.0) ** 2 for value in params.values())


@dataclass
class Log:
    """What a ledger would hold: proposals and results as JSON, in the order in which they were written."""

    events: list[tuple[str, int, str]] = field(default_factory=list)
    proposed: dict[int, str] = field(default_factory=dict)
    asked_after: dict[int, int] = field(default_factory=dict)
    """How many events there were when a trial was asked for."""


def replayed(log: Log, events: int, algorithm: AdaptiveAlgorithm) -> tuple[AdaptiveAlgorithm, dict[int, str]]:
    """A fresh algorithm that learned the first `events` of a log, and what is pending then."""
    pending: dict[int, str] = {}
    for kind, number, text in log.events[:events]:
        if kind == "proposed":
            said = json.loads(text)
            pending[number] = json.dumps(said["params"])
            if isinstance(algorithm, RemembersTrials) and said["state"] is not None:
                algorithm.restore(number, said["state"])
        else:
            algorithm.tell([_result(number, pending.pop(number), text)])
    return algorithm, pending


def propose(algorithm: AdaptiveAlgorithm, number: int, draw: int, pending: Mapping[int, str]) -> str:
    """What it proposes for a trial, as JSON with its state."""
    if isinstance(algorithm, SeesPending):
        sets = [(n, UniqueParameterSet.of(json.loads(text))) for n, text in sorted(pending.items())]
        algorithm.pending(sets)
    if isinstance(algorithm, DrawsByNumber):
        algorithm.at_trial(number, draw)
    asked = algorithm.ask(1)[0]
    state = algorithm.state_of(number) if isinstance(algorithm, RemembersTrials) else None
    return json.dumps({"params": dict(asked.params), "state": state})


def search(algorithm: AdaptiveAlgorithm, trials: int, *, at_once: int = 1, guesses: Sequence[Mapping] = ()) -> Log:
    """A search of `trials` trials, `at_once` pending, told out of order; every seventh fails, every other one unimputed."""
    log, pending = Log(), {}
    for number in range(trials):
        log.asked_after[number] = len(log.events)
        if number < len(guesses):
            text = json.dumps({"params": dict(guesses[number]), "state": None})
        else:
            text = propose(algorithm, number, number - len(guesses), pending)
        log.proposed[number] = text
        log.events.append(("proposed", number, text))
        pending[number] = json.dumps(json.loads(text)["params"])
        if len(pending) == at_once:
            ends = sorted(pending)[(number * 7) % len(pending)]
            told = outcome(ends, json.loads(pending[ends]))
            algorithm.tell([_result(ends, pending.pop(ends), told)])
            log.events.append(("told", ends, told))
    return log


def outcome(number: int, params: Mapping[str, Scalar]) -> str:
    if number % 7 == 6:
        return json.dumps({"status": "FAILED", "loss": 50.0 if number % 2 else None})
    return json.dumps({"status": "COMPLETED", "loss": loss_of(params)})


def _result(number: int, params: str, text: str) -> TrialResult:
    told, values = json.loads(text), json.loads(params)
    diagnostics = {"trial": number, "params": values}
    return TrialResult(UniqueParameterSet.of(values).param_id, told["loss"], diagnostics, TrialStatus(told["status"]))


def random_set(space: ParameterSpace, number: int) -> UniqueParameterSet:
    """A set drawn anywhere in the space, the same for the same number."""
    return space.at(generator(0, "test", number).random(len(space.parameters)).tolist())
