"""A model as a class: with parameters, config, several outputs and scenarios.

    class Sir(Model):
        parameters = {"beta": {"min": 0.5, "max": 5.0, "scale": "log"}, "gamma": (0.1, 1.0)}
        config = {"days": 14}

        def build(self, params, config): ...        # pure
        def run(self, state, seed): ...             # the only place of randomness

        @output("epidemic")
        def epidemic(self, raw): ...                # one table, in any form that a function may return

        @scenario("closed-school")
        def closed_school(self):                    # data, not code: it is read once, when the model is loaded
            return {"params": {"beta": 0.2}, "config": {"days": 28}}

In a spec: `entrypoint: model.py:Sir/closed-school`. The scenario `baseline` always exists and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])

BASELINE = "baseline"
"""The scenario that changes nothing."""

_OUTPUT_MARK = "__modelops_output__"
_SCENARIO_MARK = "__modelops_scenario__"


class Model:
    """Base class of models. It is constructed without arguments, once in each process."""

    parameters: ClassVar[Mapping[str, Any]] = {}
    """Bounds by name: `{"min": 0.5, "max": 5.0, "scale": "log"}` as in a spec, or `(0.5, 5.0)`, or a contracts' parameter.

    If there are any, the model has no other parameters.
    """
    config: ClassVar[Mapping[str, Any]] = {}
    """Defaults of the settings; a spec's `model.config` and scenarios may change these and no others."""

    def build(self, params: dict[str, Any], config: dict[str, Any]) -> Any:
        """The state that `run` starts from; a pure function. By default a dict of all params, with the config as `config`."""
        return {**params, "config": config}

    def run(self, state: Any, seed: int) -> Any:
        """One simulation. Its result is passed to each `@output` method; without any it is the output."""
        raise NotImplementedError(f"{type(self).__name__} has no method run(self, state, seed)")


def output(name: str) -> Callable[[Method], Method]:
    """Mark a method `(self, raw) -> table` as the output table `name`."""
    return _marker(_OUTPUT_MARK, name)


def scenario(name: str) -> Callable[[Method], Method]:
    """Mark a method `(self) -> {"params": {...}, "config": {...}}` (either may be left out) as the scenario `name`."""
    if name == BASELINE:
        raise ValueError(f"the scenario {BASELINE!r} changes nothing; give yours another name")
    return _marker(_SCENARIO_MARK, name)


def _marker(mark: str, name: str) -> Callable[[Method], Method]:
    if not isinstance(name, str) or not name:
        raise TypeError('a name is missing: write @output("name") or @scenario("name")')

    def decorate(method: Method) -> Method:
        setattr(method, mark, name)
        return method

    return decorate


def outputs_of(cls: type) -> dict[str, str]:
    """{output name: method name}, base classes first, in the order of their definition."""
    return _marked(cls, _OUTPUT_MARK)


def scenarios_of(cls: type) -> dict[str, str]:
    """{scenario name: method name}, `baseline` left out."""
    return _marked(cls, _SCENARIO_MARK)


def _marked(cls: type, mark: str) -> dict[str, str]:
    """Raises ValueError if two methods have the same name."""
    attributes = {name: None for base in reversed(cls.__mro__) for name in vars(base)}
    found: dict[str, str] = {}
    for attribute in attributes:
        name = getattr(getattr(cls, attribute, None), mark, None)
        if name is None:
            continue
        if name in found:
            raise ValueError(f"{cls.__name__}.{found[name]} and {cls.__name__}.{attribute} are both named {name!r}")
        found[name] = attribute
    return found
