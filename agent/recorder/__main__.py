"""The recorder process of one camera: composes its threads."""

from __future__ import annotations

import argparse
import contextlib
import functools
import logging
import os
import random
import threading
from collections.abc import Callable
from typing import TypeVar

from msgspec import UNSET

from agent import __version__
from agent.config import ConfigError, SiteConfig, load_or_kept
from agent.config.model import Camera as CameraConfig
from agent.core.backoff import MINUTES, Backoff
from agent.core.chain import Stamp
from agent.core.events import ProcessStarted, ProcessStopping
from agent.core.retention import stops_at
from agent.footage.errors import FootageError
from agent.footage.index import MediaIndex
from agent.footage.volume import MIB, Volume
from agent.journal import Bell, Journal, JournalError
from agent.recorder import memory, view
from agent.recorder.areas import corners_of
from agent.recorder.books import Books, Job
from agent.recorder.camera import CameraLoop
from agent.recorder.clips import ClipLoop
from agent.recorder.disk import DiskLoop
from agent.recorder.flow import FragmentQueue, Shown
from agent.recorder.history import History, look_back, named_faults, told_of
from agent.recorder.notes import Notes
from agent.recorder.stills import Stills
from agent.recorder.sub import SUB_STREAM, SubLoop
from agent.recorder.tap import Tap
from agent.runtime import process
from agent.runtime.clock import boot_id
from agent.runtime.paths import Paths
from agent.runtime.secrets import Secrets
from agent.runtime.workers import Workers
from hw.cameras import open_camera
from hw.ports import Camera, HardwareError

log = logging.getLogger(__name__)
T = TypeVar("T")

AGAIN_FIRST_S, AGAIN_MOST_S = 0.5, 30.0
CAMERA_LIMIT_S = 45  # two looks at a stream of 2 x 5 s each, and a slow name server; then the process is ended
DISK_LIMIT_S = 60  # a worn SD card may hold an fdatasync for long; nothing is lost meanwhile but what the queue drops


