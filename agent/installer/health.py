"""Whether everything came back after a new site file: by what each process says of itself in /run."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from agent.runtime import status
from agent.runtime.paths import Paths

BOUND_S, STEADY_S = 120.0, 10.0
LOOK_S = 0.25
FRESH_S = 15.0
LINKED = ("connected", "no-collector")


class Before(NamedTuple):
    """How it was: process -> pid, and whether the uplink had reached the broker."""

    pids: dict[str, int]
    linked: bool


class Health:
    """Looks into `paths.run`. bound_s: so long it may take; steady_s: so long it must hold."""

    def __init__(self, paths: Paths, bound_s: float = BOUND_S, steady_s: float = STEADY_S) -> None:
        self._paths = paths
        self._bound_s = bound_s
        self._steady_s = steady_s

    def before(self) -> Before:
        """Looked at before anything is changed."""
        found = status.read_all(self._paths)
        return Before(
            {name: int(one["pid"]) for name, one in found.items() if one["alive"]}, _linked(found.get("uplink"))
        )

    def wait(self, before: Before, wanted: set[str]) -> str:
        """Until all of `wanted` have been new processes without a change for `steady_s`; why not, if not in time."""
        end_s = time.monotonic() + self._bound_s
        steady: dict[str, int] = {}
        since_s = time.monotonic()
        while True:
            found, now_s = status.read_all(self._paths), time.monotonic()
            pids = {name: int(one["pid"]) for name, one in found.items() if name in wanted and one["alive"]}
            why = _missing(found, before, wanted)
            if why or pids != steady:
                steady, since_s = pids, now_s
            elif now_s - since_s >= self._steady_s:
                return ""
            if now_s >= end_s:
                return why or f"processes end and start again: nothing was steady for {self._steady_s:.0f} s"
            time.sleep(min(LOOK_S, self._steady_s / 4))


def _missing(found: dict[str, dict[str, Any]], before: Before, wanted: set[str]) -> str:
    for name in sorted(wanted):
        one = found.get(name)
        if one is None or not one["alive"] or one["pid"] == before.pids.get(name) or one["age_s"] > FRESH_S:
            return f"{name} did not come back"
    uplink = found.get("uplink")
    if before.linked and not _linked(uplink):
        said = f"{uplink.get('state')}: {uplink.get('reason', '')}" if uplink else "it is gone"
        return f"the broker was reached before and is not now ({said})"
    return ""


def _linked(uplink: dict[str, Any] | None) -> bool:
    return uplink is not None and uplink["alive"] and uplink.get("state") in LINKED
