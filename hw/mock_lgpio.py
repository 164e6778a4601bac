"""Stands in for the lgpio library where there is no gpiochip: remembers every request for a line, in order.

`install()` puts it where `import lgpio` finds it. Only what gpiozero's pins call for points and relays is here.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable

SET_PULL_NONE, SET_PULL_UP, SET_PULL_DOWN = 128, 32, 64
RISING_EDGE, FALLING_EDGE, BOTH_EDGES = 1, 2, 3
OUT = 1 << 1


class error(Exception):  # noqa: N801, N818 - the library's own spelling
    """What lgpio raises."""


class Lines:
    """The lines of one mock chip. `requests` has (what, line, level or flags); a line in `busy` is refused."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, int, int]] = []
        self.busy: set[int] = set()
        self.refused: list[str] = []
        self.levels: dict[int, int] = {}
        self.modes: dict[int, int] = {}
        self.callbacks: dict[int, Callable[[int, int, int, int], None]] = {}

    def claim(self, what: str, line: int, value: int, mode: int) -> int:
        if line in self.busy:
            self.refused.append(what)
            raise error("GPIO busy")
        self.requests.append((what, line, value))
        self.modes[line] = mode
        return 0


class _Callback:
    def __init__(self, lines: Lines, line: int, function: Callable[[int, int, int, int], None]) -> None:
        self._lines, self._line = lines, line
        lines.callbacks[line] = function

    def cancel(self) -> None:
        self._lines.callbacks.pop(self._line, None)


def install() -> tuple[types.ModuleType, Lines]:
    """A module `lgpio` and the lines behind it. The caller takes it out of `sys.modules` again."""
    lines = Lines()
    module = types.ModuleType("lgpio")
    names = ["SET_PULL_NONE", "SET_PULL_UP", "SET_PULL_DOWN", "RISING_EDGE", "FALLING_EDGE", "BOTH_EDGES", "error"]
    module.__dict__.update({name: globals()[name] for name in names})
    module.__dict__.update(_calls(lines))
    sys.modules["lgpio"] = module
    return module, lines


def _calls(lines: Lines) -> dict[str, object]:
    def output(chip: int, line: int, level: int = 0, flags: int = 0) -> int:
        lines.levels[line] = level
        return lines.claim("output", line, level, OUT)

    def write(chip: int, line: int, level: int) -> int:
        lines.levels[line] = int(level)
        lines.requests.append(("write", line, int(level)))
        return 0

    return {
        "gpiochip_open": lambda chip: chip,
        "gpiochip_close": lambda chip: 0,
        "gpio_claim_input": lambda chip, line, flags=0: lines.claim("input", line, flags, flags),
        "gpio_claim_output": output,
        "gpio_claim_alert": lambda chip, line, edges, flags=0: lines.claim("alert", line, edges, flags),
        "gpio_free": lambda chip, line: 0,
        "gpio_get_mode": lambda chip, line: lines.modes.get(line, 0),
        "gpio_read": lambda chip, line: lines.levels.get(line, 0),
        "gpio_write": write,
        "gpio_set_debounce_micros": lambda chip, line, micros: 0,
        "callback": lambda chip, line, edges, function: _Callback(lines, line, function),
    }
