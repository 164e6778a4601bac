"""Converter channels: an MCP3008 bit by bit on mock pins, and the simulated board's, from circuits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gpiozero.output_devices import OutputDevice
from gpiozero.pins.mock import MockFactory, MockSPIDevice
from sp_board import Board

from agent.core.supervision import Bands, Reads
from hw.analog import FULL, PPM, SimChannels, SpiChannels
from hw.ports import ChannelSpec, HardwareError, channel_of
from hw.simulator import Driver
from hw.simulator.channels import SimConverter

BANDS = Bands.of(2_200, 8_200, 10_000, 10)
LOOPS = [ChannelSpec("power", "ADC0.0", contact="normally-closed"), ChannelSpec("trouble", "ADC0.1")]
LEVEL = ChannelSpec("level", "ADC1.7", "current")


class MCP3008Stub(MockSPIDevice):
    """The chip: a start bit, single-ended, three bits of channel; then a null bit and ten of the value."""

    def __init__(self, select: int, values: dict[int, int], factory: MockFactory) -> None:
        super().__init__(11, 10, 9, select, pin_factory=factory)
        self.values = values

    def on_start(self) -> None:
        super().on_start()
        self._asked = False

    def on_bit(self) -> None:
        bits = [int(bit) for bit in self.rx_buf]
        start = bits.index(1) if 1 in bits else None
        if start is not None and not self._asked and len(bits) >= start + 5:
            self._asked = True
            assert bits[start + 1] == 1, "single-ended"
            channel = bits[start + 2] * 4 + bits[start + 3] * 2 + bits[start + 4]
            self.tx_word(0, 2)
            self.tx_word(self.values[channel], 10)


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    made = MockFactory()
    yield made
    made.reset()


def test_each_channel_of_each_converter(factory: MockFactory) -> None:
    values = {0: 0, 1: 512}
    with MCP3008Stub(8, values, factory), MCP3008Stub(7, {7: 1023}, factory):
        bank = SpiChannels([*LOOPS, LEVEL], ["GPIO8", "GPIO7"], factory)
        assert bank.ratios_ppm() == {"power": 0, "trouble": 512 * PPM // FULL, "level": PPM}
        values[0] = 180
        assert bank.ratios_ppm()["power"] == 180 * PPM // FULL
        bank.close()
        bank.close()


def test_a_channel_there_is_not(factory: MockFactory) -> None:
    with pytest.raises(HardwareError, match=r"level: ADC1.7 is no channel of the 1 converters"):
        SpiChannels([LEVEL], ["GPIO8"], factory)


def test_a_bus_that_is_taken(factory: MockFactory) -> None:
    taken = pytest.raises(HardwareError, match="is SPI free")
    with MCP3008Stub(8, {0: 1}, factory), OutputDevice(11, pin_factory=factory), taken:
        SpiChannels(LOOPS, ["GPIO8"], factory)


@pytest.mark.parametrize(("pin", "place"), [("ADC0.0", (0, 0)), ("adc7.7", (7, 7)), ("ADC8.0", None), ("GPIO8", None)])
def test_names_of_channels(pin: str, place: tuple[int, int] | None) -> None:
    assert channel_of(pin) == place


# --- circuits ---


def reads(converter: SimConverter, name: str) -> Reads:
    return BANDS.read(converter.ratios_ppm()[name], None)


@pytest.mark.parametrize(
    ("wire", "at_rest"),
    [("well", "closed"), ("open", "open"), ("short", "short"), ("ground", "leak"), ("crossed", "open")],
)
@pytest.mark.parametrize("name", ["power", "trouble"])
def test_what_each_fault_of_a_pair_reads(name: str, wire: str, at_rest: str) -> None:
    converter = SimConverter(LOOPS)
    other = "trouble" if name == "power" else "power"
    converter.channels["trouble"].closed = True
    converter.wire(name, wire, other)
    if wire == "ground":
        converter.channels[name].closed = False
    assert str(reads(converter, name)) == at_rest
    if wire == "crossed":
        assert reads(converter, other) is Reads.OPEN, "both ends of a crossed pair"
    converter.wire(name, "well")
    assert reads(converter, other) in (Reads.CLOSED, Reads.OPENED)


def test_touching_wires_show_once_the_contacts_differ() -> None:
    converter = SimConverter(LOOPS)
    converter.wire("power", "bridged", "trouble")
    assert {reads(converter, "power"), reads(converter, "trouble")} == {Reads.LEAK}


def test_wrong_requests_are_told() -> None:
    converter = SimConverter([*LOOPS, LEVEL])
    for name, how, other in (("nobody", "open", ""), ("power", "tangled", ""), ("power", "crossed", "nobody")):
        with pytest.raises(OSError, match=r"no channel|wires are"):
            converter.wire(name, how, other)
    with pytest.raises(OSError, match="no current"):
        converter.analog("power", 12_000)


# --- over the socket ---


def test_the_simulated_converter(tmp_path: Path) -> None:
    with Board(tmp_path, [], [], [*LOOPS, LEVEL]) as board, Driver(board.socket) as driver:
        bank = SimChannels([*LOOPS, LEVEL], board.socket)
        first = bank.ratios_ppm()
        assert [BANDS.read(first[name], None) for name in ("power", "trouble")] == [Reads.CLOSED, Reads.OPENED]
        assert abs(first["level"] - 12_000 * 150 * 1000 // 3_300) <= 1000
        driver.contact("trouble", True)
        driver.analog("level", 4_000)
        driver.analog("ADC0.0", 1023)
        told = bank.ratios_ppm()
        assert BANDS.read(told["trouble"], None) is Reads.CLOSED
        assert told["power"] == PPM
        driver.analog("ADC0.0", -1)
        driver.wire("power", "short")
        assert bank.ratios_ppm()["power"] == 0
        board.kill()
        with pytest.raises(HardwareError, match="is gone"):
            bank.ratios_ppm()
        bank.close()
    with pytest.raises(HardwareError, match="no simulated board"):
        SimChannels(LOOPS, board.socket)
