"""The camera's and the disk's thread of a recorder in this process, on a camera of the test's, and what they left."""

from __future__ import annotations

import functools
import threading
import time
from pathlib import Path
from typing import Any

from agent.core.backoff import Backoff
from agent.footage.index import MediaIndex
from agent.footage.volume import Volume
from agent.recorder.books import Books, Job
from agent.recorder.camera import CameraLoop
from agent.recorder.disk import DiskLoop
from agent.recorder.flow import FragmentQueue, Shown
from agent.runtime.clock import SystemClock
from hw.ports import Camera


class Taking:
    """Records `camera` under `folder` until end(). An exception in a thread is in `died`."""

    def __init__(self, folder: Path, camera: Camera, *, segment_s: int = 60) -> None:
        self.folder = folder
        self.notes: list[Any] = []
        self.shown = Shown()
        self.died: list[BaseException] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._stop = threading.Event()
        self._queue = FragmentQueue()
        stamp = SystemClock().stamp
        job = Job("yard", "recorder@yard", folder / "footage", segment_s, "recorder started")
        self._index = MediaIndex(folder / "media.db")
        books = Books(job, self._index, self.notes.append)
        volume = Volume(job.footage, folder, 0)
        disk = DiskLoop(job, books, volume, self._queue, self.shown, self.notes.append, stamp)
        backoff = Backoff(0.2, 0.4, lambda: 0.9)
        loop = CameraLoop("yard", camera, self._queue, self.shown, self.notes.append, stamp, backoff)
        runs = (functools.partial(loop.run, self._stop), functools.partial(disk.run, self._stop.is_set))
        self._threads = [threading.Thread(target=self._guarded, args=(run,), daemon=True) for run in runs]
        for thread in self._threads:
            thread.start()

    def _guarded(self, run: Any) -> None:
        try:
            run(lambda: None)
        except BaseException as error:  # noqa: BLE001 - a test looks at it
            self.died.append(error)

    def end(self, deadline_s: float = 20) -> Taking:
        """Stop and wait; AssertionError if a thread does not."""
        self._stop.set()
        until = time.monotonic() + deadline_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
            assert not thread.is_alive(), f"{thread.name} goes on after {deadline_s} s"
        return self

    @property
    def rows(self) -> list[Any]:
        """Segments of the index."""
        return self._index.segments()

    @property
    def gaps(self) -> list[Any]:
        return self._index.gaps()

    @property
    def files(self) -> list[Path]:
        return [self.folder / "footage" / row.path for row in self.rows]

    def kinds(self) -> list[str]:
        """Kinds of what was noted."""
        return [note.KIND for note in self.notes]

    def close(self) -> None:
        self.end()
        self._index.close()
