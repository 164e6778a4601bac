"""Sensors of a room: each has events of its own, with the class it is given."""

from __future__ import annotations

import pytest

from agent.core.events import HumidityHigh, Signal, SmokeCleared, SmokeDetected, TemperatureLow, TemperatureNormal
from agent.core.room import SENSORS, Reads, kind_of, said


def test_what_is_said() -> None:
    assert said("smoke", Reads.HIGH, "hall", Signal.ALARM) == [SmokeDetected(source="hall", signal=Signal.ALARM)]
    assert said("smoke", Reads.NORMAL, "hall", Signal.ALARM) == [SmokeCleared(source="hall")]
    assert said("temperature", Reads.LOW, "room", Signal.SUPERVISORY, value="3.5 °C") == [
        TemperatureLow(source="room", signal=Signal.SUPERVISORY, reads="3.5 °C")
    ]
    assert said("temperature", Reads.NORMAL, "room", Signal.SUPERVISORY, value="8 °C") == [
        TemperatureNormal(source="room", reads="8 °C")
    ]
    assert said("humidity", Reads.HIGH, "room", Signal.STATUS, found=True) == [HumidityHigh(source="room", found=True)]


def test_what_is_not_said() -> None:
    assert said("smoke", Reads.NORMAL, "hall", Signal.ALARM, found=True) == [], "it was found as it should be"
    assert said("smoke", Reads.LOW, "hall", Signal.ALARM) == [], "there is no such thing"
    with pytest.raises(KeyError):
        said("door", Reads.HIGH, "gate", Signal.ALARM)


@pytest.mark.parametrize("sensor", SENSORS)
def test_each_sensor_has_kinds_of_its_own(sensor: str) -> None:
    others = {kind_of(other, reads) for other in SENSORS if other != sensor for reads in Reads}
    mine = {kind_of(sensor, reads) for reads in Reads} - {""}
    assert mine
    assert mine.isdisjoint(others)
    assert all(kind.startswith(f"{sensor}.") for kind in mine)
    assert kind_of(sensor, Reads.NORMAL) == ""
