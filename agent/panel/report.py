"""The panel's status file: every 2 s, from a thread that the alarm loop never waits for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from agent.panel.loop import AlarmLoop
from agent.panel.ring import Ring
from agent.panel.writer import Writer
from agent.runtime import status
from agent.runtime.paths import Paths

log = logging.getLogger(__name__)

EVERY_S = 2.0


def run(
    paths: Paths,
    loop: AlarmLoop,
    ring: Ring,
    writer: Writer,
    stop: threading.Event,
    tick: Callable[[], None],
    look: Callable[[], None],
    keep_site: Callable[[], None] | None = None,
) -> None:
    """Until `stop`. look: at what others say in /run.

    keep_site is called once, first: it keeps the site file that was good enough to start with.
    """
    failed = ""
    if keep_site is not None:
        try:
            keep_site()
        except OSError as error:
            log.warning("no copy of the site file is kept: %s", error)
    while not stop.is_set():
        tick()
        look()
        try:
            status.write(paths, "panel", figures(loop, ring, writer))
            failed = ""
        except OSError as error:
            if str(error) != failed:
                log.warning("status: %s", error)
            failed = str(error)
        stop.wait(EVERY_S)


def figures(loop: AlarmLoop, ring: Ring, writer: Writer) -> dict[str, Any]:
    """Everything `standpipe status` shows of the panel."""
    troubles = dict(loop.view.get("troubles", {}))
    return {
        **loop.view,
        "journal": f"stuck: {troubles['journal']}" if "journal" in troubles else "ok",
        "queue": ring.waiting(),
        "rows": writer.rows,
        "edges_dropped": loop.dropped,
        "edges_lost": loop.edges_lost,
        "latency": latency(list(loop.latencies_ns)),
    }


def latency(figures_ns: Sequence[int]) -> dict[str, int]:
    """End of settling to relay written, over the last drives."""
    if not figures_ns:
        return {"drives": 0}
    ordered = sorted(figures_ns)
    return {
        "drives": len(ordered),
        "p50_us": ordered[len(ordered) // 2] // 1000,
        "p99_us": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] // 1000,
        "max_us": ordered[-1] // 1000,
    }
