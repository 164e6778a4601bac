"""Drives a simulated board from outside: for tests, benches and demonstrations."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from hw.simulator.wire import Channel


class Driver:
    """A hand in the world of the simulator that serves at `socket_path`.

    Safe to use from several threads; a question waits for the one before it, `wait_relay` for nobody. Everything
    raises OSError: ConnectionError if the simulator is gone, TimeoutError if it does not answer, else what it says.
    """

    def __init__(self, socket_path: Path | str) -> None:
        self._path = Path(socket_path)
        self._channel = Channel(self._path, "driver")

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up. The world stays as it is; what is planned still happens."""
        self._channel.close()

    # --- what happens to the board; times are CLOCK_MONOTONIC in ns, taken in the simulator ---

    def set(self, pin: str | int, level: int) -> int:
        """Put a raw level (0, 1) on a line; returns the time of the edge."""
        return int(self._channel.ask("set", pin, level))

    def contact(self, point: str, closed: bool, *, for_ms: int = 0) -> int:
        """A contact closes or opens (for a while, if `for_ms` > 0); returns the time of the edge."""
        return int(self._channel.ask("contact", point, closed, for_ms))

    def pulse(self, point: str, ms: int = 300) -> int:
        """A contact leaves its rest for `ms`: a button pressed. Returns at once with the time of the first edge."""
        return int(self._channel.ask("pulse", point, ms))

    def chatter(self, point: str, hz: int, seconds: float) -> int:
        """A contact opens and closes `hz` times a second and ends as it began. Returns at once: how many edges."""
        return int(self._channel.ask("chatter", point, hz, round(seconds * 1000)))

    def analog(self, channel: str, value: int) -> int:
        """A measured value by its id: its current in microamperes. A channel by its pin ("ADC0.3"): the raw count it
        reads from now on, negative for what hangs on it again. Returns when."""
        return int(self._channel.ask("analog", channel, value))

    def wire(self, point: str, how: str, other: str = "") -> int:
        """How the wires of a supervised point or measured value are: well / open / short / ground, crossed or bridged
        with those of `other`. Returns when."""
        return int(self._channel.ask("wire", point, how, other))

    def camera(self, camera: str, does: str, *, for_ms: int = 0) -> int:
        """does: cut / mend / freeze (for a while, if `for_ms` > 0); returns when."""
        return int(self._channel.ask("camera", camera, does, for_ms))

    def pending(self) -> int:
        """How many things are still planned: ends of pulses, a chatter's next edge, steps of a scenario."""
        return int(self._channel.ask("pending"))

    # --- what the board shows ---

    def relays(self) -> dict[str, dict[str, Any]]:
        """pin -> {id, function, level (None while the line floats), energised, beats}."""
        return cast(dict[str, dict[str, Any]], self._channel.ask("relays"))

    def relay(self, relay: str) -> dict[str, Any]:
        """One relay by its id: {id, function, level, energised, beats}. KeyError if there is none."""
        by_id = {one["id"]: one for one in self.relays().values()}
        return by_id[relay]

    def lines(self) -> dict[str, dict[str, Any]]:
        """line -> {level, function, pull, watched, pid of its holder or 0}."""
        return cast(dict[str, dict[str, Any]], self._channel.ask("lines"))

    def relay_history(self) -> list[tuple[str, int | None, int]]:
        """The last 10,000 changes of outputs: (pin, level or None once it floats, when)."""
        found: list[tuple[str, int | None, int]] = []
        after = 0
        while page := self._channel.ask("history", after):
            found += [(pin, level, mono_ns) for _, pin, level, mono_ns in page]
            after = page[-1][0]
        return found

    def lost(self) -> int:
        """Edges that panels now connected did not read in time."""
        return int(self._channel.ask("lost"))

    def wait_relay(self, relay: str, energised: bool, timeout: float = 10.0) -> int:
        """Wait until a relay is energised or not; returns when it was seen so. TimeoutError says how it stands."""
        channel = Channel(self._path, "driver")
        try:
            return int(channel.ask("wait", relay, energised, wait_s=timeout))
        except TimeoutError:
            wanted = "energised" if energised else "released"
            raise TimeoutError(f"{relay} not {wanted} within {timeout} s: {self.relay(relay)}") from None
        finally:
            channel.close()
