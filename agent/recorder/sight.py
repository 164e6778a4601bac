"""What one camera's pictures say: figures, verdicts, and the rows that follow. One thread; nothing here waits.

Whoever has a picture calls `see`; every ten seconds `flow` is told what came over the wire.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.core.chain import Stamp
from agent.core.events import KINDS, Event, MotionEnded, MotionStarted, Signal
from agent.core.health import Change, Flow, Health, Limits, Look
from agent.core.motion import Begun, Motion, Over, Zone
from agent.recorder import pictures
from agent.recorder.background import Background
from agent.recorder.figures import Figures

Corners = Sequence[Sequence[int]]
HEALTH_NS = 1_900_000_000  # between two looks at the camera's health
MS = 1_000_000


@dataclass(frozen=True)
class Wish:
    """What is asked of one camera. areas: of the zones, in their order; watched: masks that the camera paints."""

    camera: str
    limits: Limits = field(default_factory=Limits)
    zones: Sequence[Zone] = ()
    areas: Sequence[Corners] = ()
    hold_s: int = 10
    night: Callable[[int], bool] = lambda at_ns: False
    masks: Sequence[Corners] = ()
    watched: bool = False
    standing: Sequence[str] = field(default_factory=tuple)  # faults that an earlier run named


Thumb = Callable[[Any, Stamp], str]  # (av.VideoFrame or None, when) -> its path, "" if there is none


class Sight:
    """`note` takes the rows, `thumb` keeps a picture of what moves, `kept` is the file of what is usual."""

    def __init__(
        self, wish: Wish, note: Callable[[Event], None], stamp: Callable[[], Stamp], thumb: Thumb, kept: Path
    ) -> None:
        self._wish, self._note, self._stamp, self._thumb, self._kept = wish, note, stamp, thumb, kept
        self._figures = Figures(wish.masks if wish.watched else (), wish.masks)
        self._background = Background(wish.areas, wish.masks)
        self._motion = Motion(wish.zones, wish.hold_s) if wish.zones else None
        self._id = ""
        self._health_ns = 0
        self.health = Health(wish.limits)
        self.last: Look | None = None
        self.looks = 0
        self._take_up()

    @property
    def close_wanted(self) -> bool:
        """Whether pictures between the keyframes would tell anything new."""
        return self._motion is not None and not self._motion.moving

    def refer_to(self, picture: Any) -> None:
        """The reference, as small grey picture; None: there is none."""
        self._figures.refer_to(picture)

    def see(self, picture: Any, mono_ns: int, frame: Any = None) -> None:
        """The next small grey picture, and the frame it was made of, if there is one."""
        self.looks += 1
        if mono_ns - self._health_ns >= HEALTH_NS:
            self._health_ns = mono_ns
            self.last = self._figures.look(picture, mono_ns)
            self._tell(self.health.look(self.last))
        if self._motion is not None:
            self._moves(self._motion, picture, mono_ns, frame)

    def flow(self, flow: Flow) -> None:
        """What came over the last seconds."""
        self._tell(self.health.flow(flow))

    def lost(self) -> None:
        """No pictures come: what moved is over."""
        over = self._motion.end() if self._motion is not None else None
        if over is not None:
            self._over(over)

    def _moves(self, motion: Motion, picture: Any, mono_ns: int, frame: Any) -> None:
        seen = self._background.look(picture, mono_ns)
        told = motion.look(seen, night=self._wish.night(self._stamp().at_ns))
        if isinstance(told, Over):
            self._over(told)
        elif told is not None:
            self._begun(told, frame)

    def _begun(self, told: Begun, frame: Any) -> None:
        now = self._stamp()
        at = now._replace(at_ns=now.at_ns - (now.mono_ns - told.at_ns), mono_ns=told.at_ns)
        self._id = f"m{at.at_ns // MS}"
        path = self._thumb(frame, at)
        more = {"zones": list(told.zones), "size": told.size, "at_ns": at.at_ns, "picture": path}
        self._note(MotionStarted(source=self._wish.camera, motion=self._id, **more))  # type: ignore[arg-type]

    def _over(self, told: Over) -> None:
        lasted_ms = (told.last_ns - told.begun_ns) // MS
        zones = list(told.zones)
        self._note(
            MotionEnded(source=self._wish.camera, motion=self._id, zones=zones, size=told.size, lasted_ms=lasted_ms)
        )

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            self._note(_row(self._wish.camera, change, self._stamp().mono_ns))

    # --- what is usual, over a restart ---

    def _take_up(self) -> None:
        now_ns = self._stamp().mono_ns
        for fault in self._wish.standing:
            self.health.named(fault, now_ns)
        try:
            kept = json.loads(self._kept.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        if isinstance(kept, dict):
            self.health.usual.take_up(kept)

    def keep(self) -> None:
        """Write down what is usual. OSError when the disk refuses."""
        pictures.put(self._kept, json.dumps(self.health.usual.kept()).encode())


def _row(camera: str, change: Change, now_ns: int) -> Event:
    kind = f"camera.{change.fault}" if change.wrong else f"camera.{change.fault}_cleared"
    values: dict[str, Any] = {"source": camera, "detail": change.figures}
    values["signal"] = Signal.SUPERVISORY if change.fault == "unmasked" else Signal.TROUBLE
    if not change.wrong:
        values["lasted_ms"] = max(0, now_ns - change.since_ns) // MS
    return KINDS[kind](**values)
