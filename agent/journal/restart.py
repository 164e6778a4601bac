"""A new epoch in place of a journal that turned out to be a restored copy: what the far end knows under the old
epoch can then never swallow what happens from now on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from agent.core.chain import Stamp
from agent.journal import files
from agent.journal.database import fold, make_new
from agent.journal.errors import JournalError
from agent.journal.facts import as_event, carry, facts_in_force, when
from agent.journal.journal import Journal
from agent.journal.projections import every

PAUSE_S = 10.0
_OF_A_FILE = ("journal.opened", "journal.checkpoint")  # they speak of row numbers and files that are no more


def restart_epoch(path: Path, stamp: Callable[[], Stamp], *, keep_after: int) -> str:
    """Move the journal aside and begin a new epoch; returns it.

    Rows past `keep_after` (the last one that the far end holds just as we do) are written again with their own
    times, since under their old numbers they could not be delivered; facts in force before that as `carried`.
    Every open Journal raises JournalMoved at its next append or look. JournalError if writers do not pause in 10 s.
    """
    old = Journal.open_to_read(path)
    lock = files.Lock(path)
    try:
        with lock.exclusive(PAUSE_S) as alone:
            if not alone:
                raise JournalError(f"{path}: writers did not pause for {PAUSE_S:.0f} s; the journal was left as it is")
            old.check_moved()
            kept = [row for row in facts_in_force(old, keep_after) if row.seq <= keep_after]
            again = [(carry(row), when(row)) for row in kept]
            again += [(as_event(row), when(row)) for row in every(old, after=keep_after) if row.kind not in _OF_A_FILE]
            fold(path)
            fresh, moved = path.with_suffix(".new"), files.aside_name(path, time.time_ns())
            epoch = make_new(fresh, stamp(), reason="restored", before=old.epoch, moved_to=moved.name, rows=again)
            old.release()
            files.replace(path, fresh, moved)
            return epoch
    finally:
        old.release()
        lock.close()
