"""Search algorithms by name: those installed under the entry-point group `modelops.algorithms`."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points

from modelops_runtime.contracts.algorithm import AdaptiveAlgorithm, AlgorithmFactory
from modelops_runtime.contracts.errors import AlgorithmUnavailable
from modelops_runtime.contracts.space import ParameterSpace

GROUP = "modelops.algorithms"


def algorithm_names() -> list[str]:
    """The installed names, sorted."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def load_algorithm(name: str, space: ParameterSpace, seed: int, options: Mapping[str, object]) -> AdaptiveAlgorithm:
    """A new instance of an algorithm.

    Raises AlgorithmUnavailable if there is no algorithm of that name or it cannot be loaded, ValueError if it refuses an option.
    """
    factory = _loaded(_found(name))
    algorithm = factory(space, seed, options)
    if not isinstance(algorithm, AdaptiveAlgorithm):
        wrong = f"algorithm {name!r} gave a {type(algorithm).__name__}, which has no ask, tell and finished"
        raise AlgorithmUnavailable(wrong, "")
    return algorithm


def _found(name: str) -> EntryPoint:
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    if len({point.value for point in points}) > 1:
        where = ", ".join(sorted({point.value for point in points}))
        raise AlgorithmUnavailable(f"algorithm {name!r} is installed more than once ({where})", "uninstall all but one")
    if points:
        return points[0]
    names = algorithm_names()
    near = get_close_matches(name, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise AlgorithmUnavailable(f"there is no algorithm {name!r}{hint}", f"installed are {', '.join(names) or 'none'}")


def _loaded(point: EntryPoint) -> AlgorithmFactory:
    try:
        return point.load()
    except Exception as error:  # an installed package may raise anything while it is imported
        text = " ".join(str(error).split())
        package = f" of {point.dist.name}" if point.dist else ""
        wrong = f"algorithm {point.name!r} ({point.value}{package}) cannot be loaded: {type(error).__name__}: {text}"
        raise AlgorithmUnavailable(wrong, "") from error
