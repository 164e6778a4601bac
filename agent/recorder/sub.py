"""The sub stream's thread: a second, small stream of the same camera, for looking at only.

That pictures are recorded is the main stream's affair. But while this one is away nothing is looked at, and a camera
that is covered or moved goes unnoticed: if the main stream comes and this does not for a minute, that is a trouble.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from agent.core.backoff import Backoff
from agent.core.events import Event, Signal, TroubleCleared, TroubleRaised
from agent.recorder.flow import Shown
from agent.recorder.tap import Tap
from hw.ports import Camera, HardwareError, NewFormat

log = logging.getLogger(__name__)

SUB_STREAM = "sub stream"  # of a trouble
AWAY_S = 60.0


class SubLoop:
    """Reads `camera` into `tap`, again and again. `told`: an earlier run has said that it is away."""

    def __init__(
        self,
        camera_id: str,
        camera: Camera,
        tap: Tap,
        backoff: Backoff,
        shown: Shown,
        note: Callable[[Event], None],
        *,
        told: bool = False,
    ) -> None:
        self._id, self._camera, self._tap, self._backoff = camera_id, camera, tap, backoff
        self._shown, self._note, self._told = shown, note, told
        self._since_s: float | None = None
        shown.unwatched = told

    def run(self, stop: threading.Event, tick: Callable[[], None]) -> None:
        """Until stop. Every call of the camera ends by itself within its own limits."""
        while not stop.is_set():
            tick()
            try:
                self._read(stop, tick)
            except HardwareError as error:
                log.warning("sub stream: %s", error)
                self._away(str(error))
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
            self._here()

    def _away(self, reason: str) -> None:
        """Told once, if it is away for long while the main stream comes: else the camera is lost, and told so."""
        now_s = time.monotonic()
        if self._since_s is None or self._shown.state != "receiving":
            self._since_s = now_s
        if self._told or now_s - self._since_s < AWAY_S or self._shown.state != "receiving":
            return
        self._told = self._shown.unwatched = True
        detail = f"the sub stream is away, nothing looks at the pictures: {reason}"
        self._note(TroubleRaised(source=self._id, signal=Signal.TROUBLE, what=SUB_STREAM, detail=detail))

    def _here(self) -> None:
        self._since_s = None
        if self._told:
            self._told = self._shown.unwatched = False
            self._note(TroubleCleared(source=self._id, what=SUB_STREAM, detail="it is back"))
