"""Functions and classes as models, checked once when they are loaded."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.space import Parameter
from modelops_runtime.models.base import BASELINE, Model, outputs_of, scenarios_of
from modelops_runtime.models.bounds import bounds_of
from modelops_runtime.models.errors import line_of
from modelops_runtime.models.importing import nearest, problem
from modelops_runtime.models.restartable import Restartable, Times, no_times, restartable_of
from modelops_runtime.models.source import CONFIG_PATH, ModelDescription

Run = Callable[[dict[str, Scalar], int], Any]
"""(params, which it may change; seed) -> the model's result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A model, ready to be called."""

    run: Run
    description: ModelDescription
    derive: Callable[[dict[str, Scalar]], Any] | None = None
    restartable: Restartable | None = None
    """Its `start` and `advance`, where it has them."""


def program_of(
    found: Any,
    module: ModuleType,
    label: str,
    scenario: str | None,
    config: Mapping[str, Any],
    root: str,
    times: Times = no_times,
) -> Program:
    """Raises BadOutput if the object does not fit. `label` is the user's name for it, for messages.

    `times` gives those through which a model that can be restarted is advanced as an ordinary one.
    """
    if not inspect.isclass(found):
        if scenario is not None:
            raise problem(f"{label} is a function, which has no scenarios", right=f"leave out /{scenario}")
        return _function(found, module, label, config)
    try:
        instance = found()
    except MemoryError:
        raise
    except Exception as error:
        raise problem(f"{label}() cannot be made without arguments: {line_of(error, root)}") from error
    if isinstance(instance, Model) and not hasattr(instance, "simulate"):
        return _model(instance, label, scenario or BASELINE, config, root, times)
    return _foreign(instance, label, scenario, config, times)


def _function(function: Callable[..., Any], module: ModuleType, label: str, config: Mapping[str, Any]) -> Program:
    run = with_config(function, label, config)
    derived = getattr(module, "derived", None)
    derive = derived if callable(derived) and derived is not function else None
    return Program(run=run, derive=derive, description=ModelDescription(has_derived=derive is not None))


def with_config(function: Callable[..., Any], label: str, config: Mapping[str, Any]) -> Run:
    """`function(params, seed)`, with `config=` where its signature names that."""
    parameters = _parameters_of(function)
    takes_config = parameters is not None and "config" in parameters
    if config and not takes_config:
        raise problem(
            f"{label} takes no config",
            CONFIG_PATH,
            right=f"write {label.rpartition(':')[2]}(params, seed, config), or leave it out",
        )
    wants = takes_config and (bool(config) or parameters["config"].default is inspect.Parameter.empty)  # type: ignore[index]
    _check_call(function, label, {"config": None} if wants else {})
    if not wants:
        return function
    fresh = _fresh(config)
    return lambda params, seed: function(params, seed, config=fresh())


def _parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    """None if Python does not know it (some functions of extension modules)."""
    try:
        return inspect.signature(function).parameters
    except (ValueError, TypeError):
        return None


def _check_call(function: Callable[..., Any], label: str, keywords: Mapping[str, Any]) -> None:
    if _parameters_of(function) is None:
        return
    signature = inspect.signature(function)
    try:
        signature.bind({}, 0, **keywords)
    except TypeError as error:
        raise problem(f"{label}{signature} cannot be called as (params, seed): {error}") from error


