"""Cameras: source, recording, how long footage is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from agent.config.model.base import Id, Text


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
            description='How long footage is kept at least: "15 days" (never less), "3 months".',
            extra={"words": "keep"},
        ),
    ] = "1 month"
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
