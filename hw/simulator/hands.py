"""Hands in the simulated world: they open doors, press buttons, make contacts chatter and cut cameras, now or later."""

from __future__ import annotations

import errno
import heapq
import itertools
from collections.abc import Callable, Mapping
from typing import Protocol

from hw.ports import HardwareError
from hw.simulator.board import News, SimBoard

AGENDA_MAX = 10_000
CHATTER_HZ_MAX = 5_000
SECOND_NS = 1_000_000_000


class SimCamera(Protocol):
    """A simulated camera that can fail as real ones do."""

    def cut(self) -> None:
        """The cable is cut: the stream ends and nobody answers."""

    def mend(self) -> None:
        """All is well again."""

    def freeze(self) -> None:
        """It sends nothing more and does not hang up."""

    def close(self) -> None:
        """Gone for good."""


class Agenda:
    """What is to be done later, by time."""

    def __init__(self, now_ns: Callable[[], int], failed: Callable[[Exception], None]) -> None:
        self.now_ns = now_ns
        self._failed = failed
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, when_ns: int, do: Callable[[], None]) -> None:
        """Do it at `when_ns`. ENOSPC if far too much is planned already."""
        if len(self._heap) >= AGENDA_MAX:
            raise OSError(errno.ENOSPC, f"{AGENDA_MAX} things are planned already")
        heapq.heappush(self._heap, (when_ns, next(self._order), do))

    def wait_s(self) -> float | None:
        """Seconds until the next is due; None if nothing is planned."""
        return max(0.0, (self._heap[0][0] - self.now_ns()) / SECOND_NS) if self._heap else None

    def do_due(self) -> None:
        """Do everything that was due when this was called. What cannot be done is told; the rest goes on."""
        now_ns = self.now_ns()
        while self._heap and self._heap[0][0] <= now_ns:
            do = heapq.heappop(self._heap)[2]
            try:
                do()
            except OSError as error:
                self._failed(error)


class Hands:
    """Everything that can be done to the world from outside. Wrong requests raise OSError with a text for a person."""

    def __init__(
        self, board: SimBoard, agenda: Agenda, cameras: Mapping[str, SimCamera], tell: Callable[[News], None]
    ) -> None:
        self._board = board
        self._agenda = agenda
        self._cameras = cameras
        self._tell = tell

    def contact(self, point: str, closed: bool, for_ms: int = 0) -> int:
        """A contact closes or opens, for a while if `for_ms` > 0; returns the time of the edge."""
        at_ns = self._board.contact(point, closed)
        if for_ms > 0:
            self._later(at_ns, for_ms, lambda: self._board.contact(point, not closed))
        return at_ns

    def pulse(self, point: str, for_ms: int) -> int:
        """A contact leaves its rest for `for_ms` (a button pressed); returns the time of the first edge."""
        if for_ms < 1:
            raise OSError(errno.EINVAL, f"a pulse lasts at least 1 ms, not {for_ms}")
        return self.contact(point, not self._board.normally_closed(point), for_ms)

    def analog(self, channel: str, value: int) -> int:
        """A measured value changes, or a channel is made to read a raw count; returns when."""
        self._board.converter.analog(channel, value)
        self._tell(News("analog", channel, "reads", detail=str(value)))
        return self._agenda.now_ns()

    def wire(self, point: str, how: str, other: str = "") -> int:
        """Wires of a channel are broken, shorted, ... or mended; returns when."""
        self._board.converter.wire(point, how, other)
        self._tell(News("wire", point, how, detail=other))
        return self._agenda.now_ns()

    def chatter(self, point: str, hz: int, for_ms: int) -> int:
        """A contact opens and closes `hz` times a second and ends as it began; returns how many edges that makes."""
        if not 1 <= hz <= CHATTER_HZ_MAX or for_ms < 1:
            raise OSError(errno.EINVAL, f"a contact chatters at 1 to {CHATTER_HZ_MAX} Hz, not {hz}")
        edges = 2 * max(1, hz * for_ms // 1000)
        first = not self._board.conducts(point)
        self._tell(News("chatter", point, "starts", detail=f"{hz} Hz"))
        self._chatter_on(point, first, edges, self._agenda.now_ns(), SECOND_NS // (2 * hz))
        return edges

    def _chatter_on(self, point: str, closed: bool, left: int, at_ns: int, step_ns: int) -> None:
        self._board.contact(point, closed, quiet=True)
        if left <= 1:
            self._tell(News("chatter", point, "ends"))
            return
        following_ns = at_ns + step_ns
        self._agenda.at(following_ns, lambda: self._chatter_on(point, not closed, left - 1, following_ns, step_ns))

    def camera(self, camera: str, does: str, for_ms: int = 0) -> int:
        """A camera is cut, mended or frozen, for a while if `for_ms` > 0; returns when."""
        found = self._cameras.get(camera)
        if found is None:
            raise OSError(
                errno.ENXIO, f"no simulated camera {camera!r}; there are {', '.join(self._cameras) or 'none'}"
            )
        doings = {"cut": found.cut, "mend": found.mend, "freeze": found.freeze}
        if does not in doings:
            raise OSError(errno.EINVAL, f"a camera understands cut, mend and freeze, not {does!r}")
        at_ns = self._agenda.now_ns()
        try:
            doings[does]()
        except HardwareError as error:
            raise OSError(errno.EIO, f"camera {camera}: {error}") from error
        self._tell(News("camera", camera, does))
        if for_ms > 0:
            self._later(at_ns, for_ms, lambda: self.camera(camera, "mend"))
        return at_ns

    def _later(self, from_ns: int, for_ms: int, do: Callable[[], int]) -> None:
        def undo() -> None:
            do()

        self._agenda.at(from_ns + for_ms * 1_000_000, undo)
