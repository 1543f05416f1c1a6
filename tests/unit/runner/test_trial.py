"""One trial under way: which replicates are next, what a failure does."""

from __future__ import annotations

import numpy as np
import pytest

from modelops_runtime.contracts.failures import Failure, FailureKind
from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.contracts.simulation import ReplicateOutcome
from modelops_runtime.ledger.base import Replicate
from modelops_runtime.runner.setup.settings import tolerated_of
from modelops_runtime.runner.trial import FREE_RETRIES, Progress, copied
from tests.unit.runner.records import lease

SET = UniqueParameterSet.of({"x": 0.5})


def progress(*rungs: int, first: int = 0) -> Progress:
    return Progress(lease(), SET, rungs, first=first)


def good(index: int) -> ReplicateOutcome:
    return ReplicateOutcome(index=index, seed=index, seconds=0.5, aligned=np.array([index], dtype="<f8").tobytes())


def bad(index: int, kind: FailureKind) -> ReplicateOutcome:
    return ReplicateOutcome(index=index, seed=index, seconds=0.5, failure=Failure(kind, f"replicate {index}"))


def test_replicates_are_given_out_once_and_only_up_to_the_rung() -> None:
    p = progress(3, 10)
    first = p.next_group(2)
    p.under_way.update(first)
    assert first == [0, 1]
    assert p.next_group(5) == [2]


def test_a_rung_is_done_when_its_replicates_are_in_whatever_their_order() -> None:
    p = progress(3, 10)
    p.take_in([good(2), good(0)])
    assert not p.rung_done
    p.take_in([good(1)])
    assert p.rung_done
    assert [np.frombuffer(v, "<f8")[0] for v in p.values()] == [0.0, 1.0, 2.0]
    p.climb()
    assert p.next_group(20) == list(range(3, 10))
    assert p.is_last_rung


def test_a_tolerated_share_of_failures_fails_no_trial() -> None:
    p = Progress(lease(), SET, (2, 10), tolerated=0.2)
    p.take_in([bad(0, FailureKind.MODEL_ERROR), bad(1, FailureKind.TIMEOUT)])
    assert p.failure is None
    assert p.rung_done
    assert not p.has_values
    p.climb()
    assert p.next_group(20) == list(range(2, 10))
    p.take_in([good(index) for index in range(2, 9)])
    assert not p.rung_done
    p.take_in([bad(9, FailureKind.MODEL_ERROR)])
    assert p.failure == Failure(FailureKind.MODEL_ERROR, "replicate 0")


def test_a_resumed_trial_counts_the_failures_that_are_recorded() -> None:
    p = Progress(lease(), SET, (5,), tolerated=0.2)
    p.take_in([bad(3, FailureKind.MODEL_ERROR), good(0)])
    again = Progress(lease(), SET, (5,), tolerated=0.2)
    again.resume(p.unwritten)
    assert again.next_group(9) == [1, 2, 4]
    again.take_in([good(index) for index in (1, 2, 4)])
    assert again.rung_done
    assert [value is None for value in again.values()] == [False, False, False, True, False]


def test_what_was_lost_is_not_tolerated() -> None:
    p = Progress(lease(), SET, (10,), tolerated=0.5)
    p.take_in([bad(1, FailureKind.MODEL_ERROR)])
    for _ in range(FREE_RETRIES + 1):
        p.take_in([bad(4, FailureKind.LOST)])
    assert p.failure == Failure(FailureKind.LOST, "replicate 4")


def test_what_was_lost_is_run_again_three_times_free_then_fails_the_trial() -> None:
    p = progress(2)
    for _ in range(FREE_RETRIES):
        p.take_in([bad(0, FailureKind.LOST)])
        assert p.failure is None
        assert p.unwritten == []
        assert 0 in p.next_group(5)
    p.take_in([bad(0, FailureKind.LOST)])
    assert p.failure is not None
    assert p.failure.kind is FailureKind.LOST


def test_a_failed_replicate_fails_the_set_and_nothing_more_is_given_out() -> None:
    p = progress(5)
    p.take_in([good(0), bad(3, FailureKind.MODEL_ERROR), bad(1, FailureKind.TIMEOUT)])
    assert p.failure == Failure(FailureKind.TIMEOUT, "replicate 1"), "the lowest index speaks for the trial"
    assert p.next_group(5) == []
    assert [r.status for r in p.unwritten] == ["COMPLETED", "FAILED", "FAILED"]


def test_a_resumed_trial_needs_only_what_is_missing() -> None:
    p = progress(3, 5)
    kept = Replicate(number=0, index=1, seed=1, status="COMPLETED", seconds=2.0, aligned=b"\0" * 8)
    of_confirmation = Replicate(number=0, index=2**32, seed=1, status="COMPLETED", seconds=2.0, aligned=b"\0" * 8)
    p.resume([kept, of_confirmation])
    assert p.next_group(5) == [0, 2]
    assert p.seconds == 2.0


def test_a_copied_replicate_keeps_seed_values_and_digest_and_took_no_time() -> None:
    row = Replicate(number=3, index=1, seed=9, status="COMPLETED", seconds=2.0, aligned=b"\1" * 8, digest="d")
    (copy,) = copied(7, [row, Replicate(number=3, index=2**32, seed=1, status="COMPLETED", seconds=1.0)], range(10))
    assert (copy.number, copy.seed, copy.aligned, copy.digest, copy.seconds) == (7, 9, b"\1" * 8, "d", 0.0)


def test_a_tolerated_failure_is_copied_too_so_that_an_equal_set_has_an_equal_loss() -> None:
    failed = Replicate(number=3, index=1, seed=2, status="FAILED", seconds=9.0, failure="TIMEOUT", error="30 s")
    (copy,) = copied(7, [failed], range(10))
    assert (copy.number, copy.status, copy.failure, copy.error) == (7, "FAILED", "TIMEOUT", "30 s")
    assert copy.seconds == 0.0


@pytest.mark.parametrize(("share", "replicates", "count"), [(0.0, 10, 0), (0.2, 15, 3), (0.2, 4, 0), (0.3, 10, 3)])
def test_the_number_that_may_fail_is_rounded_down_but_for_rounding_errors(
    share: float, replicates: int, count: int
) -> None:
    assert tolerated_of(replicates, share) == count
