"""Puts together what looks at pictures, from site.toml. Imported where something is looked at: cv2 comes with it."""

from __future__ import annotations

import functools
import threading
import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any

from msgspec import UNSET

from agent.config.model import Camera as CameraConfig
from agent.core.chain import Stamp
from agent.core.events import Event
from agent.core.health import Limits
from agent.core.hours import minutes
from agent.core.motion import Zone, smallest
from agent.footage.index import MediaIndex
from agent.recorder.analysis import Analysis
from agent.recorder.areas import corners_of
from agent.recorder.flow import Shown
from agent.recorder.sight import Sight, Wish
from agent.recorder.stills import Stills, Thumbs, reference_of
from agent.recorder.tap import Tap
from agent.runtime.paths import Paths
from hw.ports import Camera

WHOLE = [[0, 0], [100, 0], [100, 100], [0, 100]]


def wish_of(config: CameraConfig, timezone: str, standing: list[str]) -> Wish:
    """What site.toml asks of this camera. `standing`: faults that an earlier run named."""
    health, masks = config.health, [corners_of(mask.corners) for mask in config.mask]
    limits = Limits(health.least_fps, health.least_kbit_s, health.clock_off_s, frozenset(health.ignore))
    wish = Wish(config.id, limits, masks=masks, watched=config.mask_by == "camera", standing=standing)
    motion = config.motion
    if motion is UNSET:
        return wish
    day, by_night = motion.sensitivity, motion.night_sensitivity
    zones = [_zone(z.id, _or(z.sensitivity, day), _or(z.sensitivity, by_night), z.when) for z in config.zone]
    zones = zones or [_zone("", day, by_night, "always")]
    areas = [corners_of(zone.corners) for zone in config.zone] or [WHOLE]
    begins, ends = minutes(motion.night_from), minutes(motion.night_until)
    night = functools.partial(is_night, zone=_local(timezone), begins_min=begins, ends_min=ends)
    return Wish(config.id, limits, zones, areas, motion.hold_s, night, masks, wish.watched, standing)


def _local(timezone: str) -> tzinfo:
    try:
        return zoneinfo.ZoneInfo(timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # `check` has said so
        return UTC


def _zone(id_: str, by_day: int, by_night: int, when: str) -> Zone:
    return Zone(id_, smallest(by_day, when, night=False), smallest(by_night, when, night=True))


def _or(value: Any, default: int) -> int:
    return default if value is UNSET else int(value)


def is_night(at_ns: int, *, zone: tzinfo, begins_min: int, ends_min: int) -> bool:
    """Whether a moment (UTC) is between these times of the local day."""
    now = datetime.fromtimestamp(at_ns // 1_000_000_000, zone)
    now_min = now.hour * 60 + now.minute
    if begins_min < ends_min:
        return begins_min <= now_min < ends_min
    return now_min >= begins_min or now_min < ends_min


class Looking:
    """One camera's analysis, ready to run."""

    def __init__(
        self,
        paths: Paths,
        wish: Wish,
        camera: Camera,
        main: Tap,
        sub: Tap | None,
        shown: Shown,
        stills: Stills,
        note: Callable[[Event], None],
        stamp: Callable[[], Stamp],
    ) -> None:
        self._stills, self._note = stills, note
        thumbs = Thumbs(stills, paths.footage, MediaIndex(paths.media), shown, wish.camera)
        sight = Sight(wish, note, stamp, thumbs.keep, paths.pictures / wish.camera / "usual.json")
        newest, reference = paths.newest(wish.camera), paths.data / reference_of(wish.camera)
        self._analysis = Analysis(sight, camera, main, sub, shown, stamp, newest, reference, self._take_reference)

    def _take_reference(self, frame: Any) -> None:
        taken = self._stills.take_reference("", frame)
        if taken is not None:
            self._note(taken)

    def run(self, stop: threading.Event, tick: Callable[[], None]) -> None:
        """Until stop."""
        self._analysis.run(stop, tick)
