"""Measured values (source: the analog input); numbers are thousandths of `unit`."""

from __future__ import annotations

from agent.core.events.base import Event, Lane, kind


@kind("analog.low")
class AnalogLow(Event):
    """Below `limit_milli`."""

    value_milli: int
    limit_milli: int
    unit: str


@kind("analog.high")
class AnalogHigh(Event):
    """Above `limit_milli`."""

    value_milli: int
    limit_milli: int
    unit: str


@kind("analog.normal")
class AnalogNormal(Event):
    """Neither low nor high any more."""

    value_milli: int
    unit: str


@kind("analog.value")
class AnalogValue(Event):
    """What is measured, for the records. why: start / stop of a pump (`of`), or regularly."""

    value_milli: int
    unit: str
    why: str
    of: str = ""


@kind("analog.fault", lane=Lane.ALARM)
class AnalogFault(Event):
    """The current is none that a working transmitter sends. fault: below (< 3.6 mA) / above (> 21 mA) / stuck."""

    fault: str
    current_ua: int


@kind("analog.fault_cleared", lane=Lane.ALARM)
class AnalogFaultCleared(Event):
    """The transmitter sends something credible again. was: the fault."""

    was: str
    value_milli: int
    unit: str
