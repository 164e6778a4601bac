"""Keeps what waits for the link within its byte budgets: a thread that writes `gap` rows and nothing else.

Rules of this file:
- what waits is counted from the journal at start and again and again (view.py); no counter outlives the process;
- the rows stay in the journal; the session reads the `gap` row and skips them, whether or not it is connected.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Iterator
from threading import Event

from agent.core.budget import Span, Waiting, excess, to_give_up
from agent.core.chain import Stamp
from agent.core.events import Gap
from agent.journal import Journal, JournalError
from agent.runtime.paths import Paths
from agent.uplink.gaps import Gaps
from agent.uplink.notes import SOURCE
from agent.uplink.view import View

log = logging.getLogger(__name__)

LOOK_S = 1.0
PAGE = 1000


def run(
    paths: Paths, budgets: dict[str, int], view: View, stamp: Callable[[], Stamp], stop: Event, tick: Callable[[], None]
) -> None:
    """Until stop. budgets: lane -> bytes. A full disk or a moved journal: tried again with the next count."""
    seen, written = -1, 0
    while not stop.wait(LOOK_S):
        tick()
        head, counted = view.counted
        if head == seen or head < written:  # counted before what we gave up last
            continue
        seen = head
        over = {lane: excess(counted[lane]["bytes"], most) for lane, most in budgets.items() if lane in counted}
        if not any(over.values()):
            continue
        try:
            with contextlib.closing(Journal.open(paths.journal, paths.bell, stamp)) as journal:
                written = _give_up(journal, view, over, tick)
        except JournalError as error:
            view.trouble = str(error)


def _give_up(journal: Journal, view: View, over: dict[str, int], tick: Callable[[], None]) -> int:
    """Write the gap rows; the number of the newest of them, 0 if there is none."""
    newest = 0
    for lane, bytes_over in over.items():
        cursor = view.cursors.get(lane, 0)
        if journal.epoch != view.epoch or not bytes_over:
            continue
        gone = [gap.span for gap in Gaps(journal).new() if gap.lane == lane]
        walk = functools.partial(_waiting, journal, lane, cursor, gone, tick)
        spans = to_give_up(walk, bytes_over)
        if spans:
            log.warning("%s lane: %d rows given up, its budget is used up", lane, sum(span.rows for span in spans))
            newest = journal.append(*(_gap(lane, span) for span in spans))[-1].seq
    return newest


def _waiting(
    journal: Journal, lane: str, cursor: int, gone: list[tuple[int, int]], tick: Callable[[], None]
) -> Iterator[Waiting]:
    """Rows of the lane past the cursor that no gap row covers yet, oldest first."""
    while rows := journal.read(cursor, lane=lane, limit=PAGE):
        tick()
        for row in rows:
            if not any(start <= row.seq < stop for start, stop in gone):
                yield Waiting(row.seq, row.lane_prev, row.kind, row.signal, len(row.data))
        cursor = rows[-1].seq


def _gap(lane: str, span: Span) -> Gap:
    return Gap(
        source=SOURCE,
        of_lane=lane,
        from_seq=span.first,
        to_seq=span.last,
        rows=span.rows,
        bytes=span.bytes,
        reason="more waits than the byte budget of the lane",
    )
