"""Parameter sets that a user adds to a run: a YAML file with one set, or a list of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelops_runtime.contracts.errors import SpecErrors, UserError
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.space import (
    ChoiceParameter,
    IntegerParameter,
    Parameter,
    ParameterSpace,
    RealParameter,
)
from modelops_runtime.ledger.base import Run
from modelops_runtime.options.base import Loc, Mistake
from modelops_runtime.specs.document import FileKind, read_values
from modelops_runtime.specs.scalars import nearest, shown
from modelops_runtime.specs.space import kept_space

_FORM = "write name: value for each searched parameter; a list of such sets begins each with a -"
_FILE = FileKind("a file with parameter sets", "guess.yaml", _FORM)


def read_guesses(path: Path, run: Run) -> list[dict[str, Scalar]]:
    """The searched parameters of each set in the file. Raises SpecErrors with all its mistakes.

    A fixed parameter may be named, with the value that it has in the run, so that sets can be copied from results.
    """
    document, ambiguous = read_values(path, _FILE)
    try:
        space = kept_space(run.space, run.spec)
    except ValueError as error:
        raise UserError(f"run {run.run_id!r} does not say what it searches ({error}); it needs a new run") from error
    fixed = {name: value for name, value in run.spec.get("parameters", {}).items() if not isinstance(value, Mapping)}
    sets = _sets(document.content)
    mistakes = [one for loc, given in sets for one in _mistakes(given, loc, space, fixed)]
    if not sets:
        mistakes = [Mistake((), "the list is empty", _FORM)]
    said = {error.args[0] for error in ambiguous}
    errors = [*ambiguous, *(error for error in document.errors(mistakes) if error.args[0] not in said)]
    if errors:
        raise SpecErrors(*errors)
    return [_searched(given, space) for _, given in sets]


def _sets(content: Any) -> list[tuple[Loc, Any]]:
    """The entries that should be sets, each with its location."""
    return [((at,), given) for at, given in enumerate(content)] if isinstance(content, list) else [((), content)]


def _mistakes(given: Any, loc: Loc, space: ParameterSpace, fixed: Mapping[str, Any]) -> list[Mistake]:
    if not isinstance(given, Mapping):
        return [Mistake(loc, f"{shown(given)} is no parameter set", _FORM)]
    searched = {parameter.name: parameter for parameter in space.parameters}
    found: list[Mistake] = []
    for name, value in given.items():
        if name in searched:
            if text := searched[name].problem_with(value):
                found.append(Mistake((*loc, name), text, _right(searched[name])))
        elif name not in fixed:
            found.append(Mistake((*loc, name), f"this run has no parameter {name}", _known(name, searched), True))
        elif value != fixed[name]:
            found.append(Mistake((*loc, name), f"{name} is fixed at {shown(fixed[name])} in this run", "leave it out"))
    if missing := [name for name in searched if name not in given]:
        found.append(Mistake(loc, f"no value for {', '.join(missing)}", "a set names every searched parameter", True))
    return found


def _right(parameter: Parameter) -> str:
    if isinstance(parameter, ChoiceParameter):
        return f"give one of {', '.join(map(shown, parameter.choices))}"
    if isinstance(parameter, IntegerParameter):
        steps = f", in steps of {parameter.step}" if parameter.step > 1 else ""
        return f"give a whole number from {parameter.low} to {parameter.high}{steps}"
    return f"give a number from {parameter.low:g} to {parameter.high:g}"


def _known(name: str, searched: Mapping[str, Parameter]) -> str:
    near = nearest(name, list(searched))
    return f"did you mean {near}?" if near else f"it searches {', '.join(searched)}"


def _searched(given: Mapping[str, Any], space: ParameterSpace) -> dict[str, Scalar]:
    """The searched parameters, in the order of the space; a real number as one, however it was written."""
    return {p.name: float(given[p.name]) if isinstance(p, RealParameter) else given[p.name] for p in space.parameters}
