"""The simulated world: lines with levels, contacts that drive them, relays that hang on them.

Rules of this file:
- no sockets, threads or clock: time is asked of `now_ns`, holders are told by their methods;
- levels belong to the world and outlive every holder; the function of a line belongs to its holder: when that is
  gone its outputs float, and a floating line releases its relay;
- behind a line that beats hangs a retriggerable monostable: its relay is held while edges come. Beats are counted and
  go into no history.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hw.ports import ChannelSpec, PointSpec, RelaySpec, line_name
from hw.simulator.channels import SimConverter

HISTORY_MAX = 10_000
MONOSTABLE_NS = 1_500_000_000  # one and a half periods of 1 Hz


class Holder(Protocol):
    """Who holds lines: one panel."""

    pid: int

    def gone(self) -> bool:
        """True if its process has hung up, even if nobody has noticed yet."""

    def edge(self, line: str, level: int, mono_ns: int) -> None:
        """Told of an edge on a line it watches."""


@dataclass(slots=True)
class Line:
    """One line of the board. `world` is the level the world puts on it, `level` what it shows (null: floating)."""

    name: str
    world: int = 0
    function: str = "input"
    pull: str = "floating"
    driven: int = 0
    watched: bool = False
    holder: Holder | None = None
    point: PointSpec | None = None
    relay: RelaySpec | None = None
    beats: int = 0
    beat_ns: int = 0  # the last one's time

    @property
    def level(self) -> int:
        return self.driven if self.function == "output" else self.world

    @property
    def relay_level(self) -> int | None:
        """What a coil on this line gets; null while nobody drives it."""
        return self.driven if self.function == "output" else None


@dataclass(frozen=True)
class News:
    """Something to tell whoever looks on; `telling.py` has the words for each (what, state)."""

    what: str
    who: str
    state: str
    pin: str = ""
    level: int | None = None
    detail: str = ""


def closed_level(spec: PointSpec) -> int:
    """The level of a line whose contact conducts: to ground against a pull-up, to the supply against a pull-down."""
    return 1 if spec.bias == "pull-down" else 0


class SimBoard:
    """All lines of one board. Wrong requests raise OSError with an errno and a text for a person."""

    def __init__(
        self,
        points: Sequence[PointSpec],
        relays: Sequence[RelaySpec],
        now_ns: Callable[[], int],
        tell: Callable[[News], None] = lambda news: None,
        channels: Sequence[ChannelSpec] = (),
    ) -> None:
        self._now_ns = now_ns
        self._tell = tell
        self.lines: dict[str, Line] = {}
        self.points: dict[str, Line] = {}
        self.relays: dict[str, Line] = {}
        self.history: deque[tuple[int, str, int | None, int]] = deque(maxlen=HISTORY_MAX)
        self._history_count = 0
        self.relay_changed: Callable[[str], None] = lambda relay: None
        self.converter = SimConverter(channels)
        for point in points:
            self._add_point(point)
        for relay in relays:
            self.relays[relay.id] = self._new_line(relay.pin, relay.id)
            self.relays[relay.id].relay = relay

    def _add_point(self, spec: PointSpec) -> None:
        line = self._new_line(spec.pin, spec.id)
        line.point = spec
        at_rest = spec.contact == "normally-closed"
        line.world = closed_level(spec) if at_rest else 1 - closed_level(spec)
        self.points[spec.id] = line

    def _new_line(self, pin: str, what: str) -> Line:
        name = line_name(pin)
        if name in self.lines:
            raise OSError(errno.EINVAL, f"{what}: line {name} is used twice")
        self.lines[name] = Line(name)
        return self.lines[name]

    # --- the world's side ---

    def contact(self, point: str, closed: bool, *, quiet: bool = False) -> int:
        """The contact of a point closes or opens; returns the time of the edge (now, if it already stood so)."""
        channel = self.converter.channels.get(point)
        if channel is not None:
            channel.closed = closed
            self._tell(News("contact", point, "closed" if closed else "open", channel.spec.pin))
            return self._now_ns()
        line = _found(self.points, point, "point")
        assert line.point is not None
        level = closed_level(line.point)
        return self._put(line, level if closed else 1 - level, quiet)

    def conducts(self, point: str) -> bool:
        """Whether the contact of a point is closed."""
        if point in self.converter.channels:
            return self.converter.channels[point].closed
        line = _found(self.points, point, "point")
        assert line.point is not None
        return line.world == closed_level(line.point)

    def set_level(self, pin: str | int, level: int) -> int:
        """Put a raw level on a line, whatever hangs on it; returns the time of the edge. EINVAL on an output."""
        line = self.line(pin)
        if level not in (0, 1):
            raise OSError(errno.EINVAL, f"a level is 0 or 1, not {level!r}")
        if line.function == "output":
            raise OSError(errno.EINVAL, f"{line.name} is an output of the panel: driving it would be a short circuit")
        return self._put(line, level, quiet=False)

    def _put(self, line: Line, level: int, quiet: bool) -> int:
        at_ns = self._now_ns()
        if line.world == level:
            return at_ns
        line.world = level
        if line.watched and line.holder is not None and line.function == "input":
            line.holder.edge(line.name, level, at_ns)
        if not quiet:
            self._tell(self._contact_news(line))
        return at_ns

    def _contact_news(self, line: Line) -> News:
        if line.point is None:
            return News("contact", line.name, "high" if line.world else "low", line.name, line.world)
        closed = line.world == closed_level(line.point)
        return News("contact", line.point.id, "closed" if closed else "open", line.name, line.world)

    def normally_closed(self, point: str) -> bool:
        """Whether the contact of a point is closed at rest."""
        channel = self.converter.channels.get(point)
        spec = channel.spec if channel is not None else _found(self.points, point, "point").point
        return spec is not None and spec.contact == "normally-closed"

    # --- the holder's side ---

    def line(self, pin: str | int) -> Line:
        """A line by any of its names. ENXIO if this board has no such line."""
        return _found(self.lines, line_name(pin), "line")

    def make_input(self, holder: Holder, pin: str, pull: str) -> None:
        """Claim a line as an input with this pull (up / down / floating)."""
        if pull not in ("up", "down", "floating"):
            raise OSError(errno.EINVAL, f"a pull is up, down or floating, not {pull!r}")
        line = self._claim(holder, pin)
        line.pull = pull
        self._drive(line, "input", 0)

    def make_output(self, holder: Holder, pin: str, level: int) -> None:
        """Claim a line as an output and set its level in one step: no level in between."""
        line = self._claim(holder, pin)
        line.watched = False
        self._drive(line, "output", int(bool(level)))

    def write(self, holder: Holder, pin: str, level: int) -> None:
        """Set an output. EPERM if this holder has no such output."""
        line = self.line(pin)
        if line.holder is not holder or line.function != "output":
            raise OSError(errno.EPERM, f"{line.name} is not an output of process {holder.pid}")
        self._drive(line, "output", int(bool(level)))

    def watch(self, holder: Holder, pin: str, wanted: bool) -> None:
        """Start or stop edges of a line held as an input."""
        line = self._claim(holder, pin)
        line.watched = wanted

    def release(self, holder: Holder, pin: str) -> None:
        """Give a line up: an output floats from now on, a watched line is silent."""
        line = self.line(pin)
        if line.holder is holder:
            self._let_go(line)

    def drop(self, holder: Holder) -> None:
        """The holder is gone: all its lines are let go."""
        for line in self.lines.values():
            if line.holder is holder:
                self._let_go(line)

    def _claim(self, holder: Holder, pin: str) -> Line:
        line = self.line(pin)
        if line.holder is not None and line.holder is not holder and line.holder.gone():
            self.drop(line.holder)
        if line.holder is not None and line.holder is not holder:
            raise OSError(errno.EBUSY, f"{line.name} is held by process {line.holder.pid}")
        line.holder = holder
        return line

    def _let_go(self, line: Line) -> None:
        line.holder = None
        line.watched = False
        line.pull = "floating"
        self._drive(line, "input", 0)

    def _drive(self, line: Line, function: str, level: int) -> None:
        before = line.relay_level
        line.function, line.driven = function, level
        if line.relay_level == before:
            return
        if line.relay is not None and line.relay.heartbeat_hz:
            line.beats, line.beat_ns = line.beats + 1, self._now_ns()
            if before is not None and line.relay_level is not None:
                return
        self._history_count += 1
        self.history.append((self._history_count, line.name, line.relay_level, self._now_ns()))
        if line.relay is not None:
            state = "floating" if line.relay_level is None else "energised" if self.energised(line) else "released"
            self._tell(News("relay", line.relay.id, state, line.name, line.relay_level))
            self.relay_changed(line.relay.id)

    # --- views ---

    def energised(self, line: Line) -> bool:
        """Whether the relay on this line pulls: only while somebody drives the line to its active level, or beats."""
        if line.relay is None or line.relay_level is None:
            return False
        if line.relay.heartbeat_hz:
            return self._now_ns() - line.beat_ns <= MONOSTABLE_NS // line.relay.heartbeat_hz
        return line.relay_level == (1 if line.relay.active == "high" else 0)

    def relay(self, relay: str) -> Line:
        """The line of a relay. ENXIO if there is none of that id."""
        return _found(self.relays, relay, "relay")

    def relay_view(self) -> dict[str, dict[str, Any]]:
        """pin -> id, function, level (null while floating), energised, beats."""
        return {
            line.name: {
                "id": relay,
                "function": line.function,
                "level": line.relay_level,
                "energised": self.energised(line),
                "beats": line.beats,
            }
            for relay, line in self.relays.items()
        }

    def line_view(self) -> dict[str, dict[str, Any]]:
        """line -> level, function, pull, watched, pid of its holder (0 if free)."""
        return {
            line.name: {
                "level": line.level,
                "function": line.function,
                "pull": line.pull,
                "watched": line.watched,
                "pid": line.holder.pid if line.holder is not None else 0,
            }
            for line in self.lines.values()
        }


def _found(table: dict[str, Line], key: str, what: str) -> Line:
    try:
        return table[key]
    except KeyError:
        raise OSError(errno.ENXIO, f"the simulated board has no {what} {key!r}; it has {', '.join(table)}") from None
