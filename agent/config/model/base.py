"""Kinds of words that several sections use: ids, pins, times of day, keys."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

ID_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"

Id = Annotated[str, Meta(pattern=ID_PATTERN, description="a-z 0-9 - , at most 40", extra={"words": "id"})]
Pin = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=40,
        description='A line name or number: "GPIO17", 17, "BOARD11" (physical pin), or the name of a gpiochip line.',
        extra={"number_too": True},
    ),
]
Text = Annotated[str, Meta(max_length=200)]
File = Annotated[str, Meta(max_length=500)]
SignalClass = Literal["alarm", "supervisory", "trouble", "status"]
PublicKey = Annotated[
    str,
    Meta(
        pattern=r"^ed25519:[A-Za-z0-9+/]{43}=$",
        max_length=60,
        description="The person's public key, as `standpipe keys new` prints it.",
        extra={"words": "public-key"},
    ),
]
Press = Literal["acknowledge", "silence", "reset"]
DayTime = Annotated[
    str,
    Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        max_length=5,
        description='Local time of day, "22:30".',
        extra={"words": "day-time"},
    ),
]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Keep = Annotated[
    str,
    Meta(pattern=r"^[1-9][0-9]{0,3} (day|days|month|months)$", extra={"words": "keep"}),
]
