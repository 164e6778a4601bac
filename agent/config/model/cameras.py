"""Cameras: source, recording, how long footage is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from agent.config.model.base import DayTime, Id, Text

Corners = Annotated[
    list[
        Annotated[str, Meta(pattern=r"^(100|[0-9]{1,2}), ?(100|[0-9]{1,2})$", max_length=8, extra={"words": "corner"})]
    ],
    Meta(
        min_length=3,
        max_length=32,
        description='Corners of an area, ["across,down", ...] in percent of the picture from its upper left corner.',
    ),
]
Fault = Literal[
    "black", "over_exposed", "covered", "frozen", "blurred", "moved", "unmasked", "slow", "thin", "wrong_time"
]


class Health(Struct, frozen=True, forbid_unknown_fields=True):
    """[camera.health]: is what the camera sends of any use? Pictures are looked at every two seconds."""

    watch: Annotated[bool, Meta(description="false: nothing is decoded, and only a silent camera is noticed.")] = True
    ignore: Annotated[list[Fault], Meta(max_length=10, description="Faults that are none here.")] = []
    least_fps: Annotated[
        int, Meta(ge=0, le=120, description="Fewer pictures a second are a fault; 0: less than 40 % of what is usual.")
    ] = 0
    least_kbit_s: Annotated[
        int, Meta(ge=0, le=100_000, description="Less than that is a fault; 0: less than 4 % of what is usual.")
    ] = 0
    clock_off_s: Annotated[
        int, Meta(ge=1, le=3600, description="The camera's clock may be off by so much, if it tells the time at all.")
    ] = 10
    picture_at: (
        Annotated[DayTime, Meta(description="Each day at this time a picture is kept, and sent to the centre.")]
        | UnsetType
    ) = UNSET


class Motion(Struct, frozen=True, forbid_unknown_fields=True):
    """[camera.motion]: motion.started and motion.ended are told. Not looked for unless this section is there."""

    sensitivity: Annotated[int, Meta(ge=1, le=9, description="By day: 1 takes large things only, 9 the smallest.")] = 5
    night_sensitivity: Annotated[int, Meta(ge=1, le=9, description="By night.")] = 5
    night_from: Annotated[DayTime, Meta(description="Night begins.")] = "20:00"
    night_until: Annotated[DayTime, Meta(description="Night ends.")] = "06:00"
    hold_s: Annotated[int, Meta(ge=3, le=300, description="Motion is over when nothing has moved for so long.")] = 10


class Zone(Struct, frozen=True, forbid_unknown_fields=True):
    """[[camera.zone]]: where motion counts; without any it counts everywhere."""

    id: Id
    corners: Corners
    sensitivity: Annotated[int, Meta(ge=1, le=9, description="Instead of [camera.motion].")] | UnsetType = UNSET
    when: Annotated[Literal["always", "day", "night"], Meta(description="When motion counts here.")] = "always"


class Mask(Struct, frozen=True, forbid_unknown_fields=True):
    """[[camera.mask]]: what must not be seen, nor stored. See mask_by."""

    corners: Corners


class Camera(Struct, frozen=True, forbid_unknown_fields=True):
    """[[camera]]: one camera and what is kept of it."""

    id: Annotated[Id, Meta(description="Name of the camera in rules, clips and secrets.toml.")]
    source: Annotated[
        str,
        Meta(
            min_length=4,
            max_length=500,
            description="rtsp://, rtsps:// or tcp:// address, /dev/v4l/by-path/..., csi:, pipe: COMMAND, file:PATH or "
            "testcard: . User and password never stand here but in secrets.toml (mode 0600) beside this file, under "
            "the camera's id.",
        ),
    ]
    sub: (
        Annotated[
            str,
            Meta(
                min_length=4,
                max_length=500,
                description="A second, small stream of the same camera, looked at instead of the one that is recorded.",
            ),
        ]
        | UnsetType
    ) = UNSET
    transport: Annotated[
        Literal["tcp", "tcp-or-udp", "udp"],
        Meta(description="How RTSP sends: UDP only where the camera or a thin link asks for it, for it loses packets."),
    ] = "tcp"
    purpose: Annotated[Text, Meta(description="Why there is a camera here; kept in the records.")] = ""
    keep: Annotated[
        str,
        Meta(
            pattern=r"^[1-9][0-9]{0,3} (day|days|month|months)$",
            description='How long footage is kept at least: "15 days" (never less), "3 months" (of 28 days and more).',
            extra={"words": "keep"},
        ),
    ] = "31 days"
    keep_at_most: (
        Annotated[
            str,
            Meta(
                pattern=r"^[1-9][0-9]{0,3} (day|days|month|months)$",
                description="Older footage goes even where there is room; without it footage goes for room only.",
                extra={"words": "keep"},
            ),
        ]
        | UnsetType
    ) = UNSET
    priority: Annotated[
        int, Meta(ge=1, le=9, description="When the disk is short, cameras of low priority give way and stop first.")
    ] = 5
    segment_s: Annotated[int, Meta(ge=10, le=600, description="Length of one file of footage.")] = 60
    stall_s: Annotated[int, Meta(ge=2, le=10, description="No picture for so long: connect anew.")] = 8
    health: Health = Health()
    motion: Motion | UnsetType = UNSET
    zone: Annotated[list[Zone], Meta(max_length=16)] = []
    mask: Annotated[list[Mask], Meta(max_length=16)] = []
    mask_by: Annotated[
        Literal["recorder", "re-encode", "camera"],
        Meta(
            description="Who paints the masks: the recorder, where it encodes anyway (testcard:, csi:, raw "
            '/dev/video); "re-encode" decodes and encodes a stream that is copied otherwise, at a price; "camera": its '
            "own mask, and the recorder watches that it stays on."
        ),
    ] = "recorder"


class Scrub(Struct, frozen=True, forbid_unknown_fields=True):
    """[scrub]: all footage is read again from time to time, and compared with the hash it was recorded with."""

    every_days: Annotated[int, Meta(ge=1, le=366, description="A round over all footage begins so often.")] = 30
    mb_per_s: Annotated[
        int, Meta(ge=1, le=1000, description="Megabytes read a second at most, so that recording has the disk.")
    ] = 8
