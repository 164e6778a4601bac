"""People, and what footage is kept and held by their leave."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from agent.config.model.base import File, Id, Keep, PublicKey, Text

HELD_ON = ("pump.demand", "pump.fail_to_start", "pump.stopped_on_demand", "smoke.detected", "incident.*")


class Person(Struct, frozen=True, forbid_unknown_fields=True):
    """[[person]]: somebody whose signature counts here. `standpipe keys new` prints the section to paste."""

    id: Annotated[Id, Meta(description="Who signs; stands in every record of what they did.")]
    role: Annotated[
        Literal[
            "operator",
            "shift-leader",
            "supervisor",
            "manager",
            "safety-officer",
            "safety-office",
            "technician",
            "it-admin",
            "electrician",
            "auditor",
        ],
        Meta(description="What they may sign: acknowledge, silence, reset, clip, hold, approvals."),
    ]
    key: PublicKey
    old_key: (
        Annotated[PublicKey, Meta(description="After `keys rotate`: still believed, until it is taken out here.")]
        | UnsetType
    ) = UNSET
    name: Annotated[Text, Meta(description="Their name, for people.")] = ""


class Retention(Struct, frozen=True, forbid_unknown_fields=True):
    """[retention]: room that footage must leave free. Nothing goes for its age before a standing policy is signed."""

    reserve_mb: Annotated[int, Meta(ge=16, le=1_000_000, description="Megabytes of the data disk kept free.")] = 512
    room_mb: Annotated[
        int, Meta(ge=16, le=1_000_000, description="Footage past its `keep` goes until so much more than that is free.")
    ] = 1024
    rows: Annotated[Keep, Meta(description="How long the journal keeps what is neither register nor audit.")] = (
        "6 months"
    )
    registers: Annotated[
        Keep, Meta(description="How long it keeps registers: alarms, pump runs, visits, drills, gaps of footage.")
    ] = "60 months"
    audit: Annotated[
        Keep, Meta(description="How long it keeps who did what: approvals, viewings, deletions, holds, commands.")
    ] = "60 months"
    clips: Annotated[
        Keep, Meta(description="How long a clip stays after it was cut; one that waits to be sent stays until it is.")
    ] = "1 month"


class Holds(Struct, frozen=True, forbid_unknown_fields=True):
    """[holds]: footage that may not go, and its copies in a place of their own."""

    path: Annotated[
        File, Meta(description="Folder of the copies, best on another disk; empty: holds/ in the data folder.")
    ] = ""
    quota_mb: Annotated[int, Meta(ge=16, le=10_000_000, description="Megabytes that the copies may take.")] = 8192
    review_days: Annotated[
        int, Meta(ge=1, le=3650, description="After so many days somebody must look at a hold again.")
    ] = 90
    on: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=80)]],
        Meta(max_length=64, description='Events whose footage is held by itself: kinds, or families like "pump.*".'),
    ] = field(default_factory=lambda: list(HELD_ON))
    cameras: Annotated[list[Id], Meta(max_length=64, description="Of these cameras; empty: of all.")] = []
    before_s: Annotated[int, Meta(ge=0, le=3600, description="So much before such an event.")] = 60
    after_s: Annotated[int, Meta(ge=1, le=3600, description="So much after it.")] = 300


class Viewing(Struct, frozen=True, forbid_unknown_fields=True):
    """[viewing]: who may let people look at recorded footage. Each viewing needs a grant, and is a row."""

    granted_by: Annotated[
        list[Literal["manager", "supervisor", "safety-office"]],
        Meta(min_length=1, max_length=3, description="Roles whose signature makes a grant: standpipe grant ask."),
    ] = field(default_factory=lambda: ["manager"])


class Backup(Struct, frozen=True, forbid_unknown_fields=True):
    """[backup]: copies of journal, index of footage and this file; nothing leaves the journal before it is in one."""

    path: Annotated[File, Meta(description="Folder of the copies, on another disk; empty: none are made.")] = ""
    every_h: Annotated[int, Meta(ge=1, le=168, description="A copy so often at least; an older one is trouble.")] = 24
    copies: Annotated[int, Meta(ge=2, le=366, description="So many are kept; the oldest goes with each new one.")] = 7
    restore_test_days: Annotated[
        int, Meta(ge=1, le=366, description="So often the newest is unpacked and used as a board would use it.")
    ] = 30
