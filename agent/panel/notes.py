"""Notes: what is put into the ring, as bytes and back, and what happens when the ring is full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from agent.core.chain import Stamp
from agent.core.events import KINDS, Event, Lane, Signal
from agent.panel.ring import SLOTS, Ring, slots_of

RESERVED = SLOTS // 4  # slots kept for rows of the alarm lane
WELL = SLOTS // 2  # room again: tell what was lost

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(tuple[int, str, int, str, str, str, str, dict[str, msgspec.Raw]]).decode


def pack(event: Event, stamp: Stamp) -> bytes:
    """A row as a record of the ring."""
    return _encode((*stamp, event.KIND, event.source, str(event.signal), event.data()))


def unpack(record: bytes) -> tuple[Event, Stamp]:
    """A record as the row it is to be. ValueError if it is none (noted by another version)."""
    try:
        at_ns, boot, mono_ns, clock, kind, source, signal, data = _decode(record)
        values = {key: msgspec.json.decode(value) for key, value in data.items()}
        return KINDS[kind](source=source, signal=Signal(signal), **values), Stamp(at_ns, boot, mono_ns, clock)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a noted row: {type(error).__name__}: {error}") from error


@dataclass
class Lost:
    """Rows that found no room in the ring, and over which time."""

    rows: int = 0
    from_ns: int = 0
    to_ns: int = 0

    def add(self, rows: int, at_ns: int) -> None:
        self.from_ns = self.from_ns if self.rows else at_ns
        self.rows, self.to_ns = self.rows + rows, at_ns


class Notebook:
    """The alarm loop's way into the ring. `noted` is called after every note, to wake the writer."""

    def __init__(self, ring: Ring, noted: Callable[[], None]) -> None:
        self._ring = ring
        self._noted = noted
        self._mono_ns = 0
        self.lost = Lost()

    def note(self, events: Sequence[Event], stamp: Stamp, state: Callable[[Lost], bytes]) -> None:
        """Note rows and state before acting on them. Full: rows are counted as lost, the state is noted all the same.

        Each row gets a mono_ns of its own, as boot, mono_ns, kind and source tell rows apart when they are replayed.
        """
        payloads = [pack(event, self._own(stamp)) for event in events]
        if self._fits(events, payloads) and self._ring.note(payloads, state(self.lost)):
            self._noted()
            return
        self.lost.add(len(events), stamp.mono_ns)
        self._ring.note([], state(self.lost))

    def lost_to_tell(self) -> Lost | None:
        """What was lost, once there is room again; told once."""
        if not self.lost.rows or self._ring.room() < WELL:
            return None
        lost, self.lost = self.lost, Lost()
        return lost

    def _own(self, stamp: Stamp) -> Stamp:
        self._mono_ns = max(stamp.mono_ns, self._mono_ns + 1)
        return stamp._replace(mono_ns=self._mono_ns)

    def _fits(self, events: Sequence[Event], payloads: Sequence[bytes]) -> bool:
        wanted = sum(slots_of(payload) for payload in payloads)
        urgent = any(event.lane is Lane.ALARM for event in events)
        return wanted <= self._ring.room() - (0 if urgent else RESERVED)
