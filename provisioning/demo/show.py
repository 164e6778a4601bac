"""The demonstration from its first process to its verdict."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from demo import far_end, near_end, summary
from demo.broker import Line, host_and_port, mosquitto_command
from demo.processes import Crew, DemoError, Watched
from demo.site import Place
from demo.story import Pace, Story
from demo.timeline import Screen, Tail
from demo.words import Words
from hw.simulator import Driver

PYTHON = sys.executable
STANDPIPE = str(Path(sys.executable).with_name("standpipe"))
WALK_SETTLE_MS = 20
START_S = 30.0
DRAIN_S = 90.0
RECORDER = "recorder"


class _OwnBroker:
    """Breaking the link by killing the broker."""

    def __init__(self, crew: Crew, screen: Screen, words: Words) -> None:
        self._crew, self._screen, self._words = crew, screen, words

    def break_(self, seconds: int) -> None:
        self._screen.does(self._words("do.broker-down", seconds=seconds))
        self._crew.kill("broker", stay_dead=True)

    def mend(self) -> None:
        self._screen.does(self._words("do.broker-up"))
        self._crew.again("broker")


class _UsersBroker:
    """Breaking the link by cutting the line: the user's broker goes on."""

    def __init__(self, line: Line, screen: Screen, words: Words) -> None:
        self._line, self._screen, self._words = line, screen, words

    def break_(self, seconds: int) -> None:
        self._screen.does(self._words("do.line-cut", seconds=seconds))
        self._line.cut()

    def mend(self) -> None:
        self._screen.does(self._words("do.broker-up"))
        self._line.mend()


