"""The camera's thread: connect, read, hand on fragments; when the camera is lost say so, and try again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import av

from agent.core.backoff import Backoff
from agent.core.chain import Stamp
from agent.core.clips import since_ns
from agent.core.events import CameraLost, CameraRestored, Event, Signal
from agent.recorder.flow import FragmentQueue, Shown
from agent.recorder.fragments import Fragmenter
from agent.recorder.tap import Tap
from hw.ports import Camera, HardwareError, NewFormat

KEYFRAME_NS = 30_000_000_000  # a camera that sends no keyframe for so long is connected anew: nothing can be kept of it
BATCH_NS = 250_000_000
STEADY_S = 20  # a connection that held for so long is a good one: the next loss is tried again at once


class CameraLoop:
    """Runs one camera. `lost_since` is when it was lost, if it was already when this process started."""

    def __init__(
        self,
        camera_id: str,
        camera: Camera,
        queue: FragmentQueue,
        shown: Shown,
        note: Callable[[Event], None],
        stamp: Callable[[], Stamp],
        backoff: Backoff,
        lost_since: Stamp | None = None,
        tap: Tap | None = None,
    ) -> None:
        self._id = camera_id
        self._camera = camera
        self._queue = queue
        self._shown = shown
        self._note = note
        self._stamp = stamp
        self._backoff = backoff
        self._lost_since = lost_since
        self._tap = tap or Tap()
        self._runs = 0
        self._keyframe_by_ns = 0

    def run(self, stop: threading.Event, tick: Callable[[], None]) -> None:
        """Until stop is set. Every call of the camera ends by itself within its own limits."""
        try:
            while not stop.is_set():
                tick()
                began = time.monotonic()
                try:
                    self._one_run(stop, tick)
                except HardwareError as error:
                    self._lost(str(error))
                    self._pause(stop, tick, steady=time.monotonic() - began > STEADY_S)
        finally:
            self._queue.close()

    def _one_run(self, stop: threading.Event, tick: Callable[[], None]) -> None:
        """One connection, from open to its end. HardwareError when the camera is lost."""
        self._shown.state = "connecting" if self._lost_since is None else "lost"
        try:
            template = self._camera.open()
            self._shown.about = self._camera.about
            frames = self._shown.frames
            while template is not None:
                template = self._one_format(template, stop, tick)
            if self._shown.frames == frames:
                raise HardwareError(f"{self._id}: there is no picture in it")
        finally:
            self._camera.close()

    def _one_format(self, template: Any, stop: threading.Event, tick: Callable[[], None]) -> Any:
        """Pictures of one size and codec, up to the end (None) or the next template. HardwareError: the camera is lost.

        Whatever comes in another format begins a segment of its own, for a track has one.
        """
        cause = "recorder stopped"
        fragmenter: Fragmenter | None = None
        try:
            self._runs += 1
            fragmenter = self._fragmenter(template)
            self._tap.begin(template)
            self._read(fragmenter, stop, tick)
            cause = cause if stop.is_set() else ""
        except NewFormat as turn:
            cause = "the picture format changed"
            return turn.template
        except HardwareError as error:
            cause = f"camera lost: {error}"
            raise
        finally:
            if fragmenter is not None:
                self._finish(fragmenter)
                self._queue.end_run(cause)
        return None

    def _fragmenter(self, template: Any) -> Fragmenter:
        try:
            return Fragmenter(template, self._runs, self._stamp)
        except (av.FFmpegError, ValueError) as error:
            why = f"its codec {template.codec_context.name} cannot be kept in MP4: set it to H.264 or H.265"
            raise HardwareError(f"{self._id}: {why}") from error

    def _read(self, fragmenter: Fragmenter, stop: threading.Event, tick: Callable[[], None]) -> None:
        """Packets to fragments until stop, or the regular end of a file.

        Packets are taken a few at a time: Python that runs 25 times a second always finds its caches cold, and so
        takes five times as long. A keyframe, and a packet that completes a fragment, are never kept waiting.
        """
        read = self._camera.read
        batch: list[tuple[Any, int]] = []
        due_ns = 0
        self._keyframe_by_ns = time.monotonic_ns() + KEYFRAME_NS
        try:
            while True:
                found = read()
                if found is None:
                    return
                batch.append(found)
                if found[1] < due_ns and not found[0].is_keyframe:
                    continue
                taken, batch = batch, []
                self._take(fragmenter, taken)
                tick()
                if stop.is_set():
                    return
                due_ns = min(found[1] + BATCH_NS, fragmenter.due_ns)
        finally:
            self._take(fragmenter, batch)

    def _take(self, fragmenter: Fragmenter, batch: list[tuple[Any, int]]) -> None:
        """Make fragments of a few packets. HardwareError when they cannot be kept, or no keyframe ever comes."""
        if not batch:
            return
        shown = self._shown
        if shown.state != "receiving":
            self._restored()
        shown.frames += len(batch)
        shown.last_packet_ns = batch[-1][1]
        try:
            for packet, mono_ns in batch:
                shown.received_bytes += packet.size
                if packet.is_keyframe:
                    self._keyframe_by_ns = mono_ns + KEYFRAME_NS
                for fragment in fragmenter.add(packet, mono_ns):
                    self._queue.put(fragment)
                self._tap.offer(packet, mono_ns)
        except av.FFmpegError as error:
            raise HardwareError(f"{self._id}: sends what cannot be kept ({type(error).__name__})") from None
        if shown.last_packet_ns > self._keyframe_by_ns:
            raise HardwareError(f"{self._id}: no keyframe for {KEYFRAME_NS // 1_000_000_000} s")

    def _finish(self, fragmenter: Fragmenter) -> None:
        try:
            for fragment in fragmenter.finish():
                self._queue.put(fragment)
        except av.FFmpegError as error:
            raise HardwareError(f"{self._id}: its last second is lost ({type(error).__name__})") from None

    def _lost(self, reason: str) -> None:
        self._shown.state, self._shown.reason = "lost", reason
        if self._lost_since is None:
            self._lost_since = self._stamp()
            self._note(CameraLost(source=self._id, signal=Signal.TROUBLE, reason=reason))

    def _restored(self) -> None:
        self._shown.state, self._shown.reason = "receiving", ""
        since, self._lost_since = self._lost_since, None
        if since is not None:
            lost_ms = max(0, since_ns(self._stamp(), since) // 1_000_000)
            self._note(CameraRestored(source=self._id, signal=Signal.TROUBLE, lost_ms=lost_ms))

    def _pause(self, stop: threading.Event, tick: Callable[[], None], *, steady: bool) -> None:
        if steady:
            self._backoff.reset()
        until = time.monotonic() + self._backoff.next()
        while (left := until - time.monotonic()) > 0 and not stop.wait(min(1.0, left)):
            tick()
