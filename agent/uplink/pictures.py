"""The newest picture of each camera, to be retained where Home Assistant looks for it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

from agent.core.chain import Row
from agent.core.homeassistant import picture_topic
from agent.core.wire import Topics
from agent.journal import Journal

BYTES_MAX = 256 * 1024  # a larger one is a file and no picture for a dashboard
LOOK_BACK = 20_000  # rows: an older picture is none of the present


class Picture(NamedTuple):
    """What is to be published, retained. seq: of its row."""

    seq: int
    camera: str
    topic: str
    payload: bytes


class Pictures:
    """Of each camera only the newest waits. One thread."""

    def __init__(self, journal: Journal, topics: Topics, data: Path) -> None:
        self._journal = journal
        self._topics = topics
        self._data = data
        self._seen = max(0, journal.head()[0] - LOOK_BACK)
        self._waiting: dict[str, Row] = {}

    def next(self) -> Picture | None:
        """One that is to be shown; a file that is gone or too large is passed over."""
        while rows := self._journal.read(self._seen, kinds=("snapshot.ready",)):
            self._waiting |= {row.source: row for row in rows}
            self._seen = rows[-1].seq
        for camera, row in list(self._waiting.items()):
            if (payload := self._payload(row)) is not None:
                return Picture(row.seq, camera, picture_topic(self._topics, camera), payload)
            del self._waiting[camera]
        return None

    def shown(self, picture: Picture) -> None:
        """The broker has it."""
        if self._waiting[picture.camera].seq == picture.seq:
            del self._waiting[picture.camera]

    def _payload(self, row: Row) -> bytes | None:
        values = row.values()
        with contextlib.suppress(OSError):
            if int(str(values["bytes"])) <= BYTES_MAX:
                with (self._data / str(values["path"])).open("rb") as file:
                    return file.read(BYTES_MAX)
        return None
