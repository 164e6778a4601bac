"""What is read: contacts, supervised loops, measured values."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from agent.config.model.base import Id, Pin, Press, SignalClass, Text


class Loop(Struct, frozen=True, forbid_unknown_fields=True):
    """supervised = {...} of a point on a converter channel: the resistors of its loop, by which a fault is told."""

    series_ohm: Annotated[int, Meta(ge=100, le=100_000, description="In series with the contact, at its end.")] = 2_200
    parallel_ohm: Annotated[int, Meta(ge=100, le=100_000, description="Across the contact.")] = 8_200
    pull_up_ohm: Annotated[int, Meta(ge=100, le=100_000, description="From the reference to the channel.")] = 10_000
    tolerance_percent: Annotated[
        int, Meta(ge=1, le=30, description="Of the loop's resistance; beyond is neither open nor closed.")
    ] = 10


class Point(Struct, frozen=True, forbid_unknown_fields=True):
    """[[point]]: one input contact."""

    id: Annotated[Id, Meta(description="Name of the point in rules, pumps and events.")]
    pin: Pin
    kind: Annotated[
        Literal["contact", "door", "button", "tamper", "smoke", "flood", "temperature", "humidity"],
        Meta(description="What is wired to it."),
    ] = "contact"
    contact: Annotated[
        Literal["normally-open", "normally-closed"],
        Meta(description="The contact at rest: normally-closed for a door whose contact is closed while it is shut."),
    ] = "normally-open"
    bias: Annotated[Literal["pull-up", "pull-down", "none"], Meta(description="The board's own resistor.")] = "pull-up"
    signal: (
        Annotated[
            SignalClass,
            Meta(
                description="Signal class, in the words of NFPA 72. Default: alarm for tamper and smoke; supervisory "
                "for flood, temperature and humidity; else status."
            ),
        ]
        | UnsetType
    ) = field(name="class", default=UNSET)
    name: Annotated[Text, Meta(description="For people: shown beside the id.")] = ""
    settle_ms: (
        Annotated[
            int,
            Meta(
                ge=10,
                le=10_000,
                description="A change counts once the contact has been still for so long. Default: 100, demand 500.",
            ),
        ]
        | UnsetType
    ) = UNSET
    supervised: Loop = Loop()
    stuck_s: (
        Annotated[int, Meta(ge=1, le=604_800, description="Active for longer is the event point.stuck.")] | UnsetType
    ) = UNSET
    held_open_s: (
        Annotated[int, Meta(ge=5, le=86_400, description="A door open for longer is an event of its own.")] | UnsetType
    ) = UNSET
    entry: Annotated[
        bool, Meta(description="Doors: opened without a visit or shift on record it is the event entry.unregistered.")
    ] = False
    trips: Annotated[
        Literal["high", "low"], Meta(description="Contacts of kind temperature or humidity: too high, or too low.")
    ] = "high"
    press: Annotated[list[Press], Meta(max_length=3, description="What pressing a button does to all alarms.")] = []


class Analog(Struct, frozen=True, forbid_unknown_fields=True):
    """[[analog]]: a measured value, 4 to 20 mA over a shunt. Values are whole thousandths of the unit."""

    id: Annotated[Id, Meta(description="Name of the value in pumps and events.")]
    pin: Annotated[Pin, Meta(description='A channel of a converter, such as "ADC0.5".')]
    name: Annotated[Text, Meta(description="For people: shown beside the id.")] = ""
    unit: Annotated[str, Meta(max_length=16, description='Of the value: "bar", "m", "%".')] = ""
    zero_milli: Annotated[
        int, Meta(ge=-1_000_000_000, le=1_000_000_000, description="Thousandths of the unit at 4 mA.")
    ] = 0
    full_milli: Annotated[
        int, Meta(ge=-1_000_000_000, le=1_000_000_000, description="Thousandths of the unit at 20 mA.")
    ] = 16_000
    shunt_ohm: Annotated[int, Meta(ge=10, le=1_000, description="The resistor that makes a voltage of it.")] = 150
    reference_mv: Annotated[int, Meta(ge=1_000, le=6_000, description="The converter's reference.")] = 3_300
    low_milli: (
        Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000, description="Below it: analog.low.")] | UnsetType
    ) = UNSET
    high_milli: (
        Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000, description="Above it: analog.high.")] | UnsetType
    ) = UNSET
    hysteresis_milli: Annotated[
        int, Meta(ge=0, le=1_000_000_000, description="So far back inside a limit the value is normal again.")
    ] = 200
    signal: Annotated[SignalClass, Meta(description="Class of analog.low and analog.high.")] = field(
        name="class", default="supervisory"
    )
    settle_ms: Annotated[
        int, Meta(ge=100, le=60_000, description="A limit counts once the value has been beyond it for so long.")
    ] = 1_000
    stuck_s: (
        Annotated[int, Meta(ge=60, le=604_800, description="Not the least change for so long is a fault.")] | UnsetType
    ) = UNSET
    record_s: Annotated[
        int, Meta(ge=0, le=86_400, description="The value is written down so often; 0: only as it matters.")
    ] = 0
