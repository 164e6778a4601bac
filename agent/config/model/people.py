"""People, and what footage is kept and held by their leave."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from agent.config.model.base import File, Id, PublicKey, Text


class Person(Struct, frozen=True, forbid_unknown_fields=True):
    """[[person]]: somebody whose signature counts here. `standpipe keys new` prints the section to paste."""

    id: Annotated[Id, Meta(description="Who signs; stands in every record of what they did.")]
    role: Annotated[
        Literal["operator", "supervisor", "technician", "auditor"],
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


class Holds(Struct, frozen=True, forbid_unknown_fields=True):
    """[holds]: footage that may not go, and its copies in a place of their own."""

    path: Annotated[
        File, Meta(description="Folder of the copies, best on another disk; empty: holds/ in the data folder.")
    ] = ""
    quota_mb: Annotated[int, Meta(ge=16, le=10_000_000, description="Megabytes that the copies may take.")] = 8192
    review_days: Annotated[
        int, Meta(ge=1, le=3650, description="After so many days somebody must look at a hold again.")
    ] = 90
