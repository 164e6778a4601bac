"""The thread that looks at pictures: small ones of the camera itself, its sub stream, or keyframes of what is recorded.

It runs at low priority, takes what has gathered twice a second, and never holds up recording: when it is behind,
packets are left out and counted. See eye.py for what is decoded, sight.py for what follows from it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av

from agent.core.chain import Stamp
from agent.core.health import Flow
from agent.recorder import grey, memory, pictures
from agent.recorder.eye import Eye, picture_of
from agent.recorder.flow import Shown
from agent.recorder.sight import Sight
from agent.recorder.tap import Tap
from hw.ports import Camera

log = logging.getLogger(__name__)
TURN_S, OWN_TURN_S = 0.5, 0.2
FLOW_NS = NEWEST_NS = 10_000_000_000
LOST_NS = 30_000_000_000
KEEP_NS = 600_000_000_000
NICE = 10
SENSIBLE_US = 1_000_000_000_000_000  # 2001
OWN_LOOKS = 60  # good looks, after which the recorder takes a reference by itself where there is none


class Analysis:
    """Looks at `camera`'s own pictures, at the packets of `sub`, or at those of `main`, the stream that is recorded.

    `newest`, `reference`: where those pictures lie; `take_reference` makes one of a frame.
    """

    def __init__(
        self,
        sight: Sight,
        camera: Camera,
        main: Tap,
        sub: Tap | None,
        shown: Shown,
        stamp: Callable[[], Stamp],
        newest: Path,
        reference: Path,
        take_reference: Callable[[Any], None],
    ) -> None:
        self._sight, self._camera, self._main, self._shown, self._stamp = sight, camera, main, shown, stamp
        self._tap = main if sub is None else sub
        self._newest, self._reference, self._take_reference = newest, reference, take_reference
        self._eye = Eye(self._frame, lambda: sight.close_wanted, every=sub is not None)
        self._dropped = 0
        self._refers: int | None = None  # change time of the reference in use
        self._flow = (0, 0, 0)
        self._seen_ns = time.monotonic_ns()
        self._newest_ns = self._kept_ns = 0

    def run(self, stop: threading.Event, tick: Callable[[], None]) -> None:
        """Until stop."""
        grey.prepare_thread()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        self._kept_ns = time.monotonic_ns()
        while not stop.wait(OWN_TURN_S if self._camera.pictures else TURN_S):
            tick()
            self.turn(time.monotonic_ns())
        self._sight.lost()
        self._keep()

    def turn(self, now_ns: int) -> None:
        """Look at what has come, and at the clock."""
        self._refer()
        if self._camera.pictures:
            self._tap.take()
            self._own_picture()
        else:
            self._packets()
        if now_ns - self._seen_ns > LOST_NS:
            self._sight.lost()
        if now_ns - self._flow[0] >= FLOW_NS:
            self._measure(now_ns)
        if now_ns - self._kept_ns >= KEEP_NS:
            self._kept_ns = now_ns
            self._keep()
        self._show()

    def _own_picture(self) -> None:
        picture = self._camera.picture()
        if picture is None:
            return
        self._see(grey.of_picture(picture), picture.mono_ns, None)
        item = self._main.keyframe
        if item is not None and picture.mono_ns - self._newest_ns >= NEWEST_NS:
            self._newest_ns = picture.mono_ns
            frame = picture_of(item)
            if frame is not None:
                self._put_newest(frame)

    def _packets(self) -> None:
        items = self._tap.take()
        if self._tap.dropped != self._dropped:
            self._dropped = self._tap.dropped
            self._eye.skipped()
        for item in items:
            self._eye.see(item)

    def _frame(self, frame: Any, mono_ns: int) -> None:
        self._see(grey.of_frame(frame), mono_ns, frame)
        if mono_ns - self._newest_ns >= NEWEST_NS and not self._eye.is_close:
            self._newest_ns = mono_ns
            self._put_newest(frame)

    def _see(self, picture: Any, mono_ns: int, frame: Any) -> None:
        self._seen_ns = mono_ns
        self._sight.see(picture, mono_ns, frame)
        known = self._refers is not None or self._sight.looks < OWN_LOOKS
        if not (known or self._sight.health.wrong or self._eye.is_close):
            self._refers = 0
            memory.give_back()
            self._take_reference(frame)

    def _put_newest(self, frame: Any) -> None:
        memory.give_back()
        try:
            pictures.put(self._newest, pictures.jpeg(frame, pictures.NEWEST_WIDTH))
        except (OSError, av.FFmpegError, ValueError) as error:  # a full /run costs the page's picture
            log.warning("newest picture: %s", type(error).__name__)

    def _refer(self) -> None:
        """Take the reference up when it is there, or another than before."""
        try:
            changed = self._reference.stat().st_mtime_ns
        except OSError:
            return
        if changed == self._refers:
            return
        self._refers = changed
        frame = pictures.of_file(self._reference)
        self._sight.refer_to(None if frame is None else grey.of_frame(frame))

    def _measure(self, now_ns: int) -> None:
        """Pictures and bits a second, while pictures come."""
        shown = self._shown
        then_ns, frames, received = self._flow
        self._flow = (now_ns, shown.frames, shown.received_bytes)
        seconds = (now_ns - then_ns) / 1e9
        if then_ns and shown.state == "receiving" and shown.frames > frames and seconds < 60:
            fps_milli = round((shown.frames - frames) * 1000 / seconds)
            kbit_s = round((shown.received_bytes - received) * 8 / 1000 / seconds)
            shown.clock_off_ms = self._clock_off_ms()
            self._sight.flow(Flow(now_ns, fps_milli, kbit_s, shown.clock_off_ms))

    def _clock_off_ms(self) -> int | None:
        """The camera's clock less ours, where the stream tells the camera's (RTCP) and ours is set."""
        item, now = self._main.keyframe, self._stamp()
        if item is None or now.clock == "unset" or not item.packet.has_sidedata("prft"):
            return None
        told_us = int.from_bytes(bytes(item.packet.get_sidedata("prft"))[:8], sys.byteorder, signed=True)
        if told_us < SENSIBLE_US:  # since its start, or since 1900: it does not know the time and does not say so
            return None
        return told_us // 1000 - (now.at_ns - (now.mono_ns - item.mono_ns)) // 1_000_000

    def _keep(self) -> None:
        try:
            self._sight.keep()
        except OSError as error:
            log.warning("what is usual cannot be kept: %s", error.strerror)

    def _show(self) -> None:
        sight = self._sight
        self._shown.faults = tuple(sight.health.wrong)
        self._shown.look = None if sight.last is None else sight.last._asdict()
        self._shown.looks = sight.looks
        self._shown.unlooked = self._tap.dropped + self._eye.undecoded
