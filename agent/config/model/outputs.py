"""What follows: relays, rules, who is told, arming, drills."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from agent.config.model.base import Day, DayTime, Id, Pin, Text


class Relay(Struct, frozen=True, forbid_unknown_fields=True):
    """[[relay]]: one output."""

    id: Annotated[Id, Meta(description="Name of the relay in rules and events.")]
    pin: Pin
    active: Annotated[Literal["high", "low"], Meta(description="The level that energises the coil.")] = "high"
    rest: Annotated[
        Literal["released", "energised"],
        Meta(description='"energised" makes a fault relay: it drops out when the board dies.'),
    ] = "released"
    max_on_s: (
        Annotated[int, Meta(ge=1, le=86_400, description="Goes back to rest after so long, whatever the rule says.")]
        | UnsetType
    ) = UNSET
    min_on_s: Annotated[int, Meta(ge=0, le=3600, description="Once driven, for at least so long.")] = 0
    silence: Annotated[bool, Meta(description="A sounder, quiet once silenced; a beacon says false.")] = True
    heartbeat_hz: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=10,
                description="The line beats so often a second while the panel is well and nothing drives the relay: a "
                "retriggerable monostable behind it holds a fault relay. Needs rest = energised.",
            ),
        ]
        | UnsetType
    ) = UNSET
    readback: (
        Annotated[Id, Meta(description="Point of a contact of this relay that is active while it is energised.")]
        | UnsetType
    ) = UNSET
    readback_ms: Annotated[
        int, Meta(ge=50, le=10_000, description="The read-back must follow within; else relay.readback_failed.")
    ] = 500


class Clip(Struct, frozen=True, forbid_unknown_fields=True):
    """clip = {...} of a rule: cut this from the footage around the event."""

    cameras: Annotated[list[Id], Meta(min_length=1, max_length=64, description="Cameras by id.")]
    before_s: Annotated[int, Meta(ge=0, le=600, description="Pre-roll: so much before the event.")] = 15
    after_s: Annotated[int, Meta(ge=1, le=600, description="Post-roll: so much after the event.")] = 45
    hold: Annotated[bool, Meta(description="The footage behind it may not be deleted for its age.")] = False


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """[[rule]]: on these events drive these relays until ..., and cut a clip."""

    on: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=80)]],
        Meta(min_length=1, max_length=64, description='Event kinds: "door.held_open", or all of a family: "pump.*".'),
    ]
    drive: Annotated[list[Id], Meta(max_length=64, description="Relays by id.")] = []
    until: Annotated[
        Literal["acknowledged", "restored", "time"], Meta(description='When the relays go back; "time" needs for_s.')
    ] = "acknowledged"
    for_s: Annotated[int, Meta(ge=1, le=86_400, description='With until = "time": for so long.')] | UnsetType = UNSET
    clip: Clip | UnsetType = UNSET
    of: Annotated[
        list[Id],
        Meta(max_length=64, description="Only events of these points, doors, pumps or cameras; empty: of any."),
    ] = []
    tell: Annotated[
        list[Id], Meta(max_length=16, description="Contacts by id, in the order in which they are told.")
    ] = []
    plan: Annotated[Text, Meta(description="What people are to do, or the name of the plan that says so.")] = ""


class Contact(Struct, frozen=True, forbid_unknown_fields=True):
    """[[contact]]: somebody who is told of alarms, by a row; the next one in order if nobody acknowledges in time."""

    id: Annotated[Id, Meta(description="Name of the contact in rules and events.")]
    name: Annotated[Text, Meta(description="For people: who it is.")] = ""
    reach: Annotated[Text, Meta(description="For people: how they are reached.")] = ""
    escalate_after_s: Annotated[
        int, Meta(ge=10, le=86_400, description="An alarm not acknowledged within goes to the next contact.")
    ] = 120


class Arming(Struct, frozen=True, forbid_unknown_fields=True):
    """[[arming]]: hours of the week, in the site's timezone, in which opening a door is forced entry."""

    points: Annotated[list[Id], Meta(min_length=1, max_length=64, description="Doors by id.")]
    until: Annotated[DayTime, Meta(description="End of the hours, local time; before `from`: on the next day.")]
    from_: Annotated[DayTime, Meta(description="Begin of the hours, local time.")] = field(name="from")
    days: Annotated[list[Day], Meta(max_length=7, description="Days on which the hours begin; empty: every day.")] = []


class Drill(Struct, frozen=True, forbid_unknown_fields=True):
    """[drill]: what a drill does beside marking its rows."""

    sounders: Annotated[bool, Meta(description="false: alarms of the drill drive no relay with silence = true.")] = True
