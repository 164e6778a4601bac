"""Signed commands at the panel: judged again, written down as started, and only then acted on. Never twice.

Rules of this file (the intake's thread):
- `command.started` is on the disk before anything is done; it holds the key's counter, and so does a file of ours that
  outlives the journal: no replay outlives them;
- a command found started and without an end was cut off by a kill: whether it acted is not known, it is not repeated;
- what the uplink has judged is judged again: the row may have been written by anybody who can write the journal;
- a verdict on a request is judged as `standpipe approve` judges one signed here: by what the journal says was asked.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from agent.core.answers import About, about, failed, refused, started
from agent.core.chain import Row, Stamp
from agent.core.commands import APPROVE, INCIDENT_CLOSE, OPS, PANEL, Envelope, Here, Now, Refusal, judge
from agent.core.events import Event
from agent.core.statements import parse
from agent.panel.decide import Decider
from agent.panel.orders import Order
from agent.runtime.counters import Counters
from agent.runtime.keys import KeysError

if TYPE_CHECKING:
    from agent.journal import Journal

SOURCE = "panel"
INTERRUPTED = "the panel ended while it was being carried out: look what came of it; it is not repeated"
_NO_COUNTERS = "nothing was done, as its counter cannot be written down"
_ENDS = ("command.done", "command.failed", "command.refused")


class Commands:
    """Takes command.received rows. `put` hands work to the alarm loop."""

    def __init__(
        self,
        here: Here,
        decider: Decider,
        put: Callable[[Callable[[Stamp], None]], None],
        stamp: Callable[[], Stamp],
        open_journal: Callable[[], Journal],
        counters: Path,
    ) -> None:
        self._here = here
        self._decider = decider
        self._put = put
        self._stamp = stamp
        self._open_journal = open_journal
        self._counters_file = counters
        self._counters: Counters | None = None

    @property
    def wanted(self) -> bool:
        """Whether anybody may sign commands here; if not, none is looked at."""
        return bool(self._here.keys)

    def take(self, journal: Journal, row: Row, stale: str) -> None:
        """One command.received row; `stale` says why it comes too late, if it does. Raises JournalError."""
        name, answered = (journal.epoch, row.seq), _answers(journal, row)
        op = OPS.get(str(row.values()["op"]))
        if answered & set(_ENDS) or (op is not None and op.does != PANEL):
            self._put(lambda now: self._decider.passed(name, now))
        elif "command.started" in answered:
            self._answer(name, failed(SOURCE, about(row), INTERRUPTED))
        else:
            self._judge(journal, row, stale)

    def cut_off(self, journal: Journal, upto: int) -> None:
        """This panel remembers nothing, as after a power cut: starts of rows up to there, which are not taken again and
        wait for their last word, get it now."""
        from agent.journal.projections import unended_commands

        for row in unended_commands(journal, "start"):
            values = row.values()
            said = About(str(values["command"]), "start", str(values["by"]), int(str(values["request"])))
            if said.request <= upto:
                self._put(functools.partial(self._decider.say, failed(SOURCE, said, INTERRUPTED)))

    def _judge(self, journal: Journal, row: Row, stale: str) -> None:
        from agent.journal.projections import command_counters, told_time

        now, text = told_time(journal, self._stamp()), str(row.values()["envelope"]).encode()
        try:
            kept = self._kept(journal)
            moment = kept.moment(Now(now.at_ns // 1_000_000_000, now.clock, now.boot))
        except OSError as error:
            self._answer((journal.epoch, row.seq), failed(SOURCE, about(row), f"{_NO_COUNTERS}: {error.strerror}"))
            return
        counters = kept.merged(command_counters(journal))
        verdict = _no("late", stale, text) if stale else self._judged(journal, text, moment, counters)
        if isinstance(verdict, Refusal):
            self._answer((journal.epoch, row.seq), refused(SOURCE, verdict, about(row)))
        else:
            order = self._order(journal, (journal.epoch, row.seq), verdict, now.at_ns)
            self._start(row, (journal.epoch, row.seq), verdict, order, kept)

    def _kept(self, journal: Journal) -> Counters:
        """What outlives the journal; read once."""
        if self._counters is None:
            first = journal.read(0, kinds=("journal.opened",), limit=1)
            fresh = bool(first) and first[0].values()["reason"] == "new"
            self._counters = Counters(self._counters_file, fresh=fresh)
        return self._counters

    def _judged(self, journal: Journal, text: bytes, now: Now, counters: Mapping[str, int]) -> Envelope | Refusal:
        try:
            found = judge(text, self._here, now, counters)
            why = "" if isinstance(found, Refusal) or found.op != APPROVE else self._not_standing(journal, found, now)
            return _no("not-approved", why, text) if why else found
        except KeysError as error:  # no memory for another process, say: what cannot be judged is not done
            return _no("unverified", f"its signature cannot be looked at: {error}", text)

    def _not_standing(self, journal: Journal, envelope: Envelope, now: Now) -> str:
        """Why the verdict that came in a command is not written down. KeysError."""
        from agent.journal.approvals import verdict_refusal

        statement = parse(str(envelope.args["statement"]))
        if statement is None:
            return "it holds no verdict that can be read"
        if statement.by != envelope.by:
            return "the verdict is another person's: who signs it must send it"
        return verdict_refusal(journal, statement, self._here, now)

    def _order(self, journal: Journal, name: tuple[str, int], envelope: Envelope, at_ns: int) -> Order:
        """What the alarm loop is handed: it opens no file, so what the journal knows of it comes along."""
        from agent.journal.projections import open_incidents

        key, fresh = self._here.keys[envelope.key], os.urandom(16).hex()
        order = Order(envelope.id, envelope.op, envelope.args, envelope.by, name[1], at_ns, key.id, key.role, fresh)
        return order._replace(incidents=open_incidents(journal)) if envelope.op == INCIDENT_CLOSE else order

    def _start(self, row: Row, name: tuple[str, int], envelope: Envelope, order: Order, kept: Counters) -> None:
        with contextlib.closing(self._open_journal()) as writing:
            writing.append(started(SOURCE, envelope, name[1]))
        try:
            kept.keep(envelope.key, envelope.ctr)
        except OSError as error:
            self._answer(name, failed(SOURCE, about(row), f"{_NO_COUNTERS}: {error.strerror}"))
            return
        self._put(lambda now: self._decider.command(name, order, now))

    def _answer(self, name: tuple[str, int], event: Event) -> None:
        self._put(lambda now: self._decider.answer(name, event, now))


def _no(code: str, reason: str, text: bytes) -> Refusal:
    return Refusal(code, reason, len(text), hashlib.sha256(text).hexdigest())


def _answers(journal: Journal, received: Row) -> set[str]:
    """Kinds of the rows that answer a command."""
    rows = journal.read(received.seq, kinds=("command.started", *_ENDS), limit=1000)
    return {row.kind for row in rows if row.values().get("request") == received.seq}
