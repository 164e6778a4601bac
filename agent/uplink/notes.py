"""Rows the uplink writes about its link, each kept from repeating itself: they go over the same link."""

from __future__ import annotations

from agent.core.chain import Stamp
from agent.core.delivery import Conflict
from agent.core.events import ClockSet, CommandRefused, Event, Gap, LinkConflict, LinkDown, LinkRefused, LinkUp
from agent.core.lane import Flight
from agent.journal import Journal, JournalError, JournalMoved
from agent.runtime.redact import redact
from agent.uplink.link import LinkError
from agent.uplink.view import View

SOURCE = "uplink"
AGAIN_S = 3600.0
KINDS_MOST = 64
_THEIRS = ("cert-unknown", "cert-expired", "cert-not-yet-valid", "cert-name")
_CERTIFICATES = (*_THEIRS, "own-cert-expired", "own-cert-refused")
REFUSALS = ("refused", "quota", "taken-over", "tls-failed", *_CERTIFICATES)


class Notes:
    """Writes link.* rows. Raises JournalMoved. A full disk must not stop the uplink: the view says so instead."""

    def __init__(self, journal: Journal, view: View) -> None:
        self._journal = journal
        self._view = view
        self._said: dict[tuple[str, int], float] = {}
        self._up = False

    def up(self) -> None:
        self._up = True
        self._write(LinkUp(source=SOURCE, broker=self._view.broker))

    def down(self, error: LinkError, now_s: float) -> None:
        """The session ended or could not be had: a row when it stood before, or when the broker refuses us."""
        reason = redact(error.reason)
        if self._up:
            self._up = False
            self._write(LinkDown(source=SOURCE, broker=self._view.broker, reason=reason))
        if error.state in REFUSALS:
            self.refused("connection", error.code, reason, now_s)

    def refused(self, what: str, code: int, reason: str, now_s: float) -> None:
        """The broker or the far end does not take something: a row, not more than one an hour of the same."""
        reason = redact(reason)[:500]
        self._view.last_refusal = f"{what}: {reason}"
        if self._lately(what, code, now_s):
            return
        self._write(LinkRefused(source=SOURCE, what=what, code=code, reason=reason))

    def given_up(self, flight: Flight, code: int, reason: str) -> None:
        """A row nobody takes: it is skipped, and a gap row says so."""
        span = flight.span
        what = f"row {span[1] - 1} of lane {flight.lane}"
        self._view.last_refusal = f"{what}: {reason}"
        gap = Gap(
            source=SOURCE,
            of_lane=flight.lane,
            from_seq=span[0],
            to_seq=span[1] - 1,
            rows=flight.rows,
            bytes=flight.bytes,
            reason=f"refused with 0x{code:02x}",
        )
        self._write(LinkRefused(source=SOURCE, what=what, code=code, reason=redact(reason)[:500]), gap)

    def _lately(self, what: str, code: int, now_s: float) -> bool:
        """True if the same was written within the hour; else it counts as written now."""
        said = self._said.get((what, code))
        if said is not None and now_s - said < AGAIN_S:
            return True
        if len(self._said) >= KINDS_MOST:
            self._said.clear()
        self._said[(what, code)] = now_s
        return False

    def conflict(self, conflict: Conflict, now_s: float) -> None:
        """Two different rows under one identity. A row of the same not more than once an hour."""
        if self._lately(f"conflict {conflict.lane}", 0, now_s):
            return
        row = LinkConflict(
            source=SOURCE, epoch=self._journal.epoch, seq=conflict.seq, ours=conflict.ours, theirs=conflict.theirs
        )
        self._write(row)

    def refused_commands(self, more: int) -> None:
        """So many commands were refused and not written down one by one."""
        reason = f"too many refused commands; {more} more in the last minutes"
        self._write(CommandRefused(source=SOURCE, reason=reason, bytes=0, digest="", code="too-many"))

    def clock(self, stamp: Stamp, at_ns: int) -> bool:
        """The collector's time for a board that has none; once a boot. False if it was known already."""
        last = self._journal.last("clock.set")
        if last is not None and last.values()["boot"] == stamp.boot:
            return False
        self._write(ClockSet(source=SOURCE, boot=stamp.boot, mono_ns=stamp.mono_ns, at_ns=at_ns, by="collector"))
        return True

    def write(self, event: Event) -> bool:
        """One row; False if the journal cannot be written now. Raises JournalMoved."""
        return self._write(event)

    def _write(self, *events: Event) -> bool:
        try:
            self._journal.append(*events)
        except JournalMoved:
            raise
        except JournalError as error:
            self._view.trouble = str(error)
            return False
        self._view.trouble = ""
        return True
