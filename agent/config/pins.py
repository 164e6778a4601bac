"""When two ways of writing a pin mean the same line."""

from __future__ import annotations

from hw.ports import channel_of, line_name

__all__ = ["SPI", "channel_of", "pulled_up_at_boot", "same_line"]

SPI = ("GPIO9", "GPIO10", "GPIO11")  # MISO, MOSI and clock of the header, which converters share


def same_line(pin: str) -> str:
    """One spelling for all names of a line: "17", "GPIO17", "bcm17", "BOARD11" and "J8:11" give "GPIO17"."""
    return line_name(pin).upper()


def pulled_up_at_boot(pin: str) -> bool:
    """Whether the line is one of GPIO0 to GPIO8, which a Raspberry Pi pulls up until software says otherwise."""
    return same_line(pin) in {f"GPIO{number}" for number in range(9)}
