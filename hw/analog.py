"""Channels of MCP3008 converters over gpiozero, and those of the simulated board.

Ratios alone come out of here: the reference feeds the loops too, so its own drift falls out of them. A converter
shares the header's SPI lines with the others (GPIO9 MISO, GPIO10 MOSI, GPIO11 clock) and has a select line of its own;
gpiozero takes the kernel's SPI where it can and bangs the bits where it cannot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gpiozero.devices import Device
from gpiozero.exc import GPIOZeroError
from gpiozero.spi_devices import MCP3008

from hw.ports import ChannelSpec, HardwareError, channel_of, line_name
from hw.simulator.wire import Channel

FULL = 1023  # ten bits: this much is the whole reference
PPM = 1_000_000
MISO, MOSI, CLOCK = "GPIO9", "GPIO10", "GPIO11"


class SpiChannels:
    """An `AnalogBank` of MCP3008 converters. selects: their select lines, the first being ADC0."""

    def __init__(self, specs: Sequence[ChannelSpec], selects: Sequence[str], factory: Any) -> None:
        """HardwareError names the channel and the select line."""
        self._faults: tuple[type[Exception], ...] = (GPIOZeroError, OSError, *getattr(factory, "faults", ()))
        self._devices: dict[str, tuple[ChannelSpec, Any]] = {}
        try:
            for spec in specs:
                self._devices[spec.id] = spec, self._open(spec, selects, factory)
        except HardwareError:
            self.close()
            raise

    def _open(self, spec: ChannelSpec, selects: Sequence[str], factory: Any) -> Any:
        chip, channel = _place(spec, len(selects))
        default, Device.pin_factory = (
            Device.pin_factory,
            factory,
        )  # gpiozero 2.0.1: its bus of bits asks for the default
        try:
            return MCP3008(
                channel,
                clock_pin=CLOCK,
                mosi_pin=MOSI,
                miso_pin=MISO,
                select_pin=line_name(selects[chip]),
                pin_factory=factory,
            )
        except self._faults as error:
            raise HardwareError(
                f"{spec.id}, {spec.pin} (select line {selects[chip]}): {error}; is SPI free, and the converter there?"
            ) from error
        finally:
            Device.pin_factory = default

    def ratios_ppm(self) -> Mapping[str, int]:
        """What all channels read, one after the other."""
        found = {}
        for id_, (spec, device) in self._devices.items():
            try:
                found[id_] = int(device.raw_value) * PPM // FULL
            except self._faults as error:
                raise HardwareError(f"{id_}, {spec.pin}: cannot be read: {error}") from error
        return found

    def close(self) -> None:
        """Release the bus. Safe to call twice."""
        for _, device in self._devices.values():
            device.close()


class SimChannels:
    """An `AnalogBank` of the simulated board at `path`, on a connection of its own."""

    def __init__(self, specs: Sequence[ChannelSpec], path: Path | str) -> None:
        """HardwareError if nobody serves at `path`."""
        self._ids = [spec.id for spec in specs]
        self._path = path
        try:
            self._channel = Channel(Path(path), "converter")
        except OSError as error:
            raise HardwareError(f"no simulated board answers at {path} ({error.strerror or error})") from error

    def ratios_ppm(self) -> Mapping[str, int]:
        """What all channels read now."""
        try:
            told = self._channel.ask("ratios")
        except OSError as error:
            raise HardwareError(f"the simulated board at {self._path} is gone ({error.strerror or error})") from error
        missing = [id_ for id_ in self._ids if id_ not in told]
        if missing:
            raise HardwareError(f"the simulated board has no channel {missing[0]}")
        return {id_: int(told[id_]) for id_ in self._ids}

    def close(self) -> None:
        """Hang up. Safe to call twice."""
        self._channel.close()


def _place(spec: ChannelSpec, chips: int) -> tuple[int, int]:
    place = channel_of(spec.pin)
    if place is None or place[0] >= chips:
        raise HardwareError(f"{spec.id}: {spec.pin} is no channel of the {chips} converters that adc in [board] names")
    return place
