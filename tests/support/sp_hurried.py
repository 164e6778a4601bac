"""A process of ours on a clock that runs many times as fast: hours of it pass in minutes, by the same code.

    python sp_hurried.py SPEED MODULE ARGUMENT ...

Whatever asks Python for the time, or waits with a limit, is on the fast clock; the kernel's clocks and other
processes are not.
"""

from __future__ import annotations

import queue
import runpy
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

Number = TypeVar("Number", int, float)


def hurry(speed: float) -> None:
    """From now on, time passes so many times as fast in this process."""
    for name in ("monotonic_ns", "time_ns"):
        setattr(time, name, _faster(getattr(time, name), int(speed)))
    for name in ("monotonic", "time"):
        setattr(time, name, _faster(getattr(time, name), speed))
    sleep, wait = time.sleep, threading.Condition.wait
    time.sleep = lambda seconds: sleep(seconds / speed)

    def wait_less(self: threading.Condition, timeout: float | None = None) -> bool:
        return wait(self, None if timeout is None else timeout / speed)

    threading.Condition.wait = wait_less  # type: ignore[method-assign]
    for module, own in ((threading, "_time"), (queue, "time")):
        setattr(module, own, time.monotonic)


def _faster(clock: Callable[[], Number], speed: Number) -> Callable[[], Number]:
    begin = clock()
    return lambda: begin + (clock() - begin) * speed


if __name__ == "__main__":
    hurry(float(sys.argv[1]))
    from agent.runtime import workers

    workers.LATE_MAX_S *= float(sys.argv[1])  # how long a busy machine may keep a thread waiting does not shrink
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
