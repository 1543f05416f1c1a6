"""The particle filter against likelihoods that are known exactly, and against itself by other ways."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm

from modelops_runtime.contracts.failures import BadOutput
from tests.unit.evaluation.filtered import (
    FIRST,
    MEANS,
    SIGMA,
    A,
    Chain,
    Q,
    Walk,
    WalkTogether,
    filter_of,
    forward,
    kalman,
    log_likelihoods,
    restartable,
)

NORMAL = {
    "match": {"exact": "t"},
    "value": {"observed": "y", "simulated": "x"},
    "loss": {"kind": "normal", "sigma": SIGMA},
}
SEEN = {"t": [1, 2, 4, 5, 9], "y": [0.3, -0.4, 1.1, 2.0, -0.7]}
COUNTS = {"t": [1, 2, 3, 4, 5, 6], "mean": [0, 2, 6, 4, 1, 7]}
POISSON = {"match": {"exact": "t"}, "value": "mean", "loss": {"kind": "poisson"}}
SURE = norm.ppf(1 - 1e-4)
"""Two-sided bounds that a right program exceeds once in 5,000 times; the seeds are fixed, so it never flickers."""


def test_a_large_filter_of_the_gaussian_walk_comes_near_the_kalman_filter() -> None:
    found = log_likelihoods(filter_of({"t": NORMAL}, SEEN, 2_000), WalkTogether(), range(8))
    assert found.mean() == pytest.approx(kalman(SEEN["t"], SEEN["y"]), abs=SURE * 0.06 / np.sqrt(8))
    assert found.std(ddof=1) < 0.12


@pytest.mark.parametrize("model", [Walk(), WalkTogether()])
def test_the_likelihood_of_a_small_filter_is_unbiased_for_the_gaussian_walk(model: Walk) -> None:
    found = log_likelihoods(filter_of({"t": NORMAL}, SEEN, 8), model, range(600))
    ratio = np.exp(found - kalman(SEEN["t"], SEEN["y"]))
    assert abs(ratio.mean() - 1) < SURE * ratio.std(ddof=1) / np.sqrt(len(ratio))
    assert found.std() > 0.3  # few particles: the log is noisy, and its mean too low
    assert found.mean() < kalman(SEEN["t"], SEEN["y"]) - 0.05


def test_the_likelihood_of_a_small_filter_is_unbiased_for_a_chain_of_two_states() -> None:
    found = log_likelihoods(filter_of({"t": POISSON}, COUNTS, 5), Chain(), range(800))
    ratio = np.exp(found - forward(COUNTS["mean"]))
    assert abs(ratio.mean() - 1) < SURE * ratio.std(ddof=1) / np.sqrt(len(ratio))


def test_a_large_filter_of_the_chain_comes_near_the_forward_algorithm() -> None:
    found = log_likelihoods(filter_of({"t": POISSON}, COUNTS, 3_000), Chain(), range(2))
    assert found == pytest.approx(forward(COUNTS["mean"]), abs=0.15)


def test_the_drawn_paths_follow_the_state_given_all_data() -> None:
    made = filter_of({"t": POISSON}, COUNTS, 200)
    paths = np.array([made.run(restartable(Chain()), {}, seed)[0][: len(COUNTS["t"])] for seed in range(200)])
    given = np.array([_probability_of_the_second(at) for at in range(len(COUNTS["t"]))])
    share = (paths == MEANS[1]).mean(axis=0)
    bound = SURE * np.sqrt(given * (1 - given) / len(paths)) + 0.02  # the filter's own error
    assert (abs(share - given) < bound).all(), (share, given)


def _probability_of_the_second(at: int) -> float:
    """p(state at t is the second | all data), by summing over all paths of the chain."""
    n = len(COUNTS["t"])
    weights = np.zeros(2)
    for path in np.ndindex(*(2,) * n):
        moves = [0.8 if a == b else 0.2 for a, b in pairwise(path)]
        densities = [
            np.exp(-MEANS[s]) * MEANS[s] ** y / _factorial(y) for s, y in zip(path, COUNTS["mean"], strict=True)
        ]
        weights[path[at]] += 0.5 * np.prod(moves) * np.prod(densities)
    return float(weights[1] / weights.sum())


def _factorial(y: int) -> float:
    return float(np.prod(np.arange(1, y + 1)))


def test_two_targets_at_one_time_count_together_and_their_parts_add_up() -> None:
    data = {"a": SEEN, "b": {"t": [2, 5], "y": [0.1, 1.5]}}
    made = filter_of({"a": NORMAL, "b": NORMAL}, data, 2_000)
    run = made.run(restartable(WalkTogether()), {}, 1)[0]
    times = [1, 2, 2, 4, 5, 5, 9]
    y = [0.3, -0.4, 0.1, 1.1, 2.0, 1.5, -0.7]
    assert run[7:].sum() == pytest.approx(kalman(times, y), abs=0.3)
    assert (run[5], run[6]) == (run[1], run[3])  # one particle, one path: both targets see the same values


def test_the_same_seed_gives_the_same_numbers_in_another_filter_and_after_a_pickle() -> None:
    made = filter_of({"t": NORMAL}, SEEN, 20)
    first = made.run(restartable(Walk()), {}, 3)[0]
    made.run(restartable(Walk()), {}, 4)
    again = pickle.loads(pickle.dumps(made))
    assert np.array_equal(made.run(restartable(Walk()), {}, 3)[0], first)
    assert np.array_equal(again.run(restartable(Walk()), {}, 3)[0], first)
    assert not np.array_equal(again.run(restartable(Walk()), {}, 4)[0], first)


def test_rows_that_are_kept_are_those_of_the_drawn_particle_and_change_no_number() -> None:
    made = filter_of({"t": NORMAL}, SEEN, 20)
    plain, nothing = made.run(restartable(Walk()), {}, 3)
    values, rows = made.run(restartable(Walk()), {}, 3, keep_rows=True)
    assert nothing is None
    assert np.array_equal(values, plain)
    assert [rows["x"][t - 1] for t in SEEN["t"]] == values[:5].tolist()


def test_a_filter_whose_particles_all_have_weight_zero_has_the_likelihood_zero() -> None:
    class Far(Walk):
        def advance(self, state, params, rng, until):
            state, rows = super().advance(state, params, rng, until)
            return state, rows | {"x": rows["x"] + 1e200 * (until == 4)}

    run = filter_of({"t": NORMAL}, SEEN, 20).run(restartable(Far()), {}, 3)[0]
    assert run[5:].sum() == -np.inf
    assert not np.isnan(run).any()


def test_a_value_that_is_not_finite_is_named() -> None:
    class Spoilt(Walk):
        def advance(self, state, params, rng, until):
            state, rows = super().advance(state, params, rng, until)
            return state, rows | {"x": np.full(len(rows["t"]), np.nan if until == 4 else 0.0)}

    with pytest.raises(BadOutput, match=r"x of output 'output' is nan for t = 4"):
        filter_of({"t": NORMAL}, SEEN, 20).run(restartable(Spoilt()), {}, 3)


class State:
    def __init__(self, x: float) -> None:
        self.t, self.x = 0, x


def test_states_in_an_array_of_objects_are_copied_as_those_in_a_list() -> None:
    class InPlace:
        """Changes the objects that it is given."""

        def __init__(self, gathers: bool) -> None:
            self.gathers = gathers

        def start(self, params, rng):
            return State(FIRST * rng.normal())

        def advance(self, state, params, rng, until):
            (state,), (rows,) = self.advance_all([state], params, rng, until)
            return state, rows

        def advance_all(self, states, params, rng, until):
            rows = []
            for state in states:
                x = []
                while state.t < until:
                    state.t, state.x = state.t + 1, A * state.x + Q * rng.normal()
                    x.append(state.x)
                rows.append({"t": np.arange(until - len(x) + 1, until + 1), "x": np.array(x)})
            if not self.gathers:
                return list(states), rows
            after = np.empty(len(states), dtype=object)
            after[:] = list(states)
            return after, rows

    listed, gathered = (
        log_likelihoods(filter_of({"t": NORMAL}, SEEN, 50), InPlace(gathers), range(5)) for gathers in (False, True)
    )
    assert gathered.tolist() == listed.tolist()


def test_a_set_that_fails_first_leaves_the_filter_of_the_next_as_it_would_be() -> None:
    class Fails(Walk):
        def advance(self, state, params, rng, until):
            if params.get("fails"):
                raise ValueError("no")
            return super().advance(state, params, rng, until)

    made = filter_of({"t": NORMAL}, SEEN, 20)
    with pytest.raises(ValueError, match="no"):
        made.run(restartable(Fails()), {"fails": True}, 3)
    found = made.run(restartable(Fails()), {}, 3)[0]
    assert np.array_equal(found, filter_of({"t": NORMAL}, SEEN, 20).run(restartable(Fails()), {}, 3)[0])
    assert not made._is_irregular


def test_a_negative_zero_is_a_zero_however_rows_are_taken() -> None:
    class Rounded(Walk):
        def advance(self, state, params, rng, until):
            state, rows = super().advance(state, params, rng, until)
            return state, rows | {"x": np.round(rows["x"])}

    made = filter_of({"t": NORMAL}, SEEN, 20)
    for seed in range(20):
        plain, kept = (made.run(restartable(Rounded()), {}, seed, keep_rows=keep)[0] for keep in (False, True))
        assert plain.tobytes() == kept.tobytes()


def test_a_step_of_all_particles_may_be_without_rows() -> None:
    class Late(WalkTogether):
        def advance_all(self, states, params, rng, until):
            after, rows = super().advance_all(states, params, rng, until)
            return after, (None if until == 3 else rows)

    data = {"t": [1, 5], "y": [0.3, -0.4]}
    windows = NORMAL | {"match": {"sum": "t", "period": 2}}
    made = filter_of({"t": NORMAL, "w": windows}, {"t": data, "w": {"t": [5], "y": [0.1]}}, 20)
    assert np.isfinite(made.run(restartable(Late()), {}, 3)[0]).all()
