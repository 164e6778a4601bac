"""The heartbeat of fault relays: lines that the alarm loop itself toggles while it is well.

A retriggerable monostable behind the line holds the relay. A loop that hangs, a process that dies and power that goes
all end the beat, and the relay drops: nothing here can keep it up by mistake. A rule that drives such a relay stops its
beat. Beats are no rows: only a line that cannot be written is said.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.panel.response import Response
from hw.ports import HardwareError, RelayBank


class Heart:
    """The beating lines of one panel. half_ns: relay -> time between two toggles."""

    def __init__(self, half_ns: Mapping[str, int]) -> None:
        self._half_ns = half_ns
        self._level = dict.fromkeys(half_ns, True)
        self._next_ns = 0

    def due_ns(self) -> int | None:
        """When the next line is to be toggled."""
        return self._next_ns if self._half_ns else None

    def beat(self, now_ns: int, relays: RelayBank, response: Response) -> None:
        """Toggle the lines whose time has come."""
        if not self._half_ns or now_ns < self._next_ns:
            return
        self._next_ns = now_ns + min(self._half_ns.values())
        for relay in self._half_ns:
            if not response.driven[relay]:
                self._toggle(relay, relays, response)

    def _toggle(self, relay: str, relays: RelayBank, response: Response) -> None:
        level = self._level[relay] = not self._level[relay]
        try:
            relays.drive(relay, level)
        except HardwareError as error:
            response.relay_failed(relay, level, str(error))
        else:
            response.relay_written(relay)
