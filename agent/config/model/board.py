"""The site and its board."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from agent.config.model.base import Id, Pin


class Site(Struct, frozen=True, forbid_unknown_fields=True):
    """[site]: who and where this board is."""

    id: Annotated[Id, Meta(description="The site. Part of every MQTT topic: a-z 0-9 - , at most 40.")]
    board: Annotated[Id, Meta(description="This board at the site. Part of every MQTT topic: a-z 0-9 - , at most 40.")]
    timezone: Annotated[
        str, Meta(max_length=64, description='For showing times, such as "Asia/Shanghai". Records are kept in UTC.')
    ] = "UTC"
    language: Annotated[Literal["en", "zh-CN"], Meta(description="Of messages to people at the site.")] = "en"


class Board(Struct, frozen=True, forbid_unknown_fields=True):
    """[board]: how the pins are reached."""

    pins: Annotated[
        str,
        Meta(
            pattern=r"^(gpiod|lgpio|mock|sim:/.+)$",
            max_length=200,
            description='"gpiod" on a real board ("lgpio": a Raspberry Pi by another library), '
            '"sim:/PATH" for the simulator\'s socket, "mock" for nothing at all.',
            extra={"words": "pins"},
        ),
    ] = "gpiod"
    adc: Annotated[
        list[Pin],
        Meta(
            max_length=8,
            description="Select lines of MCP3008 converters on the SPI of the header (GPIO9, 10, 11), such as "
            '["GPIO8"]: the channels of the first are the pins "ADC0.0" to "ADC0.7".',
        ),
    ] = []
