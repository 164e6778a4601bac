"""What a site.toml says, as frozen structs. The words here are the technician's and the contract.

Limits stand beside their field (msgspec.Meta); what needs more than one field to judge is in `rules_of_site.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

Id = Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$", description="a-z 0-9 - , at most 40")]
Pin = Annotated[str, Meta(min_length=1, max_length=40)]
SignalClass = Literal["alarm", "supervisory", "trouble", "status"]


class Site(Struct, frozen=True, forbid_unknown_fields=True):
    """[site]: who and where this board is."""

    id: Id
    board: Id
    timezone: str = "UTC"
    language: Literal["en", "zh-CN"] = "en"


class Board(Struct, frozen=True, forbid_unknown_fields=True):
    """[board]: how the pins are reached."""

    pins: Annotated[str, Meta(pattern=r"^(lgpio|mock|sim:/.+)$")] = "lgpio"


class Point(Struct, frozen=True, forbid_unknown_fields=True):
    """[[point]]: one input contact."""

    id: Id
    pin: Pin
    kind: Literal["contact", "door", "button"] = "contact"
    contact: Literal["normally-open", "normally-closed"] = "normally-open"
    bias: Literal["pull-up", "pull-down", "none"] = "pull-up"
    signal: SignalClass = field(name="class", default="status")
    name: str = ""
    settle_ms: Annotated[int, Meta(ge=10, le=10_000)] = 100
    held_open_s: Annotated[int, Meta(ge=5, le=86_400)] | UnsetType = UNSET
    press: list[Literal["acknowledge", "silence", "reset"]] = []


class Pump(Struct, frozen=True, forbid_unknown_fields=True):
    """[[pump]]: a fire pump, made of points by id. What is not wired is left out."""

    id: Id
    running: Id
    demand: Id | UnsetType = UNSET
    auto: Id | UnsetType = UNSET
    driver: Literal["electric", "diesel"] = "electric"
    rated_kw: Annotated[int, Meta(ge=1, le=2000)] | UnsetType = UNSET
    fail_to_start_s: Annotated[int, Meta(ge=1, le=120)] = 30
    unexpected_run_s: Annotated[int, Meta(ge=1, le=600)] = 5
    not_in_auto_s: Annotated[int, Meta(ge=1, le=3600)] = 10


class Relay(Struct, frozen=True, forbid_unknown_fields=True):
    """[[relay]]: one output."""

    id: Id
    pin: Pin
    active: Literal["high", "low"] = "high"
    rest: Literal["released", "energised"] = "released"
    max_on_s: Annotated[int, Meta(ge=1, le=86_400)] | UnsetType = UNSET
    silence: bool = True  # a sounder: `silence` quiets it; a beacon says false


class Camera(Struct, frozen=True, forbid_unknown_fields=True):
    """[[camera]]: one camera and what is kept of it."""

    id: Id
    source: Annotated[str, Meta(min_length=4, max_length=500)]
    purpose: str = ""
    keep: Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,3} (day|days|month|months)$")] = "1 month"
    segment_s: Annotated[int, Meta(ge=10, le=600)] = 60
    stall_s: Annotated[int, Meta(ge=2, le=10)] = 8


class Clip(Struct, frozen=True, forbid_unknown_fields=True):
    """clip = {...} of a rule: cut this from the footage around the event."""

    cameras: list[Id]
    before_s: Annotated[int, Meta(ge=0, le=600)] = 15
    after_s: Annotated[int, Meta(ge=1, le=600)] = 45
    hold: bool = False


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """[[rule]]: on these events drive these relays until ..., and cut a clip."""

    on: Annotated[list[str], Meta(min_length=1)]
    drive: list[Id] = []
    until: Literal["acknowledged", "restored", "time"] = "acknowledged"
    for_s: Annotated[int, Meta(ge=1, le=86_400)] | UnsetType = UNSET
    clip: Clip | UnsetType = UNSET


class Retention(Struct, frozen=True, forbid_unknown_fields=True):
    """[retention]: room that footage must leave free."""

    reserve_mb: Annotated[int, Meta(ge=16, le=1_000_000)] = 512


class Uplink(Struct, frozen=True, forbid_unknown_fields=True):
    """[uplink]: the central broker. User and password stand in a 0600 file beside site.toml, by the name uplink."""

    broker: Annotated[str, Meta(pattern=r"^mqtts?://[^/@\s]+$")]
    ca: str = ""
    cert: str = ""
    key: str = ""
    window: Annotated[int, Meta(ge=1, le=1000)] = 100
    chunk_kb: Annotated[int, Meta(ge=4, le=96)] = 64
    keepalive_s: Annotated[int, Meta(ge=5, le=600)] = 30


class SiteConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    site: Site
    board: Board = Board()
    point: list[Point] = []
    pump: list[Pump] = []
    relay: list[Relay] = []
    camera: list[Camera] = []
    rule: list[Rule] = []
    retention: Retention = Retention()
    uplink: Uplink | UnsetType = UNSET
