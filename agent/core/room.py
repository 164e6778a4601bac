"""Sensors of a room: which event each kind of point raises when it trips, and the class that it has of itself.

A sensor has no state here: a contact's level, or the bands of a measured value, say how it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from agent.core.events import (
    Event,
    FloodCleared,
    FloodDetected,
    HumidityHigh,
    HumidityLow,
    HumidityNormal,
    Signal,
    SmokeCleared,
    SmokeDetected,
    TamperClosed,
    TamperOpened,
    TemperatureHigh,
    TemperatureLow,
    TemperatureNormal,
)


class Reads(StrEnum):
    """How a sensor stands. A contact that only trips is HIGH when it does."""

    NORMAL = "normal"
    HIGH = "high"
    LOW = "low"


class Sensor(NamedTuple):
    """What a kind of point says. low: None where there is no such thing."""

    high: type[Event]
    low: type[Event] | None
    normal: type[Event]
    signal: Signal
    measured: bool = False


SENSORS: Mapping[str, Sensor] = {
    "tamper": Sensor(TamperOpened, None, TamperClosed, Signal.ALARM),
    "smoke": Sensor(SmokeDetected, None, SmokeCleared, Signal.ALARM),
    "flood": Sensor(FloodDetected, None, FloodCleared, Signal.SUPERVISORY),
    "temperature": Sensor(TemperatureHigh, TemperatureLow, TemperatureNormal, Signal.SUPERVISORY, measured=True),
    "humidity": Sensor(HumidityHigh, HumidityLow, HumidityNormal, Signal.SUPERVISORY, measured=True),
}


def kind_of(sensor: str, reads: Reads) -> str:
    """The event kind that stands while the sensor reads so; "" for none."""
    event = _event_of(sensor, reads)
    return "" if reads is Reads.NORMAL or event is None else event.KIND


def said(
    sensor: str, reads: Reads, source: str, signal: Signal, *, found: bool = False, value: str = ""
) -> list[Event]:
    """The sensor has come to read so. found: it stood so when first looked at; value: with its unit, if measured.

    Nothing is said of a sensor that is found normal. KeyError for a kind of point that is no sensor.
    """
    event: Callable[..., Event] | None = _event_of(sensor, reads)
    if event is None or (found and reads is Reads.NORMAL):
        return []
    data: dict[str, Any] = {"reads": value} if SENSORS[sensor].measured else {}
    if reads is Reads.NORMAL:
        return [event(source=source, **data)]
    return [event(source=source, signal=signal, found=found, **data)]


def _event_of(sensor: str, reads: Reads) -> type[Event] | None:
    one = SENSORS[sensor]
    return {Reads.HIGH: one.high, Reads.LOW: one.low, Reads.NORMAL: one.normal}[reads]
