"""The messages between an executor, its fork server and its workers."""

from __future__ import annotations

import struct

# Frames on a worker's socket: length of the body, kind, body.

FRAME = struct.Struct("<IB")

JOB = 1
"""To a worker: JOB_HEAD, then the pickled job."""
TASK = 2
"""To a worker: TASK_HEAD, then the pickled list of items."""
CANCEL = 3
"""To a worker: NUMBER of an assignment that is no longer wanted."""
LOADED = 4
"""From a worker: LOADED_HEAD; the first item starts now."""
ITEM = 5
"""From a worker: ITEM_HEAD, then the pickled (value, failure, log)."""
SKIPPED = 6
"""From a worker: NUMBER of a cancelled assignment whose rest it has skipped."""

NUMBER = struct.Struct("<I")
JOB_HEAD = struct.Struct("<I")
TASK_HEAD = struct.Struct("<II")
"""Number of the assignment, id of the job."""
LOADED_HEAD = struct.Struct("<Idd")
"""Id of the job, when it was loaded (monotonic clock, shared by all processes of a machine), seconds it took."""
ITEM_HEAD = struct.Struct("<IIddB")
"""Number of the assignment, position in it, when it finished (monotonic), seconds it took, flags."""

RETIRING = 1
"""Flag of an item: the worker ends itself after it."""


def frame(kind: int, *parts: bytes) -> bytes:
    """One encoded message."""
    return b"".join((FRAME.pack(sum(map(len, parts)), kind), *parts))


class FrameReader:
    """Reassembles frames from the pieces of a stream."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The frames that `data` completes, as (kind, body)."""
        self._buffer += data
        frames: list[tuple[int, bytes]] = []
        offset, end = 0, len(self._buffer)
        while end - offset >= FRAME.size:
            length, kind = FRAME.unpack_from(self._buffer, offset)
            begin = offset + FRAME.size
            if end - begin < length:
                break
            offset = begin + length
            frames.append((kind, bytes(self._buffer[begin:offset])))
        del self._buffer[:offset]
        return frames


# Messages on the control socket between an executor and its fork server: all of one size.

CONTROL = struct.Struct("<BxxxIqq")
"""Kind, id of the worker, two numbers."""

FORK = 1
"""To the fork server, with three descriptors (socket, wakeup, log): make a worker."""
KILL = 2
"""To the fork server: kill a worker and all it started."""
DUMP = 3
"""To the fork server: make a worker write its stack to its log."""
EXITED = 4
"""From the fork server: exit code (negative: signal), cause."""
FORK_FAILED = 5
"""From the fork server: errno."""

BY_ITSELF = 0
ON_REQUEST = 1
OVER_MEMORY = 2
KERNEL_OOM = 3
"""Causes of an exit."""
