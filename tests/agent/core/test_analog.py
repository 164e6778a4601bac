"""Measured values: scale, limits with hysteresis and settle time, faults of the transmitter; what is said of them."""

from __future__ import annotations

import pytest

from agent.core.analog import Fault, Limit, Limits, Measured, Meter, Scale
from agent.core.events import AnalogFault, AnalogFaultCleared, AnalogHigh, AnalogLow, AnalogNormal, AnalogValue, Signal
from agent.core.values import Value

S = 1_000_000_000
SCALE = Scale(zero_milli=0, full_milli=16_000)  # 1000 milli per mA above 4
LIMITS = Limits(low_milli=2_000, high_milli=14_000, hysteresis_milli=500, settle_ns=S)


def ratio(current_ua: int) -> int:
    """Of 150 Ohm against 3.3 V."""
    return -(-current_ua * 150 * 1000 // 3_300)


def test_scale() -> None:
    assert [SCALE.value_milli(ua) for ua in (4_000, 12_000, 20_000)] == [0, 8_000, 16_000]
    assert Scale(-1_000, 1_000).value_milli(12_000) == 0
    assert Scale(10_000, 0).value_milli(8_000) == 7_500
    assert SCALE.current_ua(1_000_000) == 22_000
    assert abs(SCALE.current_ua(ratio(12_000)) - 12_000) <= 1


class Hand:
    def __init__(self, limits: Limits = LIMITS) -> None:
        self.meter, self.now_ns = Meter(SCALE, limits), 0

    def feed(self, current_ua: int, seconds: float) -> list[tuple[Limit, Fault]]:
        """Sampled ten times a second; what changed."""
        found = []
        for _ in range(round(seconds * 10)):
            measured, changed = self.meter.sample(ratio(current_ua), self.now_ns)
            found += [(measured.limit, measured.fault)] if changed else []
            self.now_ns += S // 10
        return found


def test_low_and_high_with_hysteresis_and_settle_time() -> None:
    hand = Hand()
    assert hand.feed(12_000, 5) == []
    assert hand.feed(5_900, 0.9) == []
    assert hand.feed(12_000, 1) == [], "not for long enough"
    assert hand.feed(5_900, 1.2) == [(Limit.LOW, Fault.NONE)]
    assert hand.feed(6_400, 5) == [], "not far enough back"
    assert hand.feed(6_600, 2) == [(Limit.NORMAL, Fault.NONE)]
    assert hand.feed(18_100, 2) == [(Limit.HIGH, Fault.NONE)]
    assert hand.feed(5_000, 2) == [(Limit.LOW, Fault.NONE)]


@pytest.mark.parametrize(("current_ua", "fault"), [(3_500, Fault.BELOW), (0, Fault.BELOW), (21_100, Fault.ABOVE)])
def test_range_faults(current_ua: int, fault: Fault) -> None:
    hand = Hand()
    hand.feed(12_000, 2)
    assert hand.feed(current_ua, 0.2) == [], "a glitch"
    assert hand.feed(12_000, 1) == []
    assert hand.feed(current_ua, 5) == [(Limit.NORMAL, fault)], "and no limit: its value means nothing"
    assert hand.feed(12_000, 1) == [(Limit.NORMAL, Fault.NONE)]


def test_within_the_range_there_is_no_fault() -> None:
    hand = Hand(Limits())
    assert hand.feed(3_700, 3) == []
    assert hand.feed(20_900, 3) == []


def test_stuck() -> None:
    hand = Hand(Limits(stuck_ns=60 * S))
    assert hand.feed(12_000, 59) == []
    assert hand.feed(12_000, 3) == [(Limit.NORMAL, Fault.STUCK)]
    assert hand.feed(12_100, 1) == [(Limit.NORMAL, Fault.NONE)]


def take(value: Value, milli: int, limit: Limit, fault: Fault = Fault.NONE) -> list[object]:
    return list(value.take(Measured(milli, 12_000, limit, fault, 0)))


def test_what_is_said_of_a_value() -> None:
    value = Value("level", "m", Signal.ALARM, low_milli=2_000, high_milli=9_000)
    assert value.standing() == {"analog.low", "analog.high", "analog.fault"}, "not read yet: nothing is over"
    assert take(value, 5_000, Limit.NORMAL) == []
    low = AnalogLow(source="level", value_milli=1_900, limit_milli=2_000, unit="m", signal=Signal.ALARM)
    assert take(value, 1_900, Limit.LOW) == [low]
    assert value.standing() == {"analog.low"}
    assert take(value, 1_800, Limit.LOW) == []
    assert take(value, 1_800, Limit.LOW, Fault.BELOW) == [AnalogFault(source="level", fault="below", current_ua=12_000)]
    assert value.standing() == {"analog.low", "analog.fault"}
    assert value.told("regular") == []
    high = AnalogHigh(source="level", value_milli=9_500, limit_milli=9_000, unit="m", signal=Signal.ALARM)
    cleared = AnalogFaultCleared(source="level", was="below", value_milli=9_500, unit="m")
    assert take(value, 9_500, Limit.HIGH) == [cleared, high]
    assert take(value, 5_000, Limit.NORMAL) == [AnalogNormal(source="level", value_milli=5_000, unit="m")]
    assert value.told("start", "p") == [AnalogValue(source="level", value_milli=5_000, unit="m", why="start", of="p")]


def test_a_value_over_a_restart() -> None:
    value, again = Value("level"), Value("level")
    take(value, 0, Limit.LOW, Fault.BELOW)
    again.restore(value.snapshot())
    assert take(again, 0, Limit.LOW, Fault.BELOW) == []
    with pytest.raises(ValueError, match="sideways"):
        again.restore(["sideways", ""])
