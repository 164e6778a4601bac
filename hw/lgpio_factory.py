"""gpiozero's lgpio pins without the two moments in which they would let a relay go.

gpiozero's own `LGPIOPin` claims every line as an input first, and an output at low before its level is set. A
latched siren would pulse off at each restart, and an active-low relay board click at each start.
"""

from __future__ import annotations

from typing import Any

import lgpio
from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin
from gpiozero.pins.local import LocalPiPin


class QuietLGPIOFactory(LGPIOFactory):  # type: ignore[misc]  # gpiozero has no types
    """`LGPIOFactory` whose outputs take their first level in the request for the line itself."""

    faults = (lgpio.error,)

    def __init__(self, chip: int | None = None) -> None:
        super().__init__(chip)
        self.pin_class = QuietLGPIOPin


class QuietLGPIOPin(LGPIOPin):  # type: ignore[misc]  # gpiozero has no types
    """A line that is claimed only once it is known for what."""

    def __init__(self, factory: QuietLGPIOFactory, info: Any) -> None:
        LocalPiPin.__init__(self, factory, info)  # past LGPIOPin's, which would claim the line as an input
        self._pwm = None
        self._bounce = None
        self._callback = None
        self._edges = lgpio.BOTH_EDGES
        self._claimed = False

    def output_with_state(self, state: bool) -> None:
        """Direction and level in one request."""
        lgpio.gpio_claim_output(self.factory._handle, self._number, int(state))
        self._claimed = True

    def close(self) -> None:
        """Let the line float, if it ever was ours: one that another process holds is not to be touched."""
        if self._claimed:
            self._claimed = False
            self.when_changed = None  # gpiozero's would leave its edges coming
            super().close()

    def _set_function(self, value: str) -> None:
        super()._set_function(value)
        self._claimed = True
