"""The way to the broker."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from agent.config.model.base import DayTime, File


class Hours(Struct, frozen=True, forbid_unknown_fields=True):
    """[[uplink.hours]]: what the link may be used for in a part of the day. Alarms always go, at once."""

    until: Annotated[DayTime, Meta(description="End of the part, local time; before `from`: on the next day.")]
    from_: Annotated[DayTime, Meta(description="Begin of the part, local time.")] = field(name="from")
    kbit_s: (
        Annotated[int, Meta(ge=8, le=10_000_000, description="Backlog and clips together use no more than this.")]
        | UnsetType
    ) = UNSET
    files: Annotated[
        Literal["all", "requested", "none"],
        Meta(description="Clips sent in these hours: all, only those that a person asked for, or none."),
    ] = "all"


class Uplink(Struct, frozen=True, forbid_unknown_fields=True):
    """[uplink]: the central broker. User and password stand in secrets.toml beside site.toml, under the name uplink."""

    broker: Annotated[
        str,
        Meta(
            pattern=r"^mqtts?://[^/@\s]+$",
            max_length=300,
            description="mqtts://HOST:PORT (TLS), or mqtt://HOST:PORT inside one's own network.",
            extra={"words": "broker"},
        ),
    ]
    ca: Annotated[File, Meta(description="File of the authority that signed the broker's certificate.")] = ""
    cert: Annotated[File, Meta(description="This board's certificate; its name (CN) is site/board.")] = ""
    key: Annotated[File, Meta(description="Key of that certificate.")] = ""
    window: Annotated[int, Meta(ge=1, le=1000, description="Messages under way at once.")] = 100
    chunk_kb: Annotated[int, Meta(ge=4, le=96, description="Size of one piece of a clip; small on thin links.")] = 64
    keepalive_s: Annotated[int, Meta(ge=5, le=600, description="A silent broker is missed after this and a half.")] = 30
    alarm_mb: Annotated[
        int, Meta(ge=1, le=100_000, description="Alarm rows kept for sending; beyond, the least urgent are given up.")
    ] = 256
    status_mb: Annotated[
        int, Meta(ge=1, le=100_000, description="Status rows kept for sending; beyond, the oldest are given up.")
    ] = 512
    files_mb: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Clips kept for sending; beyond, the oldest are given up, held last.")
    ] = 8192
    metered: Annotated[
        bool, Meta(description="Every byte is paid for: of clips only those that a person asked for are sent.")
    ] = False
    file_prefix: Annotated[
        Literal["", "$file-async"],
        Meta(description='"$file-async" on an EMQX broker, which then stores the clips itself; else empty.'),
    ] = ""
    home_assistant: Annotated[bool, Meta(description="Tell Home Assistant on this broker what the board has.")] = True
    hours: Annotated[list[Hours], Meta(max_length=24)] = []
