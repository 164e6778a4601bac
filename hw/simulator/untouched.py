"""The simulator's promise that no GPIO of this machine is touched, held by the interpreter itself.

Whoever runs it on a board with relays on it must be able to believe it: from `keep_off` on, loading a GPIO library or
opening a GPIO device ends in HardwareError, in this process and for good.
"""

from __future__ import annotations

import sys

from hw.ports import HardwareError
from hw.simulator.serve import GPIO_MODULES, assert_no_gpio

DEVICES = ("/dev/gpio", "/dev/mem", "/dev/spidev", "/dev/i2c", "/sys/class/gpio", "/sys/class/pwm")


def keep_off() -> None:
    """From now on. HardwareError if such a library is loaded already."""
    assert_no_gpio()
    sys.addaudithook(_watch)


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "import" and str(arguments[0]).partition(".")[0] in GPIO_MODULES:
        raise HardwareError(f"the simulator touches no GPIO: {arguments[0]} may not be loaded")
    if event == "open" and str(arguments[0]).startswith(DEVICES):
        raise HardwareError(f"the simulator touches no GPIO: {arguments[0]} may not be opened")
