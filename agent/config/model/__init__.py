"""What a site.toml says, as frozen structs. The words here are the technician's and the contract.

Limits and meaning stand beside their field (msgspec.Meta): `standpipe config schema` prints them for editors.
`extra["words"]` names the sentence of words.py that says what a pattern allows. What needs more than one
field to judge is in rules_of_site.py.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from agent.config.model.base import *
from agent.config.model.board import *
from agent.config.model.cameras import *
from agent.config.model.outputs import *
from agent.config.model.people import *
from agent.config.model.points import *
from agent.config.model.pump import *
from agent.config.model.uplink import *


class SiteConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file: one board."""

    site: Site
    board: Board = Board()
    point: Annotated[list[Point], Meta(max_length=256)] = []
    pump: Annotated[list[Pump], Meta(max_length=64)] = []
    test_window: Annotated[list[PumpWindow], Meta(max_length=64)] = []
    analog: Annotated[list[Analog], Meta(max_length=64)] = []
    relay: Annotated[list[Relay], Meta(max_length=128)] = []
    camera: Annotated[list[Camera], Meta(max_length=64)] = []
    rule: Annotated[list[Rule], Meta(max_length=256)] = []
    contact: Annotated[list[Contact], Meta(max_length=64)] = []
    arming: Annotated[list[Arming], Meta(max_length=64)] = []
    drill: Drill = Drill()
    person: Annotated[list[Person], Meta(max_length=256)] = []
    retention: Retention = Retention()
    holds: Holds = Holds()
    scrub: Scrub = Scrub()
    viewing: Viewing = Viewing()
    backup: Backup = Backup()
    uplink: Uplink | UnsetType = UNSET
