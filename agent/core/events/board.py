"""The board and its processes (source: the process, "panel", "recorder@pump-room", "uplink", ...)."""

from __future__ import annotations

from agent.core.events.base import Event, Lane, kind


@kind("process.started")
class ProcessStarted(Event):
    """A process of ours came up. `found` says what it took up again (latches, open segments)."""

    version: str
    pid: int
    found: str = ""


@kind("process.stopping")
class ProcessStopping(Event):
    """A process of ours was asked to stop and is doing so; a death without this row was no such stop."""

    pid: int


@kind("journal.opened", lane=Lane.ALARM)
class JournalOpened(Event):
    """First row of every epoch. reason: new / corrupt / restored; before: the epoch it follows, if known."""

    epoch: str
    reason: str
    before: str = ""
    moved_to: str = ""


@kind("journal.rows_lost", lane=Lane.ALARM)
class RowsLost(Event):
    """Rows that never reached the disk: a bounded queue was full while the disk was stuck or full."""

    rows: int
    from_mono_ns: int
    to_mono_ns: int
    reason: str


@kind("journal.checkpoint")
class JournalCheckpoint(Event):
    """Rows up to and including `upto` may be deleted; `hash` is that row's hash, so the chain stays provable."""

    upto: int
    hash: str
    carried: int


@kind("carried", lane=Lane.ALARM)
class Carried(Event):
    """A fact still in force, appended again because its row `of_seq` goes (below a checkpoint, or with its epoch)."""

    of_kind: str
    of_seq: int
    of_class: str
    of_data: str


@kind("record.kept")
class RecordKept(Event):
    """A row of a class that is kept for longer, appended again because its row `of_seq` goes below a checkpoint."""

    of_kind: str
    of_seq: int
    of_class: str
    of_data: str


@kind("journal.pruned", lane=Lane.ALARM)
class JournalPruned(Event):
    """Rows up to `upto` are gone, past their time and all in a verified backup: so many rows of from / to (UTC).

    kept: rows written again, for their class is kept for longer, or for they still bind. authority, approver: the
    standing policy; backup: the file that has them.
    """

    upto: int
    rows: int
    kept: int
    from_ns: int
    to_ns: int
    authority: str
    approver: str
    backup: str


@kind("backup.verified")
class BackupVerified(Event):
    """A backup was made and read back: the chain up to row `upto`, whose hash is `hash`, holds in it.

    path: where it lies; apart: whether that is another disk than the data's.
    """

    path: str
    upto: int
    hash: str
    files: int
    bytes: int
    apart: bool


@kind("backup.restore_tested")
class BackupRestoreTested(Event):
    """The backup at `path` was unpacked into an empty folder and opened as a board would: rows up to `upto`, what of
    them is in force (`facts`), footage of so many `cameras` in the index. lacks: files that this board has and no
    backup holds, keys and passwords: who restores needs them from elsewhere.
    """

    path: str
    upto: int
    facts: int
    cameras: int
    bytes: int
    took_ms: int
    lacks: list[str]


@kind("clock.set")
class ClockSet(Event):
    """Anchor of one boot: at `mono_ns` of boot `boot` it was `at_ns` UTC. by: ntp / rtc / collector / person."""

    boot: str
    mono_ns: int
    at_ns: int
    by: str


@kind("trouble.raised", lane=Lane.ALARM)
class TroubleRaised(Event):
    """Something of ours does not work as it should; `what` is a stable key, `detail` says it in words."""

    what: str
    detail: str


@kind("trouble.cleared", lane=Lane.ALARM)
class TroubleCleared(Event):
    """The trouble of the same source and `what` is over."""

    what: str
    detail: str
