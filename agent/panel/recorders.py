"""Whether the recorders run, by what they say of themselves in /run: one that is stopped, or never came up, is trouble.

The status thread looks; nothing here is the alarm loop's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from agent.core.absence import Absence
from agent.core.alarm import alarm_id
from agent.core.chain import Stamp
from agent.core.events import TroubleCleared, TroubleRaised
from agent.panel.decide import Decider
from agent.runtime import status
from agent.runtime.paths import Paths

WHAT = "recorder"
DETAIL = "recorder@{} has said nothing for a minute, this camera may not be recorded: standpipe status"
SILENT_S = 20  # a status is written every two seconds


class Recorders:
    """Of these cameras. `put` hands work to the alarm loop."""

    def __init__(
        self,
        paths: Paths,
        cameras: Iterable[str],
        decider: Decider,
        put: Callable[[Callable[[Stamp], None]], None],
        now_ns: Callable[[], int],
        absence: Absence | None = None,
    ) -> None:
        self._paths, self._cameras = paths, tuple(cameras)
        self._decider, self._put, self._now_ns = decider, put, now_ns
        self._absence = absence or Absence(self._cameras)

    def look(self) -> None:
        """Once in a while. By their words alone: systemd hides from the panel which processes there are."""
        if not self._cameras:
            return
        told = status.read_all(self._paths)
        ages_s = {camera: told.get(f"recorder@{camera}", {}).get("age_s", SILENT_S) for camera in self._cameras}
        alive = {camera: age_s < SILENT_S for camera, age_s in ages_s.items()}
        for camera, there in self._absence.look(alive, self._now_ns()).items():
            self._put(functools.partial(self._back if there else self._gone, camera))

    def _gone(self, camera: str, now: Stamp) -> None:
        self._decider.say(TroubleRaised(source=camera, what=WHAT, detail=DETAIL.format(camera)), now)

    def _back(self, camera: str, now: Stamp) -> None:
        """Says so where the alarm stands, perhaps of an earlier run of ours."""
        over = TroubleCleared(source=camera, what=WHAT, detail="it runs")
        response = self._decider.response
        latched = response.alarms.latched.get(alarm_id(over))
        if alarm_id(over) in response.muted or (latched is not None and not latched.restored):
            self._decider.say(over, now)
