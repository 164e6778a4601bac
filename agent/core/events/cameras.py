"""What is wrong with a camera's pictures, what moves in them, single pictures (source: the camera)."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.core.events.base import Event, Lane, kind


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraFault(Event):
    """A fault is named. detail: the figures it was judged by (core/health.py says what each is)."""

    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraCleared(Event):
    """The fault is gone, `lasted_ms` after it was named. detail: the figures now."""

    lasted_ms: int
    detail: str


@kind("camera.black", lane=Lane.ALARM)
class CameraBlack(CameraFault):
    """Dark, and nothing to be seen."""


@kind("camera.black_cleared", lane=Lane.ALARM)
class CameraBlackCleared(CameraCleared):
    """There is something to be seen again."""


@kind("camera.over_exposed", lane=Lane.ALARM)
class CameraOverExposed(CameraFault):
    """Most of the picture is white."""


@kind("camera.over_exposed_cleared", lane=Lane.ALARM)
class CameraOverExposedCleared(CameraCleared):
    """The picture is no longer white."""


@kind("camera.covered", lane=Lane.ALARM)
class CameraCovered(CameraFault):
    """Neither dark nor white, and yet nothing to be seen: something is before the lens, or on it."""


@kind("camera.covered_cleared", lane=Lane.ALARM)
class CameraCoveredCleared(CameraCleared):
    """There is something to be seen again."""


@kind("camera.frozen", lane=Lane.ALARM)
class CameraFrozen(CameraFault):
    """Pictures come, and it is always the same one: not even a sensor's noise moves."""


@kind("camera.frozen_cleared", lane=Lane.ALARM)
class CameraFrozenCleared(CameraCleared):
    """The pictures differ again."""


@kind("camera.blurred", lane=Lane.ALARM)
class CameraBlurred(CameraFault):
    """Much less sharp than this camera's pictures of like brightness are."""


@kind("camera.blurred_cleared", lane=Lane.ALARM)
class CameraBlurredCleared(CameraCleared):
    """As sharp again as is usual."""


@kind("camera.moved", lane=Lane.ALARM)
class CameraMoved(CameraFault):
    """It looks elsewhere than in its reference picture."""


@kind("camera.moved_cleared", lane=Lane.ALARM)
class CameraMovedCleared(CameraCleared):
    """It looks where its reference picture shows, or there is a new reference."""


@kind("camera.unmasked", lane=Lane.ALARM)
class CameraUnmasked(CameraFault):
    """The camera's own privacy mask is off: what must be constant there is not."""


@kind("camera.unmasked_cleared", lane=Lane.ALARM)
class CameraUnmaskedCleared(CameraCleared):
    """The camera masks again."""


@kind("camera.slow", lane=Lane.ALARM)
class CameraSlow(CameraFault):
    """Too few pictures a second."""


@kind("camera.slow_cleared", lane=Lane.ALARM)
class CameraSlowCleared(CameraCleared):
    """As many pictures a second again as there should be."""


@kind("camera.thin", lane=Lane.ALARM)
class CameraThin(CameraFault):
    """Too few bits a second for pictures of any use."""


@kind("camera.thin_cleared", lane=Lane.ALARM)
class CameraThinCleared(CameraCleared):
    """As many bits a second again as there should be."""


@kind("camera.wrong_time", lane=Lane.ALARM)
class CameraWrongTime(CameraFault):
    """The camera's clock, as it tells it in its stream, is off ours by more than is allowed."""


@kind("camera.wrong_time_cleared", lane=Lane.ALARM)
class CameraWrongTimeCleared(CameraCleared):
    """The camera's clock is right again."""


@kind("camera.reference_requested")
class ReferenceRequested(Event):
    """A person says that the camera stands right: its next picture is what it shall go on looking at.

    cause: "person:" and the account at the board; use, at, present: as of snapshot.requested.
    """

    by: str
    cause: str = ""
    use: str = ""
    at: str = ""
    present: list[str] = field(default_factory=list)


@kind("camera.reference_taken")
class ReferenceTaken(Event):
    """The reference picture, under the data folder. by: who asked, "" if the recorder took a first one by itself."""

    by: str
    path: str
    sha256: str


@kind("motion.started")
class MotionStarted(Event):
    """Something moves. motion: an id; zones: where; size: of the picture, in ten-thousandths.

    picture: a thumbnail under the data folder, kept and deleted with the footage around it; "" if there is none.
    """

    motion: str
    zones: list[str]
    size: int
    at_ns: int
    picture: str


@kind("motion.ended")
class MotionEnded(Event):
    """Nothing has moved for a while. zones: all in which something did; size: the largest."""

    motion: str
    zones: list[str]
    size: int
    lasted_ms: int


@kind("snapshot.requested", lane=Lane.ALARM)
class SnapshotRequested(Event):
    """A rule or a person wants one picture, as it is now, of each of `cameras`.

    snapshot: the request's id, lowercase letters, digits and dashes; each camera answers with snapshot.ready or
    snapshot.failed. cause: as of a clip. Of whom a person at the board asks for it, else "": use: look / copy; viewer,
    at: who looks, from where; present: who else looks on.
    """

    snapshot: str
    cameras: list[str]
    cause: str
    use: str = ""
    viewer: str = ""
    at: str = ""
    present: list[str] = field(default_factory=list)


@kind("snapshot.ready", lane=Lane.ALARM)
class SnapshotReady(Event):
    """The picture lies at `path` under the data folder: a JPEG of the keyframe of `at_ns`. cause: as asked for."""

    snapshot: str
    path: str
    bytes: int
    sha256: str
    at_ns: int
    cause: str


@kind("snapshot.failed", lane=Lane.ALARM)
class SnapshotFailed(Event):
    """There is no picture. reason in words."""

    snapshot: str
    reason: str
