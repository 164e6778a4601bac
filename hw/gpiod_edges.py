"""Edges of kernel lines: one thread that waits for all of them, and a count of those that are missing."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable


class Missing:
    """Counts the edges of one line that were lost below us, by what the kernel says of those that came.

    Each edge has its number on the line. A gap: the kernel's buffer was full. Two edges of one direction: the
    interrupt came too late for the one between.
    """

    def __init__(self) -> None:
        self.number = 0  # of the last edge that came
        self._rising: bool | None = None

    def seen(self, number: int, rising: bool, *, both: bool = True) -> int:
        """An edge came: so many were lost before it. both: edges of both directions are asked for."""
        lost = number - self.number - 1
        if lost == 0 and both and rising == self._rising:
            lost = 1
        self.number, self._rising = number, rising
        return max(lost, 0)

    def resume(self, number: int) -> None:
        """Edges count again, from the one after this; what came while nobody was listening is no loss."""
        self.number, self._rising = number, None


class EdgeReader:
    """The one thread that waits for edges. `watch` and `forget` from any thread."""

    def __init__(self, broken: Callable[[str], None]) -> None:
        """broken(why) is called from the thread if it ends otherwise than by `close`."""
        self._broken = broken
        self._lock = threading.Lock()
        self._takers: dict[int, Callable[[], None]] = {}
        self._running = True
        self._poll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        self._poll.register(self._wake, select.EPOLLIN)
        self._thread = threading.Thread(target=self._run, name="gpiod-edges", daemon=True)
        self._thread.start()

    def watch(self, fd: int, take: Callable[[], None]) -> None:
        """Call `take` whenever `fd` has edges. It must not wait, and find nothing there without complaint."""
        with self._lock:
            known = fd in self._takers
            self._takers[fd] = take
            if not known:
                self._poll.register(fd, select.EPOLLIN)

    def forget(self, fd: int) -> None:
        """No more of this one; a call that is under way may still come."""
        with self._lock:
            if self._takers.pop(fd, None) is not None:
                self._poll.unregister(fd)

    def close(self) -> None:
        """End the thread and wait for it. Safe to call twice."""
        with self._lock:
            if self._running:
                os.eventfd_write(self._wake, 1)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except BaseException as error:
            self._broken(f"edges are no longer read: {type(error).__name__}: {error}")
            raise
        finally:
            with self._lock:
                self._running = False
                self._takers.clear()
                self._poll.close()
                os.close(self._wake)

    def _turn(self) -> bool:
        ready = [fd for fd, _ in self._poll.poll()]
        with self._lock:
            takers = [(fd, self._takers[fd]) for fd in ready if fd in self._takers]
        for fd, take in takers:
            try:
                take()
            except OSError as error:
                self.forget(fd)
                self._broken(f"the lines' edges cannot be read ({error.strerror or error})")
        return self._wake not in ready
