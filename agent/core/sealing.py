"""When a camera's hour is sealed: once it is over and nothing more can come that is being written now. Pure."""

from __future__ import annotations

from typing import NamedTuple

from agent.core.chain import Stamp

NS = 1_000_000_000
HOUR_NS = 3600 * NS
AFTER_NS = 120 * NS  # the end of the hour, or the start of this boot: recorders have settled by then


class Waiting(NamedTuple):
    """Segments of a camera that begin in one hour of UTC and are not sealed; when and in which boot the last ends.

    being_written: that camera writes a segment of this hour, as far as the index knows.
    """

    camera: str
    hour_ns: int
    boot: str
    end_mono_ns: int
    end_at_ns: int
    being_written: str = ""  # in that boot


def hour_of(at_ns: int) -> int:
    """Where the hour of UTC begins."""
    return at_ns // HOUR_NS * HOUR_NS


def due(waiting: Waiting, now: Stamp) -> bool:
    """Whether the hour can be sealed. Within a boot that goes by monotonic time, so no step of the clock seals early.

    What an earlier boot left is sealed once a recorder has had the time to salvage its last segment.
    """
    if waiting.being_written == now.boot:
        return False
    if waiting.boot != now.boot:
        return now.mono_ns >= AFTER_NS
    left_ns = waiting.hour_ns + HOUR_NS - waiting.end_at_ns
    return now.mono_ns >= waiting.end_mono_ns + left_ns + AFTER_NS
