"""A panel's Decider on a clock of its own: contacts are moved, time passes at once, what was decided is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent.config.model import SiteConfig
from agent.core.alarm import Alarm
from agent.core.chain import Stamp
from agent.core.debounce import POLL_NS
from agent.core.events import Event
from agent.panel import memory
from agent.panel.decide import Decider
from agent.panel.notes import Lost
from agent.panel.plan import plan

MS, S = 1_000_000, 1_000_000_000
START_NS = 10 * S


def at_rest(config: SiteConfig) -> dict[str, bool]:
    """point -> closed, at a healthy site: contacts at rest, selectors in auto."""
    autos = {pump.auto for pump in config.pump}
    return {p.id: (p.contact == "normally-closed") != (p.id in autos) for p in config.point}


class Core:
    """One site's Decider as the alarm loop would run it, without any thread, file or line.

    events, drives: what was said and driven so far, with its time in ns since the panel first stood.
    """

    def __init__(self, config: SiteConfig, boot: str = "boot-1") -> None:
        self.config, self.boot = config, boot
        self.now_ns = START_NS
        self.levels = at_rest(config)
        self.events: list[tuple[Event, int]] = []
        self.drives: list[tuple[str, bool, int]] = []
        self.alive = True
        self._requests = 0
        self._next_read_ns = 0
        self._start(self.levels, ())
        self.to(self.now_ns + S)
        self.origin_ns = self.now_ns

    def _start(self, recorded: Mapping[str, bool], alarms: tuple[Alarm, ...]) -> None:
        self.decider = Decider(plan(self.config))
        self.decider.levels(self.levels, self.now_ns)
        self.decider.begin(recorded, alarms, self.stamp())
        self._next_read_ns = self.now_ns
        self.take()

    def stamp(self) -> Stamp:
        return Stamp(1_800_000_000 * S + self.now_ns, self.boot, self.now_ns, "synced")

    # --- the world ---

    def contact(self, point: str, closed: bool) -> None:
        """A contact moves; a panel without power does not see it."""
        if self.levels[point] == closed:
            return
        self.levels[point] = closed
        if self.alive and point not in self.decider.masked():
            self.decider.edge(point, closed, self.now_ns, self.stamp())

    def cut_power(self) -> None:
        """All relays drop, whatever lay in /run is gone."""
        known = {id_: one.closed for id_, one in self.decider.contacts.items() if one.closed is not None}
        self._journaled = (known, tuple(self.decider.response.alarms.latched.values()))
        for relay, energised in self.decider.energised().items():
            if energised:
                self.drives.append((relay, False, self.now_ns))
        self.alive = False

    def boots(self) -> None:
        """Power is back: another boot, a new panel, the journal as it was."""
        self.alive, self.boot = True, f"{self.boot}+"
        self._start(*self._journaled)
        said = {relay for relay, _, at_ns in self.drives if at_ns == self.now_ns}
        for relay, energised in self.decider.energised().items():
            if energised and relay not in said:
                self.drives.append((relay, True, self.now_ns))

    def killed(self) -> None:
        """kill -9, and a new panel at once over the same ring."""
        state = memory.parse(memory.snapshot(self.decider, self.boot, [], Lost()))
        assert state is not None
        self.decider = Decider(plan(self.config))
        memory.restore(self.decider, state, self.stamp())
        self.decider.levels(self.levels, self.now_ns)

    # --- people ---

    def ask(self, do: Callable[[tuple[str, int]], None]) -> None:
        """A row of somebody who asks: do((epoch, its number))."""
        self._requests += 1
        do(("epoch", self._requests))
        self.take()

    def request(self, does: str, alarm: str = "*") -> None:
        self.ask(lambda row: self.decider.request(row, does, alarm, "cli:anna", "", self.stamp()))

    def technician(self, event: Event) -> None:
        """Somebody asks for a walk test or a relay test."""
        self.ask(lambda row: self.decider.asked(row, event, "", self.stamp()))

    # --- time ---

    def to(self, at_ns: int) -> None:
        """Let time pass, stopping wherever something is due."""
        while self.alive and (due := self._due_ns()) <= at_ns:
            self.now_ns = max(due, self.now_ns)
            self._turn()
        self.now_ns = at_ns
        if self.alive:
            self._turn()

    def after(self, ms: int) -> None:
        self.to(self.now_ns + ms * MS)

    def _due_ns(self) -> int:
        due = self.decider.due_ns()
        return self._next_read_ns if due is None else min(due, self._next_read_ns)

    def _turn(self) -> None:
        if self.now_ns >= self._next_read_ns:
            self.decider.levels(self.levels, self.now_ns)
            self._next_read_ns = self.now_ns + (POLL_NS if self.decider.masked() else S)
        self.decider.elapse(self.stamp())
        self.take()

    def take(self) -> None:
        while (outcome := self.decider.take(self.stamp())) is not None:
            self.events += [(event, self.now_ns) for event in outcome.events]
            self.drives += [(drive.relay, drive.energised, self.now_ns) for drive in outcome.drives]

    # --- what came of it ---

    def said(self) -> list[Event]:
        """Events since the last call."""
        said = [event for event, _ in self.events]
        self.events = []
        return said

    def kinds(self) -> list[str]:
        """Their kinds."""
        return [event.KIND for event in self.said()]

    def energised(self, relay: str) -> bool:
        return self.decider.energised()[relay]
