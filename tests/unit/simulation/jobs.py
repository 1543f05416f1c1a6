"""Jobs that are as nasty as a model can be, for the tests of the executor. Items are (what, argument)."""

# ruff: noqa: T201 - models print

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelops_runtime.simulation.pool.job import describe_plainly


class CannotTravel(Exception):
    """Pickles, and cannot be unpickled."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


def wait_for(path: str) -> str:
    """Until there is a file of that name."""
    while not os.path.exists(path):
        time.sleep(0.005)
    return "there"


def spin(seconds: float) -> int:
    """Keeps a core busy for about so long, by the clock."""
    end, turns = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        turns += 1
    return turns


def deaf(_: object) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(0.01)


def hold_the_lock(_: object) -> None:
    """Sleeps in C, with the interpreter's lock held."""
    ctypes.PyDLL(None).sleep(1_000)


def segfault(_: object) -> None:
    print("about to crash")
    ctypes.string_at(0)


def leave_children(_: object) -> str:
    """A child, a child in a session of its own, and a daemon by double fork."""
    subprocess.Popen(["sleep", "1000"])
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    subprocess.run(["sh", "-c", "setsid sh -c 'sleep 1000 & sleep 1000' & exit 0"], check=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1_000)
        os._exit(0)
    return "left"


def eat(size: int) -> int:
    import numpy

    return int(numpy.ones(size // 8).sum())


def eat_slowly(size: int) -> int:
    """In pieces, each touched."""
    pieces = [bytearray(os.urandom(1024)) * 16_384 for _ in range(size // 2**24)]
    return len(pieces)


def child_eats(size: int) -> str:
    code = f"x = bytearray(b'1') * {size}; import time; time.sleep(1000)"
    subprocess.run([sys.executable, "-c", code], check=False)
    return "survived"


_leaked: list[bytearray] = []


def leak(size: int) -> int:
    """Keeps what it took."""
    _leaked.append(bytearray(b"1") * size)
    return len(_leaked)


def flood(size: int) -> str:
    line = "x" * 99
    for _ in range(size // 100):
        print(line)
    print("the end")
    return "printed"


def close_stdout(_: object) -> str:
    print("before")
    sys.stdout.close()
    os.close(2)
    return "closed"


def come_back_twice(_: object) -> int:
    """Forks, and lets the child return as well."""
    os.fork()
    return 1


def close_everything(_: object) -> str:
    os.closerange(3, 1024)
    return "closed"


def cannot_be_sent(_: object) -> Any:
    return threading.Lock()


def raise_untravelled(_: object) -> None:
    raise CannotTravel(1, 2)


def recurse(_: object) -> None:
    recurse(_)


def keep_a_thread(_: object) -> str:
    threading.Thread(target=time.sleep, args=(1_000,), daemon=True).start()
    return "started"


def move_away(path: str) -> str:
    where = os.getcwd()
    os.chdir(path)
    return where


def raise_it(text: str) -> None:
    raise ValueError(text)


def set_alarm(_: object) -> str:
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    return "set"


ACTIONS: dict[str, Callable[[Any], Any]] = {
    "double": lambda x: x * 2,
    "pid": lambda _: os.getpid(),
    "print": lambda text: print(text),
    "print_err": lambda text: print(text, file=sys.stderr),
    "environ": lambda name: os.environ.get(name),
    "exit": lambda code: os._exit(code),
    "sys_exit": lambda code: sys.exit(code),
    "kill_self": lambda number: os.kill(os.getpid(), number),
    "system": os.system,
    "stdin": lambda _: sys.stdin.read(),
    "bytes": lambda size: os.urandom(1) * size,
    "interrupt": lambda _: (_ for _ in ()).throw(KeyboardInterrupt()),
    **{
        fn.__name__: fn
        for fn in (
            sleep,
            wait_for,
            spin,
            deaf,
            hold_the_lock,
            segfault,
            leave_children,
            eat,
            eat_slowly,
            child_eats,
            leak,
        )
    },
    **{fn.__name__: fn for fn in (flood, close_stdout, come_back_twice, close_everything, cannot_be_sent)},
    **{fn.__name__: fn for fn in (raise_untravelled, recurse, keep_a_thread, move_away, raise_it, set_alarm)},
}


@dataclass(frozen=True)
class Actions:
    """Does what each item says. `loading`: an action to do while it is loaded."""

    loading: tuple[str, Any] | None = None

    def load(self) -> Callable[[tuple[str, Any]], Any]:
        if self.loading is not None:
            ACTIONS[self.loading[0]](self.loading[1])
        return lambda item: ACTIONS[item[0]](item[1])

    def describe(self, error: BaseException) -> tuple[str, str]:
        return describe_plainly(error)