def _fresh(config: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    """Makes copies that share no mutable part."""
    held = dict(config)
    if all(isinstance(value, bool | int | float | str | None) for value in held.values()):
        return lambda: dict(held)
    return lambda: copy.deepcopy(held)


def _foreign(instance: Any, label: str, scenario: str | None, config: Mapping[str, Any], times: Times) -> Program:
    """A class not derived from ours, by its methods."""
    is_ordinary = _has(instance, "simulate") or _has(instance, "simulate_scenario")
    restartable = restartable_of(instance, label, config, is_needed=not is_ordinary)
    description = ModelDescription(
        bounds=_bounds_or_none(instance),
        has_derived=_has(instance, "derived"),
        is_restartable=restartable is not None,
    )
    derive = instance.derived if description.has_derived else None
    if restartable is not None and not is_ordinary:
        if scenario not in (None, BASELINE):
            raise problem(f"{label} has no scenario {scenario!r}: scenarios are for classes derived from Model")
        if config and not restartable.takes_config:
            raise problem(f"start and advance of {label} take no config; name it there, or leave it out", CONFIG_PATH)
        return Program(run=restartable.through(times), derive=derive, description=description, restartable=restartable)
    if _has(instance, "simulate_scenario") and (scenario is not None or not _has(instance, "simulate")):
        simulate = partial(instance.simulate_scenario, scenario or BASELINE)
        run = with_config(simulate, f"{label}.simulate_scenario", config)
        return Program(
            run=run, derive=derive, description=replace(description, is_restartable=False)
        )  # which scenario start and advance belong to is not known
    if not _has(instance, "simulate"):
        raise problem(
            f"{label} has neither simulate(params, seed) nor simulate_scenario(scenario, params, seed) nor "
            "start(params, rng) with advance(state, params, rng, until), and is no modelops_runtime.models.Model"
        )
    if scenario not in (None, BASELINE):
        raise problem(f"{label} has no scenario {scenario!r}: it has no simulate_scenario(scenario, params, seed)")
    return Program(
        run=with_config(instance.simulate, f"{label}.simulate", config),
        derive=derive,
        description=description,
        restartable=restartable,
    )


def _has(instance: Any, method: str) -> bool:
    return callable(getattr(instance, method, None))


def _bounds_or_none(instance: Any) -> dict[str, Parameter]:
    """A foreign class's `parameters` if they can be read as bounds; the name may mean something else there."""
    given = getattr(instance, "parameters", None)
    try:
        return bounds_of(given) if isinstance(given, Mapping) else {}
    except (ValueError, TypeError):
        return {}


def _model(model: Model, label: str, scenario: str, config: Mapping[str, Any], root: str, times: Times) -> Program:
    cls = type(model)
    is_ordinary = cls.run is not Model.run
    if not is_ordinary and not (_has(model, "start") and _has(model, "advance")):
        raise problem(f"{label} has no method run(self, state, seed)")
    try:
        bounds, outputs, scenarios = bounds_of(model.parameters), outputs_of(cls), scenarios_of(cls)
    except (ValueError, TypeError) as error:
        raise problem(f"{label}: {error}") from error
    params_patch, config_patch = _patch(model, label, scenario, scenarios, root)
    _check_known(params_patch, bounds, f"{label}/{scenario} changes the parameter", "its parameters are")
    if config:
        _check_known(config, model.config or {"": None}, "there is no setting", f"those of {label} are", CONFIG_PATH)
    _check_known(config_patch, model.config or {"": None}, f"{label}/{scenario} changes the setting", "its config has")
    settings = _fresh({**model.config, **config, **config_patch})
    methods = {name: getattr(model, method) for name, method in outputs.items()}

    def run(params: dict[str, Scalar], seed: int) -> Any:
        raw = model.run(model.build(params | params_patch, settings()), seed)
        return {name: method(raw) for name, method in methods.items()} if methods else raw

    restartable = restartable_of(model, label, settings(), patch=params_patch, is_needed=not is_ordinary)
    derived = getattr(model, "derived", None)
    derive = (lambda params: derived(params | params_patch)) if callable(derived) else None
    description = ModelDescription(
        bounds=bounds,
        outputs=tuple(outputs) or None,
        has_derived=derive is not None,
        is_restartable=restartable is not None,
    )
    simulate = run if is_ordinary or restartable is None else restartable.through(times)
    return Program(run=simulate, derive=derive, description=description, restartable=restartable)


def _patch(
    model: Model, label: str, scenario: str, scenarios: Mapping[str, str], root: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the scenario changes: (params, config)."""
    if scenario == BASELINE:
        return {}, {}
    if scenario not in scenarios:
        close = nearest(scenario, [BASELINE, *scenarios])
        known = f"did you mean {close!r}?" if close else f"it has {', '.join([BASELINE, *scenarios])}"
        raise problem(f"{label} has no scenario {scenario!r}", right=known)
    try:
        patch = getattr(model, scenarios[scenario])()
    except MemoryError:
        raise
    except Exception as error:
        raise problem(f"{label}/{scenario}: {line_of(error, root)}") from error
    right = isinstance(patch, Mapping) and set(patch) <= {"params", "config"}
    if not right or not all(isinstance(part, Mapping) for part in patch.values()):
        raise problem(
            f"{label}/{scenario} returns {patch!r:.200}", right='it is to return {"params": {...}, "config": {...}}'
        )
    return dict(patch.get("params", {})), dict(patch.get("config", {}))


def _check_known(
    given: Mapping[str, Any], known: Mapping[str, Any], wrong: str, right: str, path: str = "model.entrypoint"
) -> None:
    """Check that each name of `given` is in `known`; if that is empty, all names are allowed."""
    if not known:
        return
    for name in given:
        if name not in known:
            names = ", ".join(filter(None, known)) or "none"
            close = nearest(name, known)
            right = f"did you mean {close!r}?" if close else f"{right} {names}"
            raise problem(f"{wrong} {name!r}", path, right=right)
