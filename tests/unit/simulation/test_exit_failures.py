"""What the end of a process says about its simulation."""

from __future__ import annotations

import signal

import pytest

from modelops_runtime.contracts.failures import FailureKind
from modelops_runtime.simulation.pool import wire
from modelops_runtime.simulation.pool.exit_failures import failure_of_exit, too_slow
from modelops_runtime.simulation.pool.wire import FrameReader, frame
from modelops_runtime.simulation.pool.worker import CONNECTION_GONE, is_worn


@pytest.mark.parametrize(
    ("code", "cause", "kind"),
    [
        (0, wire.BY_ITSELF, FailureKind.MODEL_ERROR),
        (CONNECTION_GONE, wire.BY_ITSELF, FailureKind.MODEL_ERROR),
        (-signal.SIGSEGV, wire.BY_ITSELF, FailureKind.MODEL_ERROR),
        (-64, wire.BY_ITSELF, FailureKind.MODEL_ERROR),
        (-signal.SIGKILL, wire.BY_ITSELF, FailureKind.LOST),
        (-signal.SIGTERM, wire.BY_ITSELF, FailureKind.LOST),
        (-signal.SIGKILL, wire.OVER_MEMORY, FailureKind.OUT_OF_MEMORY),
        (-signal.SIGKILL, wire.KERNEL_OOM, FailureKind.OUT_OF_MEMORY),
    ],
)
def test_each_end_has_its_kind(code, cause, kind):
    failure = failure_of_exit(code, cause, memory_bytes=2**30, loading=False)
    assert failure.kind is kind
    assert failure.message.endswith("in mid-run")


def test_limits_are_named_as_people_write_them():
    over = failure_of_exit(-9, wire.OVER_MEMORY, memory_bytes=3 * 2**29, loading=True)
    assert over.message == "needed more than 1.5 GiB of memory while the model was loading"
    assert too_slow(0.25, loading=False).message == "took longer than 0.25 s"


def test_a_process_that_loads_slowly_is_kept_longer():
    assert is_worn(1_000, recycle_after=None, age_s=100.0, load_s=0.5)
    assert not is_worn(1_000, recycle_after=None, age_s=100.0, load_s=5.0)
    assert is_worn(3, recycle_after=3, age_s=0.1, load_s=5.0)


def test_frames_are_put_together_from_any_pieces():
    stream = frame(1, b"one", b"two") + frame(2) + frame(3, b"x" * 1_000)
    for size in (1, 3, 7, 2_000):
        reader = FrameReader()
        frames = [each for at in range(0, len(stream), size) for each in reader.feed(stream[at : at + size])]
        assert frames == [(1, b"onetwo"), (2, b""), (3, b"x" * 1_000)]
