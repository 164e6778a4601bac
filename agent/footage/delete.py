"""Deleting segments so that a kill at any moment leaves something that the next pass completes.

    1 mark      rows 'deleting', and what the journal will say: one transaction of the index
    2 unlink    each file, then sync their folders
    3 look      that they are gone
    4 record    the row in the journal, unless a pass that was killed has written it already
    5 forget    the rows of the index

Up to 1 nothing has happened; from then on all of it does, once, and is recorded once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agent.core.events import Event, FootageDeleted, RetentionBreach, Signal
from agent.core.numbers import read_numbers, written
from agent.core.retention import Batch, Why
from agent.footage.errors import FootageError, explain
from agent.footage.index import MediaIndex, Segment
from agent.footage.keeping import Deletion, Keeping
from agent.footage.thumbnails import Thumbnails
from agent.journal import Journal
from agent.journal.files import sync_folder
from agent.journal.projections import every

Step = Callable[[str], None]  # told before each step; tests kill there


class Order(dict[str, Any]):
    """On whose word: reason, authority, requester, approver, by; floor: of a forced one, in words."""


def _nothing(_: str) -> None:
    return


class Deleter:
    """Deletes batches of one board's footage. `journal` is open to append."""

    def __init__(self, footage: Path, index: MediaIndex, journal: Journal, step: Step = _nothing) -> None:
        self._footage = footage
        self._index = index
        self._keeping = Keeping(index)
        self._journal = journal
        self._step = step

    def delete(self, batch: Batch, order: Order) -> FootageDeleted:
        """All of the batch, or FootageError, ValueError and what is marked is completed by `finish`."""
        rows = self._keeping.rows(batch.camera, batch.seqs)
        deletion = Deletion(str(uuid.uuid4()), batch.camera, _event(batch, rows, order))
        self._step("mark")
        self._keeping.mark(deletion, batch.seqs)
        return self._complete(deletion, rows)

    def finish(self) -> list[FootageDeleted]:
        """Complete what a pass that was killed had begun."""
        done = []
        for deletion in self._keeping.deletions():
            rows = self._keeping.rows(deletion.camera, read_numbers(deletion.event["segments"]))
            done.append(self._complete(deletion, rows, again=True))
        return done

    def _complete(self, deletion: Deletion, rows: list[Segment], *, again: bool = False) -> FootageDeleted:
        seqs = read_numbers(deletion.event["segments"])
        beside = Thumbnails(self._index).paths(deletion.camera, seqs, self._footage)
        self._unlink([*beside, *(self._footage / row.path for row in rows)])
        event = _as_event(deletion)
        self._step("record")
        if not (again and self._recorded(deletion)):
            self._journal.append(event, *_breach(deletion))
        self._step("forget")
        self._keeping.forget(deletion, seqs)
        return event

    def _unlink(self, paths: list[Path]) -> None:
        folders = {path.parent for path in paths}
        try:
            for path in paths:
                self._step("unlink")
                path.unlink(missing_ok=True)
            self._step("sync")
            for folder in filter(Path.is_dir, folders):
                sync_folder(folder)
            left = [path for path in paths if os.path.lexists(path)]
        except OSError as error:
            raise explain(error.filename or self._footage, error) from error
        if left:
            raise FootageError(f"{left[0]}: still there after it was deleted")
        for folder in folders:
            with contextlib.suppress(OSError):  # not empty, or gone
                _forget_thumbnails(folder)
                folder.rmdir()

    def _recorded(self, deletion: Deletion) -> bool:
        found: Iterator[Any] = every(self._journal, FootageDeleted.KIND, source=deletion.camera)
        return any(row.values()["deletion"] == deletion.id for row in found)


def _forget_thumbnails(folder: Path) -> None:
    """Where there is no footage any more, thumbnails that an index made anew knows nothing of go too."""
    left = list(folder.iterdir())
    if all(path.suffix == ".jpg" for path in left):
        for path in left:
            path.unlink()


def _event(batch: Batch, rows: list[Segment], order: Order) -> dict[str, Any]:
    hashes = [row.sha256.hex() if row.sha256 else "" for row in rows]
    return {
        "why": str(batch.why),
        "from_ns": batch.from_ns,
        "to_ns": batch.to_ns,
        "segments": written(batch.seqs),
        "files": len(rows),
        "bytes": sum(row.bytes or 0 for row in rows),
        "digest": hashlib.sha256("".join(hashes).encode()).hexdigest(),
        "hashes": hashes if batch.why is Why.ASKED else [],
        **order,
    }


def _as_event(deletion: Deletion) -> FootageDeleted:
    said = {name: value for name, value in deletion.event.items() if name != "floor"}
    return FootageDeleted(
        source=deletion.camera,
        deletion=deletion.id,
        retention_checked=True,
        holds_checked=True,
        verified=True,
        **said,
    )


def _breach(deletion: Deletion) -> list[Event]:
    said = deletion.event
    if said["why"] != Why.FORCED:
        return []
    same = {name: said[name] for name in ("authority", "approver", "floor", "from_ns", "to_ns", "files", "bytes")}
    return [RetentionBreach(source=deletion.camera, signal=Signal.TROUBLE, deletion=deletion.id, **same)]