class NoSuchCamera(Exception):  # noqa: N818 - the caller's mistake
    """--camera names none of site.toml."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--camera", required=True, metavar="ID", help="the camera's id in site.toml")


def run(args: argparse.Namespace, paths: Paths) -> int:
    """Ready at once, whether or not the camera answers."""
    site, mistake = load_or_kept(paths.site, paths.data)
    if mistake:
        log.warning("%s", mistake)
    config = next((camera for camera in site.camera if camera.id == args.camera), None)
    if config is None:
        known = ", ".join(camera.id for camera in site.camera) or "none"
        raise NoSuchCamera(f"{paths.site}: no camera {args.camera!r} there (known: {known})")
    source = f"recorder@{config.id}"
    recorder = Recorder(paths, site, config, source, process.clock(args).stamp)
    if recorder.looks:
        from agent.recorder import looking  # noqa: F401 - cv2 and numpy: 50 MiB that a recorder without does not pay

        memory.keep_smaller()
    memory.let_go_of_start()  # before threads start, with all that they will need imported
    return _record(recorder, recorder.camera_of(config.source))


class Recorder:
    """What the threads of one recorder share."""

    def __init__(
        self, paths: Paths, site: SiteConfig, config: CameraConfig, source: str, stamp: Callable[[], Stamp]
    ) -> None:
        self.paths = paths
        self.config = config
        self.timezone = site.site.timezone
        self.source = source
        self.stamp = stamp
        priorities = (camera.priority for camera in site.camera)
        self.reserve_bytes = stops_at(site.retention.reserve_mb * MIB, config.priority, priorities)
        self.queue = FragmentQueue()
        self.shown = Shown()
        self.notes = Notes(source, stamp, self.journal)
        self.disk_done = threading.Event()

    @property
    def looks(self) -> bool:
        """Whether pictures are looked at."""
        return self.config.health.watch or self.config.motion is not UNSET

    def camera_of(self, source: str) -> Camera:
        """A camera of this address, not yet connected; the sub stream is reached with the same credentials."""
        config = self.config
        credentials = Secrets.load(self.paths.secrets).credentials(config.id)
        more: dict[str, object] = {"stall_s": config.stall_s, "label": config.id, "transport": config.transport}
        if config.mask and config.mask_by != "camera" and source == config.source:
            more |= {
                "masks": [corners_of(mask.corners) for mask in config.mask],
                "encode": config.mask_by == "re-encode",
            }
        return open_camera(source, credentials=credentials, **more)  # type: ignore[arg-type]

    def journal(self) -> Journal:
        """The journal, opened for the thread that asks."""
        return Journal.open(self.paths.journal, self.paths.bell, self.stamp)

    def asked(self, question: Callable[[Journal], T], otherwise: T) -> T:
        """What the journal answers; `otherwise` if it cannot be read, which keeps no camera from recording."""
        try:
            with contextlib.closing(self.journal()) as journal:
                return question(journal)
        except JournalError:
            return otherwise

    def history(self) -> History:
        """What the journal says of the last run."""
        return self.asked(
            lambda journal: look_back(journal, self.config.id, self.source, boot_id()),
            History("recorder started", None),
        )


def _record(recorder: Recorder, camera: Camera) -> int:
    workers = Workers(recorder.source)
    history = recorder.history()
    stop, notes, shown = workers.stop, recorder.notes, recorder.shown
    job = Job(recorder.config.id, recorder.source, recorder.paths.footage, recorder.config.segment_s, history.cause)
    volume = Volume(recorder.paths.footage, recorder.paths.data, recorder.reserve_bytes)
    books = Books(job, MediaIndex(recorder.paths.media), notes.add)
    disk = DiskLoop(job, books, volume, recorder.queue, shown, notes.add, recorder.stamp)
    backoff = Backoff(AGAIN_FIRST_S, AGAIN_MOST_S, random.random, MINUTES)
    tap = Tap(keep_all=recorder.config.health.watch and recorder.config.sub is UNSET)
    loop = CameraLoop(
        job.camera, camera, recorder.queue, shown, notes.add, recorder.stamp, backoff, history.lost_since, tap
    )
    stills = Stills(job.camera, recorder.paths.data, tap, shown, recorder.stamp)
    clips = ClipLoop(
        job.camera,
        recorder.paths.data,
        MediaIndex(recorder.paths.media),
        Bell(recorder.paths.bell),
        recorder.journal,
        recorder.stamp,
        shown,
        notes.add,
        {"snapshot.requested": stills.snapshot, "camera.reference_requested": stills.reference},
    )
    notes.add(ProcessStarted(source=recorder.source, version=__version__, pid=os.getpid()))

    def write_footage(tick: Callable[[], None]) -> None:
        try:
            disk.run(stop.is_set, tick)
            notes.add(ProcessStopping(source=recorder.source, pid=os.getpid()))
        finally:
            recorder.disk_done.set()
            notes.wake()

    workers.start("disk", write_footage, limit_s=DISK_LIMIT_S)
    workers.start("camera", functools.partial(loop.run, stop), limit_s=CAMERA_LIMIT_S)
    workers.start("clips", functools.partial(clips.run, stop.is_set), limit_s=DISK_LIMIT_S)
    workers.start("notes", functools.partial(notes.run, recorder.disk_done.is_set), limit_s=DISK_LIMIT_S)
    if recorder.looks:
        _look(workers, recorder, camera, tap, stills)
    looked_at = view.View(shown, recorder.queue)
    workers.start("status", functools.partial(view.run, recorder.paths, recorder.source, looked_at, stop))
    return workers.run()


def _look(workers: Workers, recorder: Recorder, camera: Camera, tap: Tap, stills: Stills) -> None:
    """Start what looks at pictures, and reads the sub stream for it if there is one."""
    from agent.recorder import looking  # see run()

    config, sub_tap = recorder.config, None
    if config.sub is not UNSET:
        sub_tap = Tap(keep_all=True)
        backoff = Backoff(AGAIN_FIRST_S, AGAIN_MOST_S, random.random)
        told = recorder.asked(lambda journal: told_of(journal, config.id, SUB_STREAM), False)
        reached = recorder.camera_of(config.sub)
        sub = SubLoop(config.id, reached, sub_tap, backoff, recorder.shown, recorder.notes.add, told=told)
        workers.start("sub stream", functools.partial(sub.run, workers.stop), limit_s=CAMERA_LIMIT_S)
    standing: list[str] = recorder.asked(lambda journal: named_faults(journal, config.id), [])
    wish = looking.wish_of(config, recorder.timezone, standing)
    look = looking.Looking(
        recorder.paths, wish, camera, tap, sub_tap, recorder.shown, stills, recorder.notes.add, recorder.stamp
    )
    workers.start("pictures", functools.partial(look.run, workers.stop), limit_s=DISK_LIMIT_S)


if __name__ == "__main__":
    memory.keep_small()  # before the first thread, that of logging: a heap of its own would be there for good
    process.main("recorder", run, arguments, errors=(ConfigError, HardwareError, FootageError, NoSuchCamera))
