"""Cameras, footage, clips (source: the camera)."""

from __future__ import annotations

from agent.core.events.base import Event, Lane, kind


@kind("camera.lost", lane=Lane.ALARM)
class CameraLost(Event):
    """No packets. reason in words, without credentials."""

    reason: str


@kind("camera.restored", lane=Lane.ALARM)
class CameraRestored(Event):
    """Packets again after `lost_ms`."""

    lost_ms: int


@kind("footage.gap", lane=Lane.ALARM)
class FootageGap(Event):
    """No footage for more than 10 s, or some was cut off: from / to in UTC and (same boot) length in ms."""

    from_ns: int
    to_ns: int
    gap_ms: int
    cause: str


@kind("footage.salvaged")
class FootageSalvaged(Event):
    """A segment that was open when the recorder died: what of it can be played."""

    segment: int
    kept_ms: int
    cut_bytes: int


@kind("footage.stopped", lane=Lane.ALARM)
class FootageStopped(Event):
    """Recording stopped by itself. reason: disk full, read-only, wrong volume, write error."""

    reason: str


@kind("footage.resumed", lane=Lane.ALARM)
class FootageResumed(Event):
    """Recording goes on after `stopped_ms`."""

    stopped_ms: int


@kind("clip.requested", lane=Lane.ALARM)
class ClipRequested(Event):
    """A rule or a person wants `before_s` + `after_s` of `cameras` around `at_ns` (same instant: `at_mono_ns`, `boot`).

    clip: the request's id, lowercase letters, digits and dashes; each camera answers with clip.ready or clip.failed.
    """

    clip: str
    cameras: list[str]
    at_ns: int
    at_mono_ns: int
    boot: str
    before_s: int
    after_s: int
    hold: bool
    cause: str


@kind("clip.ready", lane=Lane.ALARM)
class ClipReady(Event):
    """The clip is on disk (`path` under the data folder), synced. `short_ms` is footage asked for but not there."""

    clip: str
    path: str
    bytes: int
    sha256: str
    from_ns: int
    to_ns: int
    short_ms: int


@kind("clip.failed", lane=Lane.ALARM)
class ClipFailed(Event):
    """The clip could not be made before its deadline, and why."""

    clip: str
    reason: str


@kind("clip.delivered")
class ClipDelivered(Event):
    """The far end has confirmed the clip's hash. file: the transfer's id."""

    clip: str
    file: str
    sha256: str


@kind("clip.given_up", lane=Lane.ALARM)
class ClipGivenUp(Event):
    """The clip will not be sent: more waited than the board keeps for sending. Its file stays until its time is up."""

    clip: str
    bytes: int
    reason: str
