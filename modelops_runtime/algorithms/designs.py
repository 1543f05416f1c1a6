"""Designs: points that do not depend on results. `sobol`, `lhs`, `random` and `grid`.

Points follow the scales and cover integers and choices evenly; with `draw_from: prior` they are quantiles of the priors instead.
Point `draw` depends only on the seed and its number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from modelops_runtime.algorithms.options import check_known, maybe_whole, one_of, switch, whole
from modelops_runtime.algorithms.randomness import generator
from modelops_runtime.contracts.algorithm import OptionError
from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, Parameter, ParameterSpace
from modelops_runtime.contracts.trial import TrialResult
from modelops_runtime.statistics.priors import set_at

if TYPE_CHECKING:
    from scipy.stats.qmc import QMCEngine

Point = Sequence[float]

DRAW_FROM = "draw_from"


class Design:
    """An AdaptiveAlgorithm that draws by number: points [parameters] of the unit cube, `count` of them (None: no end)."""

    def __init__(
        self, space: ParameterSpace, point: Callable[[int], Point], count: int | None, *, from_prior: bool = False
    ) -> None:
        self._point = point
        self._count = count
        self._draw = 0
        self.uses_priors = from_prior
        self._at = partial(set_at, space) if from_prior else space.at

    def ask(self, n: int) -> list[UniqueParameterSet]:
        draws = [draw for draw in range(self._draw, self._draw + n) if self._count is None or draw < self._count]
        self._draw += len(draws)
        return [self._at(self._point(draw)) for draw in draws]

    def tell(self, results: Sequence[TrialResult]) -> None:
        """Results do not change a design."""

    def finished(self) -> bool:
        return self._count is not None and self._draw >= self._count

    def at_trial(self, number: int, draw: int) -> None:
        self._draw = draw


def create_sobol(space: ParameterSpace, seed: int, options: Mapping[str, object]) -> Design:
    """Scrambled Sobol points; option `points` limits them (best a power of 2), `scramble: false` turns scrambling off."""
    check_known(options, ("points", "scramble", DRAW_FROM), "algorithm sobol")
    points, scramble = maybe_whole(options, "points", least=1), switch(options, "scramble", True)
    sobol = sobol_points(len(space.parameters), seed, scramble=scramble)
    return Design(space, sobol, points, from_prior=_from_prior(options))


def create_random(space: ParameterSpace, seed: int, options: Mapping[str, object]) -> Design:
    """Independent points; option `points` limits them."""
    check_known(options, ("points", DRAW_FROM), "algorithm random")
    points, size = maybe_whole(options, "points", least=1), len(space.parameters)

    def point(draw: int) -> Point:
        return generator(seed, "random", draw).random(size).tolist()

    return Design(space, point, points, from_prior=_from_prior(options))


def create_lhs(space: ParameterSpace, seed: int, options: Mapping[str, object]) -> Design:
    """A Latin hypercube of `points` points (required): each of that many equal parts of a range holds one point."""
    check_known(options, ("points", DRAW_FROM), "algorithm lhs")
    if "points" not in options:
        raise OptionError(
            "points", "algorithm lhs needs the option points, the number of points", "options: {points: 100}"
        )
    points = whole(options, "points", 1, least=1)
    return Design(space, lhs_points(len(space.parameters), points, seed), points, from_prior=_from_prior(options))


def _from_prior(options: Mapping[str, object]) -> bool:
    """Option `draw_from`: `range` (default), evenly on the scales, or `prior`."""
    return one_of(options, DRAW_FROM, "range", ("range", "prior")) == "prior"


def create_grid(space: ParameterSpace, seed: int, options: Mapping[str, object]) -> Design:
    """Every combination of `levels` values per parameter (one number, or one each), the last name changing fastest."""
    check_known(options, ("levels",), "algorithm grid")
    counts = grid_levels(space, options)
    return Design(space, lambda draw: _grid_point(counts, draw, space), _product(counts))


def shuffled_grid(space: ParameterSpace, seed: int, options: Mapping[str, object]) -> Design:
    """The same points in an order shuffled by the seed, so that any first part of them is spread out."""
    counts = grid_levels(space, options)
    total = _product(counts)
    order: list[int] = []

    def point(draw: int) -> Point:
        if not order:
            order.extend(generator(seed, "grid").permutation(total).tolist())
        return _grid_point(counts, order[draw], space)

    return Design(space, point, total)


def sobol_points(dimensions: int, seed: int, *, scramble: bool) -> Callable[[int], Point]:
    """Point `draw` of a Sobol sequence.

    Source: I. M. Sobol, USSR Comput. Math. Math. Phys. 7 (1967); direction numbers of Joe and Kuo (2008); scrambling of
    Owen (1998), by linear matrix scrambling and a digital shift.
    """

    def engine() -> QMCEngine:
        from scipy.stats import qmc

        return qmc.Sobol(max(dimensions, 1), scramble=scramble, rng=generator(seed, "sobol"))

    return _sequence(dimensions, engine)


def halton_points(dimensions: int, seed: int, *, scramble: bool) -> Callable[[int], Point]:
    """Point `draw` of a Halton sequence. Source: J. H. Halton, Numer. Math. 2 (1960); scrambled by random permutations."""

    def engine() -> QMCEngine:
        from scipy.stats import qmc

        return qmc.Halton(max(dimensions, 1), scramble=scramble, rng=generator(seed, "halton"))

    return _sequence(dimensions, engine)


def lhs_points(dimensions: int, count: int, seed: int) -> Callable[[int], Point]:
    """Row `draw` of a Latin hypercube sample. Source: McKay, Beckman and Conover, Technometrics 21 (1979)."""
    rng = generator(seed, "lhs")
    cells = [rng.permutation(count) for _ in range(dimensions)]

    def point(draw: int) -> Point:
        inside = generator(seed, "lhs-cell", draw).random(dimensions)
        return [(float(cell[draw]) + float(u)) / count for cell, u in zip(cells, inside, strict=True)]

    return point


def grid_levels(space: ParameterSpace, options: Mapping[str, object]) -> list[int]:
    """The number of values of each parameter [parameters]: all choices, at most all integers.

    Raises ValueError if the levels cannot be determined.
    """
    levels = options.get("levels")
    per = levels if isinstance(levels, Mapping) else {}
    names = [parameter.name for parameter in space.parameters]
    if unknown := sorted(str(name) for name in per if name not in names):
        raise OptionError(
            "levels", f"option levels names {', '.join(unknown)}", f"the searched parameters are {', '.join(names)}"
        )
    return [_levels_of(parameter, per.get(parameter.name) if per else levels) for parameter in space.parameters]


def _levels_of(parameter: Parameter, levels: object) -> int:
    if isinstance(parameter, ChoiceParameter):
        return parameter.count
    if levels is None and isinstance(parameter, IntegerParameter):
        return parameter.count
    if not isinstance(levels, int) or isinstance(levels, bool) or levels < 1:
        said = "missing" if levels is None else repr(levels)
        raise OptionError(
            "levels",
            f"option levels is {said} for {parameter.name}",
            f"give an integer of at least 1, for all or by name: {{levels: {{{parameter.name}: 5}}}}",
        )
    return min(levels, parameter.count) if isinstance(parameter, IntegerParameter) else levels


def _grid_point(counts: Sequence[int], draw: int, space: ParameterSpace) -> Point:
    point: list[float] = []
    for count, parameter in zip(reversed(counts), reversed(space.parameters), strict=True):
        draw, level = divmod(draw, count)
        if isinstance(parameter, ChoiceParameter):
            point.append(parameter.to_unit(parameter.choices[level]))
        elif isinstance(parameter, IntegerParameter) and count == parameter.count:
            point.append(parameter.to_unit(parameter.low + parameter.step * level))
        else:  # bounds included; a single level is the middle
            point.append(level / (count - 1) if count > 1 else 0.5)
    return point[::-1]


def _product(counts: Sequence[int]) -> int:
    total = 1
    for count in counts:
        total *= count
    return total


def _sequence(dimensions: int, engine: Callable[[], QMCEngine]) -> Callable[[int], Point]:
    """Point `draw` of an engine's sequence, computed in doubling blocks (1, 1, 2, 4, ...) and cached."""
    made: list[Point] = []
    running: list[QMCEngine] = []

    def point(draw: int) -> Point:
        if not running:
            running.append(engine())
        while len(made) <= draw:
            made.extend(row[:dimensions] for row in running[0].random(max(len(made), 1)).tolist())
        return made[draw]

    return point
