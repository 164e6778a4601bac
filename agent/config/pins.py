"""When two ways of writing a pin mean the same line."""

from __future__ import annotations

import re

# physical pin of the 40-pin header (Raspberry Pi, Jetson) -> GPIO number in Raspberry Pi counting
_HEADER_40 = {
    3: 2, 5: 3, 7: 4, 8: 14, 10: 15, 11: 17, 12: 18, 13: 27, 15: 22, 16: 23, 18: 24, 19: 10, 21: 9, 22: 25,
    23: 11, 24: 8, 26: 7, 27: 0, 28: 1, 29: 5, 31: 6, 32: 12, 33: 13, 35: 19, 36: 16, 37: 26, 38: 20, 40: 21,
}  # fmt: skip
_NUMBERED = re.compile(r"(?i)(?:GPIO|BCM)?_?0*(\d{1,4})")
_PHYSICAL = re.compile(r"(?i)(?:BOARD|J8:|PIN)0*(\d{1,2})")


def same_line(pin: str) -> str:
    """One spelling for all names of a line: "17", "GPIO17", "bcm17", "BOARD11" and "J8:11" give "GPIO17"."""
    text = pin.strip()
    if numbered := _NUMBERED.fullmatch(text):
        return f"GPIO{int(numbered[1])}"
    physical = _PHYSICAL.fullmatch(text)
    if physical and int(physical[1]) in _HEADER_40:
        return f"GPIO{_HEADER_40[int(physical[1])]}"
    return text.upper()


def pulled_up_at_boot(pin: str) -> bool:
    """Whether the line is one of GPIO0 to GPIO8, which a Raspberry Pi pulls up until software says otherwise."""
    return same_line(pin) in {f"GPIO{number}" for number in range(9)}
