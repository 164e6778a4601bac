"""A new epoch in place of a restored journal, begun again and again by a process that is killed at random moments
while others write: the journal at the path is always whole, and what is in force stays in force."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from agent.core.events import AlarmRaised, PointChanged, Signal
from agent.journal import Journal, JournalMoved
from agent.journal.check import check_chain
from agent.journal.projections import open_alarms
from agent.runtime.clock import SystemClock

ALARM = AlarmRaised(source="pump.fail_to_start:pump-1", on="pump.fail_to_start", of="pump-1", signal=Signal.ALARM)
CHANGE = PointChanged(source="door-1", closed=True, edge_mono_ns=1, decided_mono_ns=2)
RESTARTER = """
import sys
import threading
from pathlib import Path
from agent.journal.restart import restart_epoch
from agent.runtime.clock import SystemClock
print("on", flush=True)
while True:
    restart_epoch(Path(sys.argv[1]), SystemClock().stamp, keep_after=1)
"""


def test_kills_while_a_new_epoch_begins(tmp_path: Path, rounds: Callable[[int, int], int]) -> None:
    path, bell, stamp = tmp_path / "journal.db", tmp_path / "bell", SystemClock().stamp
    chance = random.Random(20261122)
    journal = Journal.open(path, bell, stamp)
    journal.append(ALARM)
    for _ in range(rounds(6, 200)):
        child = subprocess.Popen([sys.executable, "-c", RESTARTER, str(path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "on\n"
        # From a thread of its own: this one waits for the lock just while the files are changed.
        killer = threading.Timer(chance.uniform(0.01, 0.1), child.kill)
        killer.start()
        while child.poll() is None:
            time.sleep(0.004)  # a writer that never pauses keeps the other from beginning at all
            try:
                journal.append(CHANGE)
            except JournalMoved:
                journal.close()
                journal = Journal.open(path, bell, stamp)
        killer.join()
        child.stdout.close()
        journal.close()
        journal = Journal.open(path, bell, stamp)
        assert check_chain(journal).bad_seq is None
        assert list(open_alarms(journal)) == [ALARM.source]
        assert journal.read(limit=1)[0].values()["reason"] in ("new", "restored")
    journal.close()
    assert any(tmp_path.glob("journal.db.moved-*"))
