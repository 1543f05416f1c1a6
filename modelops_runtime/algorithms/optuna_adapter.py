"""Algorithm `optuna`: samplers by name, with their options.

| sampler | options (defaults) |
|---|---|
| tpe (default) | n_startup_trials (10), multivariate (true), constant_liar (true), n_ei_candidates (24), history (200) |
| cmaes | popsize (4 + 3 log of the dimensions), sigma0 (0.1667, a share of each range) |
| random | none |
| qmc | qmc_type (sobol, or halton), scramble (true) |
| grid | levels (an integer, or one for each parameter) |
| gp | n_startup_trials (10), history (200); needs torch |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec

from modelops_runtime.algorithms.cmaes import CmaOptions, CmaSearch
from modelops_runtime.algorithms.designs import Design, halton_points, shuffled_grid, sobol_points
from modelops_runtime.algorithms.model_based import ModelOptions, ModelSearch
from modelops_runtime.algorithms.options import check_known, maybe_whole, one_of, share, switch, whole
from modelops_runtime.algorithms.randomness import generator
from modelops_runtime.contracts.algorithm import AdaptiveAlgorithm, OptionError
from modelops_runtime.contracts.space import ParameterSpace

Options = Mapping[str, object]


def create(space: ParameterSpace, seed: int, options: Options) -> AdaptiveAlgorithm:
    """A search by the sampler that `options` name. Raises ValueError for an option that is unknown or wrong."""
    name = one_of(options, "sampler", "tpe", _SAMPLERS)
    known, make = _SAMPLERS[name]
    check_known(options, ("sampler", *known), f"algorithm optuna with sampler {name}")
    return make(space, seed, options)


def _tpe(space: ParameterSpace, seed: int, options: Options) -> AdaptiveAlgorithm:
    model = ModelOptions(
        sampler="tpe",
        n_startup_trials=whole(options, "n_startup_trials", 10, least=1),
        history=whole(options, "history", 200, least=50),
        multivariate=switch(options, "multivariate", True),
        constant_liar=switch(options, "constant_liar", True),
        n_ei_candidates=whole(options, "n_ei_candidates", 24, least=1),
    )
    return ModelSearch(space, seed, model)


def _gp(space: ParameterSpace, seed: int, options: Options) -> AdaptiveAlgorithm:
    if find_spec("torch") is None:
        raise OptionError("sampler", "algorithm optuna with sampler gp needs torch", "pip install 'modelops[gp]'")
    model = ModelOptions(
        sampler="gp",
        n_startup_trials=whole(options, "n_startup_trials", 10, least=1),
        history=whole(options, "history", 200, least=50),
    )
    return ModelSearch(space, seed, model)


def _cmaes(space: ParameterSpace, seed: int, options: Options) -> AdaptiveAlgorithm:
    popsize = maybe_whole(options, "popsize", least=4)
    return CmaSearch(space, seed, CmaOptions(popsize=popsize, sigma0=share(options, "sigma0", 1 / 6)))


def _random(space: ParameterSpace, seed: int, options: Options) -> AdaptiveAlgorithm:
    dimensions = len(space.parameters)
    return Design(space, lambda draw: generator(seed, "random", draw).random(dimensions).tolist(), None)


def _qmc(space: ParameterSpace, seed: int, options: Options) -> AdaptiveAlgorithm:
    kind = one_of(options, "qmc_type", "sobol", ("sobol", "halton"))
    points = sobol_points if kind == "sobol" else halton_points
    return Design(space, points(len(space.parameters), seed, scramble=switch(options, "scramble", True)), None)


_SAMPLERS: Mapping[str, tuple[tuple[str, ...], Callable[[ParameterSpace, int, Options], AdaptiveAlgorithm]]] = {
    "tpe": (("n_startup_trials", "multivariate", "constant_liar", "n_ei_candidates", "history"), _tpe),
    "cmaes": (("popsize", "sigma0"), _cmaes),
    "random": ((), _random),
    "qmc": (("qmc_type", "scramble"), _qmc),
    "grid": (("levels",), shuffled_grid),
    "gp": (("n_startup_trials", "history"), _gp),
}
