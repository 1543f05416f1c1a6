"""Seeds follow from what they are told to follow from; groups keep within their times."""

from __future__ import annotations

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.contracts.trial import CONFIRM_FROM
from modelops_runtime.simulation.grouping import group_size
from modelops_runtime.simulation.seeds import seeds_for

A, B = UniqueParameterSet.of({"beta": 0.5}), UniqueParameterSet.of({"beta": 0.25})


def test_a_seed_is_the_published_hash_of_set_and_index():
    digest = blake2b(f"{A.param_id}:3".encode(), digest_size=8).digest()
    assert seeds_for(A, [3], common=False, run_seed=1) == {3: int.from_bytes(digest, "little")}


def test_a_common_seed_is_the_published_hash_of_run_and_index():
    digest = blake2b(b"crn:1:3", digest_size=8).digest()
    assert seeds_for(A, [3], common=True, run_seed=1) == {3: int.from_bytes(digest, "little")}


def test_these_seeds_never_change():
    assert seeds_for(A, [0, CONFIRM_FROM], common=True, run_seed=1) == {
        0: 7982635005563999547,
        CONFIRM_FROM: 5274285669326412134,
    }


@given(st.lists(st.integers(0, 2**33), unique=True), st.integers(0, 2**63))
def test_sets_share_their_noise_only_when_it_is_common(indices, run_seed):
    assert seeds_for(A, indices, common=True, run_seed=run_seed) == seeds_for(
        B, indices, common=True, run_seed=run_seed
    )
    own = seeds_for(A, indices, common=False, run_seed=run_seed)
    assert own == seeds_for(A, indices, common=False, run_seed=run_seed + 1)
    assert list(own) == indices
    assert not set(own.values()) & set(seeds_for(B, indices, common=False, run_seed=run_seed).values())
    assert all(0 <= seed < 2**64 for seed in own.values())


def test_nothing_measured_means_one_at_a_time():
    assert group_size(None, timeout_s=30.0) == 1


@given(st.floats(1e-9, 1e4), st.floats(1e-3, 1e6))
def test_a_group_takes_40_ms_where_it_may_and_crosses_no_limit(median, timeout_s):
    size = group_size(median, timeout_s=timeout_s)
    assert size >= 1
    if size > 1:
        assert size * median <= min(1.0, timeout_s)
        assert (size - 1) * median < 0.04
    if size == 1 and 2 * median <= timeout_s:
        assert median >= 0.02


def test_long_simulations_travel_apart_and_short_ones_together():
    assert [group_size(seconds, timeout_s=30.0) for seconds in (5.0, 0.05, 0.01, 0.001, 0.0)] == [1, 1, 4, 40, 1000]
