"""Whether a pump's vital contacts can be read: while one cannot, and for some seconds after, its state is not known."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

SECOND = 1_000_000_000
VITAL = frozenset({"running", "demand", "auto", "power"})


class Loops:
    """The loops of one pump. vital: those of its wired contacts without which nothing is known."""

    def __init__(self, wired: frozenset[str], well_s: int) -> None:
        self._wired, self.vital, self._well_ns = wired, wired & VITAL, well_s * SECOND
        self._broken: set[str] = set()
        self._since_ns: int | None = None  # well since, and not yet for long
        self.known = False

    def take(self, role: str, fault: bool, at_ns: int) -> None:
        """A loop has broken, or is well again."""
        if fault:
            self._broken.add(role)
        elif role in self._broken:
            self._broken.remove(role)
            self._since_ns = at_ns
        if self._broken & self.vital:
            self.known, self._since_ns = False, None

    def blind(self, read: Collection[str]) -> bool:
        """True while a vital contact is broken, or was never read."""
        return bool(self.vital & self._broken or self.vital - set(read))

    def broken(self, role: str) -> bool:
        """True while that contact cannot be read."""
        return role in self._broken

    def begin(self, now_ns: int) -> None:
        """After a boot."""
        self.known, self._since_ns = False, now_ns

    def due_ns(self) -> int | None:
        return None if self._since_ns is None else self._since_ns + self._well_ns

    def elapse(self, now_ns: int) -> None:
        due = self.due_ns()
        if due is not None and now_ns >= due:
            self.known, self._since_ns = True, None

    def snapshot(self) -> list[Any]:
        return [sorted(self._broken), self._since_ns, self.known]

    def restore(self, snapshot: list[Any]) -> None:
        broken, self._since_ns, self.known = snapshot
        self._broken = set(broken) & self._wired
