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
    """No footage for more than 10 s, or some cut off or dropped: from / to in UTC and (same boot) length in ms."""

    from_ns: int
    to_ns: int
    gap_ms: int
    cause: str


@kind("footage.gap_explained", lane=Lane.ALARM)
class FootageGapExplained(Event):
    """A person says why footage is missing, from / to (UTC): row `gap` of the journal is its footage.gap."""

    gap: int
    from_ns: int
    to_ns: int
    reason: str
    by: str


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


@kind("footage.disk", lane=Lane.ALARM)
class FootageDisk(Event):
    """The disk that footage lies on is another than was last told (source: footage), or a person took it into use.

    volume: of its marker, before: the one expected until then; device, model, serial: as the kernel says, "" if it
    does not; by, key, sig: the IT administrator, "" where a pass found it; permit: the consent that stood.
    """

    volume: str
    before: str
    device: str
    model: str
    serial: str
    by: str = ""
    key: str = ""
    sig: str = ""
    permit: str = ""


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


@kind("footage.sealed")
class FootageSealed(Event):
    """The root over the segments of a camera's hour (core/merkle.py): what lies on disk can be proven against it.

    hour_ns: where that hour of UTC begins; segments: their numbers, like "12-71"; leaves: how many. A segment is
    sealed once. What came late is sealed by a row of its own: part 2, 3, ..., and before: "EPOCH-SEQ" of part 1.
    """

    hour_ns: int
    segments: str
    leaves: int
    root: str
    part: int
    before: str


@kind("footage.rot", lane=Lane.ALARM)
class FootageRot(Event):
    """A segment is not any more what was recorded: the scrub read it again. Told once for each segment.

    reason: changed / cut short / missing / unreadable / not what was sealed. expected, found: SHA-256, "" if there is
    none; damaged_ms: how much of it does not hold any more, -1 if that cannot be told.
    """

    segment: int
    path: str
    reason: str
    from_ns: int
    to_ns: int
    expected: str
    found: str
    damaged_ms: int


@kind("export.made", lane=Lane.ALARM)
class ExportMade(Event):
    """Footage was handed out: package `export` of these cameras, written before anybody can have it.

    from_ns, to_ns: what was asked for (UTC); segments: camera -> numbers of those that are in it; by: who made it,
    signed: whether with that person's own key; request: the approved grant it was made under, "" if none is asked for;
    digest: SHA-256 of its manifest.
    """

    export: str
    cameras: list[str]
    from_ns: int
    to_ns: int
    segments: dict[str, str]
    files: int
    bytes: int
    receiver: str
    basis: str
    purpose: str
    by: str
    signed: bool
    watermark: str
    request: str
    digest: str


@kind("snapshot.delivered")
class SnapshotDelivered(Event):
    """The far end has confirmed the picture's hash. file: the transfer's id."""

    snapshot: str
    file: str
    sha256: str


@kind("snapshot.given_up", lane=Lane.ALARM)
class SnapshotGivenUp(Event):
    """The picture will not be sent: more waited than the board keeps for sending. Its file stays."""

    snapshot: str
    bytes: int
    reason: str
