"""The sub stream's thread: a second, small stream of the same camera, for looking at only. Its loss is nobody's alarm.

While it is away nothing is looked at; that pictures are recorded is the main stream's affair.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from agent.core.backoff import Backoff
from agent.recorder.tap import Tap
from hw.ports import Camera, HardwareError, NewFormat

log = logging.getLogger(__name__)


class SubLoop:
    """Reads `camera` into `tap`, again and again."""

    def __init__(self, camera: Camera, tap: Tap, backoff: Backoff) -> None:
        self._camera, self._tap, self._backoff = camera, tap, backoff

    def run(self, stop: threading.Event, tick: Callable[[], None]) -> None:
        """Until stop. Every call of the camera ends by itself within its own limits."""
        while not stop.is_set():
            tick()
            try:
                self._read(stop, tick)
            except HardwareError as error:
                log.warning("sub stream: %s", error)
            finally:
                self._camera.close()
            wait_s = self._backoff.next()
            while wait_s > 0 and not stop.wait(min(1.0, wait_s)):
                wait_s -= 1.0
                tick()

    def _read(self, stop: threading.Event, tick: Callable[[], None]) -> None:
        self._tap.begin(self._camera.open())
        while not stop.is_set():
            tick()
            try:
                found = self._camera.read()
            except NewFormat as turn:
                self._tap.begin(turn.template)
                continue
            if found is None:
                return
            self._tap.offer(*found)
            self._backoff.reset()
