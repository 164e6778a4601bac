"""Names of lines."""

from __future__ import annotations

import re

_NUMBERED = re.compile(r"(?i)(?:GPIO|BCM)?_?0*(\d{1,4})")


def line_name(pin: str | int) -> str:
    """One spelling for a line: 17, "17", "bcm17" and "GPIO17" are GPIO17; other names ("PQ.05") stand as they are."""
    text = str(pin).strip()
    numbered = _NUMBERED.fullmatch(text)
    return f"GPIO{int(numbered[1])}" if numbered else text