class Show:
    """One demonstration at one place."""

    def __init__(self, place: Place, screen: Screen, words: Words, pace: Pace) -> None:
        self._place, self._screen, self._words, self._pace = place, screen, words, pace
        environment = {k: v for k, v in os.environ.items() if k != "NOTIFY_SOCKET"}
        self._crew = Crew(place.logs, environment)
        self._crew.on_death = lambda name, how: screen.at(f"   {words('died', name=name, how=how)}", "bad")
        self._crew.on_return = lambda name: screen.at(f"   {words('returned', name=name)}", "good")
        self._tail: Tail | None = None
        self._footage_from_s = 0.0

    def run(self, broker: str | None) -> bool:
        """True if nothing is missing. DemoError if it could not be run at all."""
        words, screen = self._words, self._screen
        screen.line(words("title", seconds=self._pace.about_s), "good")
        screen.line(words("where", site=self._place.site_id, root=self._place.root))
        screen.does(words("starting"))
        link = self._start_broker(broker)
        self._start_board()
        tail = self._tail = Tail(self._place.data / "journal.db", screen, words)
        self._wait("panel, recorder, uplink", lambda: self._all_up(tail))
        self._footage_from_s = self._crew.age_s
        screen.at(f"   {words('ready')}", "good")
        with Driver(self._place.socket) as driver:
            story = Story(self._crew, tail, driver, link, screen, words)
            story.tell(self._pace)
            self._wait("clips", lambda: _clips_answered(tail), problems=story.problems)
            history = driver.relay_history()
        return self._judge(story, history)

    # --- starting ---

    def _start_broker(self, url: str | None) -> _OwnBroker | _UsersBroker:
        if url is None:
            self._crew.start("broker", mosquitto_command(self._place))
            return _OwnBroker(self._crew, self._screen, self._words)
        return _UsersBroker(Line(self._place.broker_port, host_and_port(url)), self._screen, self._words)

    def _start_board(self) -> None:
        place = self._place
        folders = ["--site", str(place.site), "--data", str(place.data), "--run", str(place.run)]
        self._crew.start("board", [STANDPIPE, "simulate", "--socket", str(place.socket), *folders])
        broker = f"mqtt://127.0.0.1:{place.broker_port}"
        self._crew.start("collector", [STANDPIPE, "collect", "--broker", broker, "--store", str(place.collector)])
        self._wait("board", place.socket.exists)
        for name, extra in (("panel", []), (RECORDER, ["--camera", "pump-room"]), ("uplink", [])):
            self._crew.start(name, [PYTHON, "-m", f"agent.{name}", *extra, *folders])

    def _all_up(self, tail: Tail) -> bool:
        filming = any(path.stat().st_size > 4096 for path in (self._place.data / "footage").rglob("*.mp4"))
        return filming and bool(tail.seen("link.up")) and bool(tail.seen("process.started", "panel"))

    def _wait(
        self, what: str, true: Callable[[], bool], within_s: float = START_S, problems: list[str] | None = None
    ) -> None:
        """Tend the processes until it is true; in time, or DemoError (or one more problem)."""
        end = self._crew.age_s + within_s
        while not true():
            self._crew.tend()
            if self._crew.age_s > end:
                text = self._words("bad.expected", which=what)
                if problems is None:
                    raise DemoError(f"{text} - {self._why_not()}")
                problems.append(text)
                return
            self._pause()

    def _pause(self) -> None:
        if self._tail is not None:
            self._tail.wait(0.1)
        else:
            self._crew.rest(0.1)

    def _why_not(self) -> str:
        """Last words of who died, else of all."""
        dead = [name for name, one in self._crew.all.items() if one.deaths]
        return "; ".join(f"{name}: {self._crew.last_words(name)}" for name in dead or self._crew.all)

    # --- ending ---

    def _judge(self, story: Story, history: list[tuple[str, int | None, int]]) -> bool:
        self._screen.does(self._words("do.drain"))
        footage_to_s = self._crew.age_s
        self._crew.stop("panel", RECORDER)
        self._crew.stop("board")
        near = near_end.examine(self._place.data / "journal.db")
        self._wait("delivery", lambda: self._drained(near.epoch), DRAIN_S, story.problems)
        self._screen.does(self._words("do.stop"))
        near = near_end.examine(self._place.data / "journal.db")
        for name in ("uplink", "collector", "broker"):
            if name in self._crew.all:
                self._crew.stop(name)
        if self._tail is not None:
            self._tail.stop()
        beacon = [at_ns for pin, _, at_ns in history if pin == "GPIO26"]
        figures = summary.Figures(
            near=near,
            far=far_end.examine(self._place.collector, near.epoch),
            footage=summary.Footage(
                near_end.footage_s(self._place.data / "footage"),
                footage_to_s - self._footage_from_s,
                near_end.told_lost_s(near),
            ),
            latencies_ms=near_end.latencies_ms(story.walk_edges_ns, beacon, WALK_SETTLE_MS),
            settle_ms=WALK_SETTLE_MS,
            walk_edges=len(story.walk_edges_ns),
            ran=[self._ran(one) for one in self._crew.all.values()],
        )
        return self._verdict(figures, story.problems)

    def _drained(self, epoch: str) -> bool:
        """True once the far end has every row the board has by now, and every clip."""
        near = near_end.examine(self._place.data / "journal.db")
        stored = far_end.rows_stored(self._place.collector, epoch)
        return stored == len(near.rows) and len(near.of("clip.delivered")) == len(near.of("clip.ready"))

    def _ran(self, one: Watched) -> summary.Ran:
        said = self._crew.last_words(one.name) if one.deaths else ""
        return summary.Ran(one.name, one.rss_peak_kib / 1024, one.cpu_s, one.lives, tuple(one.deaths), said)

    def _verdict(self, figures: summary.Figures, problems: list[str]) -> bool:
        self._screen.line("")
        self._screen.line(self._words("sum.title"), "do")
        for line in summary.aligned(summary.table(figures, self._words)):
            self._screen.line(line)
        bad = problems + summary.faults(figures, self._words)
        self._screen.line("")
        self._screen.line(self._words("verdict.bad" if bad else "verdict.good"), "bad" if bad else "good")
        for text in bad:
            self._screen.line(f"  - {text}", "bad")
        return not bad

    def say_where_to_look(self) -> None:
        """Commands that show what was kept."""
        place = self._place
        where = f"--site {place.site} --data {place.data}"
        self._screen.line("")
        self._screen.line(self._words("kept", root=place.root), "do")
        for command in (
            f"{STANDPIPE} events {where}",
            f"{STANDPIPE} journal check {where}",
            f"{STANDPIPE} footage list {where}",
            f"ls {place.data}/clips {place.collector} {place.logs}",
        ):
            self._screen.line(f"  {command}")

    def tidy_up(self) -> None:
        """No process of ours stays, however this ends."""
        if self._tail is not None:
            self._tail.stop()
        self._crew.kill_all()


def _clips_answered(tail: Tail) -> bool:
    answered = {row.values()["clip"] for row in tail.seen("clip.ready") + tail.seen("clip.failed")}
    return {row.values()["clip"] for row in tail.seen("clip.requested")} <= answered
