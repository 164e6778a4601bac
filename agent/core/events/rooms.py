"""Rooms (source: the point)."""

from __future__ import annotations

from agent.core.events.base import Event, kind


@kind("tamper.opened")
class TamperOpened(Event):
    """The enclosure was opened. No alarm while a visit of what = work is on record."""

    found: bool = False


@kind("tamper.closed")
class TamperClosed(Event):
    """The enclosure is shut again."""


@kind("smoke.detected")
class SmokeDetected(Event):
    """The detector reports smoke."""

    found: bool = False


@kind("smoke.cleared")
class SmokeCleared(Event):
    """The detector reports no smoke any more."""


@kind("flood.detected")
class FloodDetected(Event):
    """Water where none should be."""

    found: bool = False


@kind("flood.cleared")
class FloodCleared(Event):
    """No water any more."""


@kind("temperature.high")
class TemperatureHigh(Event):
    """Too warm. `reads`: the value with its unit, where one is measured."""

    found: bool = False
    reads: str = ""


@kind("temperature.low")
class TemperatureLow(Event):
    """Too cold: pipes may freeze. `reads`: the value with its unit, where one is measured."""

    found: bool = False
    reads: str = ""


@kind("temperature.normal")
class TemperatureNormal(Event):
    """Neither too warm nor too cold any more."""

    reads: str = ""


@kind("humidity.high")
class HumidityHigh(Event):
    """Too damp. `reads`: the value with its unit, where one is measured."""

    found: bool = False
    reads: str = ""


@kind("humidity.low")
class HumidityLow(Event):
    """Too dry. `reads`: the value with its unit, where one is measured."""

    found: bool = False
    reads: str = ""


@kind("humidity.normal")
class HumidityNormal(Event):
    """Neither too damp nor too dry any more."""

    reads: str = ""
