"""What happens at the site during the demonstration. Runs in the main thread and tends the processes while it waits."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from agent.core.chain import Row
from demo.processes import Crew
from demo.timeline import Screen, Tail
from demo.words import Words
from hw.simulator import Driver

STEP_S = 0.1
WALK_MS = 130  # between two edges of the walk test: longer than settle time and relay together
FAIL_WITHIN_S = 8.0
RETRY_WITHIN_S = 120.0  # both ways back wait longer after each failure


class Link(Protocol):
    """The link to the broker, as the demonstration can break it."""

    def break_(self, seconds: int) -> None:
        """No link from now on."""

    def mend(self) -> None:
        """It may come back."""


@dataclass(frozen=True)
class Pace:
    """How long things last, in seconds, and how many doors are opened to time the relay."""

    cut_s: int = 13
    broker_s: int = 15
    walk: int = 40
    about_s: int = 75


FULL = Pace()
FAST = Pace(cut_s=3, broker_s=5, walk=12, about_s=35)


class Story:
    """`problems` grows by one text for each thing that did not happen as it must."""

    def __init__(self, crew: Crew, tail: Tail, driver: Driver, link: Link, screen: Screen, words: Words) -> None:
        self.problems: list[str] = []
        self.walk_edges_ns: list[int] = []
        self._crew, self._tail, self._driver, self._link = crew, tail, driver, link
        self._screen, self._words = screen, words
        self._mark = 0

    def tell(self, pace: Pace) -> None:
        """Everything, in its order."""
        self.visit()
        self.run()
        self.fail()
        self.camera_and_walk(pace)
        self.link_and_recorder(pace)

    # --- the steps ---

    def visit(self) -> None:
        self._does("do.door")
        self._driver.contact("pump-house-door", closed=False)
        self._expect("door.opened", "pump-house-door")
        self._pause(1.5)
        self._does("do.door-shut")
        self._driver.contact("pump-house-door", closed=True)
        self._expect("door.closed", "pump-house-door")

    def run(self) -> None:
        self._does("do.run")
        self._driver.contact("pump-1-demand", closed=True)
        self._pause(1)
        self._driver.contact("pump-1-running", closed=True)
        self._expect("pump.started", "pump-1")
        self._pause(1.5)
        self._does("do.run-end")
        self._driver.contact("pump-1-demand", closed=False)
        self._driver.contact("pump-1-running", closed=False)
        self._expect("pump.stopped", "pump-1")

    def fail(self) -> None:
        """The pump fails, the siren sounds; it is started by hand, acknowledged and reset."""
        self._does("do.fail")
        self._driver.contact("pump-1-demand", closed=True)
        self._expect("pump.fail_to_start", "pump-1", FAIL_WITHIN_S)
        self._siren(True, "do.fail")
        self._expect("clip.requested")
        self._pause(1.5)
        self._does("do.late")
        self._driver.contact("pump-1-running", closed=True)
        self._driver.pulse("button")
        self._siren(False, "do.late")
        self._driver.contact("pump-1-demand", closed=False)
        self._pause(0.5)
        self._driver.contact("pump-1-running", closed=False)
        self._expect("pump.stopped", "pump-1")
        self._driver.pulse("button")
        self._expect("alarm.reset")

    def camera_and_walk(self, pace: Pace) -> None:
        """While the camera is cut, a cabinet door times the relay."""
        self._does("do.cut")
        self._driver.camera("pump-room", "cut")
        cut_at = self._crew.age_s
        self._expect("camera.lost", "pump-room", 12)
        self._walk(pace.walk)
        self._pause(pace.cut_s - (self._crew.age_s - cut_at))
        self._does("do.mend")
        self._driver.camera("pump-room", "mend")
        self._expect("camera.restored", "pump-room", RETRY_WITHIN_S)
        if pace.cut_s > 10:
            self._expect("footage.gap", "pump-room", 15)

    def _walk(self, count: int) -> None:
        self._does("do.walk", count=count)
        mark = self._tail.head()
        self._tail.hush = _of_the_walk
        for closed in itertools.islice(itertools.cycle((False, True)), 2 * count):
            self.walk_edges_ns.append(self._driver.contact("cabinet-door", closed))
            self._pause(WALK_MS / 1000)
        self._until(
            lambda: len(self._tail.seen("door.closed", "cabinet-door", mark)) >= count, f"{count} x door.closed"
        )
        self._tail.hush = lambda row: False

    def link_and_recorder(self, pace: Pace) -> None:
        """No link; the pump fails again, the siren must not care; and the recorder is killed meanwhile."""
        self._mark = self._tail.head()
        self._link.break_(pace.broker_s)
        broken_at = self._crew.age_s
        self._expect("link.down", within_s=20)
        self.fail()
        self._does("do.kill")
        self._crew.kill("recorder")
        self._expect("process.started", "recorder@pump-room", 15)
        self._pause(pace.broker_s - (self._crew.age_s - broken_at))
        self._mark = self._tail.head()
        self._link.mend()
        self._expect("link.up", within_s=RETRY_WITHIN_S)

    # --- means ---

    def _does(self, id_: str, **values: object) -> None:
        self._mark = self._tail.head()
        self._screen.does(self._words(id_, **values))

    def _pause(self, seconds: float) -> None:
        end = self._crew.age_s + seconds
        while (left := end - self._crew.age_s) > 0:
            self._crew.tend()
            self._tail.wait(min(STEP_S, left))

    def _until(self, true: Callable[[], bool], what: str, within_s: float = 10) -> bool:
        end = self._crew.age_s + within_s
        while not true():
            if self._crew.age_s > end:
                self.problems.append(self._words("bad.expected", which=what))
                return False
            self._crew.tend()
            self._tail.wait(STEP_S)
        return True

    def _expect(self, kind: str, source: str = "", within_s: float = 10) -> Row | None:
        """Wait for a row past the last thing that was done."""
        mark = self._mark
        if not self._until(lambda: bool(self._tail.seen(kind, source, mark)), f"{kind} {source}".strip(), within_s):
            return None
        return self._tail.seen(kind, source, mark)[0]

    def _siren(self, wanted: bool, when: str) -> None:
        """The relay itself, seen from outside, not what the panel says of it."""
        try:
            self._driver.wait_relay("siren", wanted, timeout=5)
        except TimeoutError:
            on, off = self._words("on"), self._words("off")
            state, other = (on, off) if wanted else (off, on)
            self.problems.append(self._words("bad.relay", seen=other, wanted=state, when=self._words(when)))


def _of_the_walk(row: Row) -> bool:
    """True for rows that the walk test makes by the dozen."""
    return "cabinet-door" in row.source or "door.opened" in row.source or row.source == "beacon"
