"""A board with a journal and a real uplink process, for tests of the way to the broker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from agent.core.events import DoorOpened, Event, PointChanged, Signal
from agent.core.wire import WireRow, parse_rows, unzip
from agent.journal import Journal, Row
from agent.runtime.clock import SystemClock
from agent.runtime.paths import Paths

DEADLINE_S = 30.0
AGAIN: Mapping[str, float] = MappingProxyType({"agent.core.lane.RETRY_S": 0.5})  # what nobody acknowledged
SOON: Mapping[str, float] = MappingProxyType(  # waits that prove nothing by their length
    {
        "agent.uplink.keeper.FIRST_S": 0.1,
        "agent.uplink.view.EVERY_S": 0.3,
        "agent.uplink.bulk.ANSWER_S": 1.0,
    }
)
SITE = """
[site]
id = "plant"
board = "pump"

[[point]]
id = "door"
kind = "door"
pin = "GPIO17"

[[relay]]
id = "siren"
pin = "GPIO23"

[uplink]
broker = "{url}"
"""


def until(true: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """Look until it is true and return it; AssertionError with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while not (found := true()):
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.01)
    return found


def rows_in(payload: bytes) -> list[WireRow]:
    """Rows of an `event` or `replay` payload, compressed or not."""
    return parse_rows(unzip(payload) if payload[:2] == b"\x1f\x8b" else payload)


def status_row(n: int) -> Event:
    return PointChanged(source="door", closed=n % 2 == 0, edge_mono_ns=n, decided_mono_ns=n + 1)


def alarm_row(n: int) -> Event:
    return DoorOpened(source=f"door-{n}", signal=Signal.SUPERVISORY)


class UplinkSite:
    """A site in `folder`; its uplink talks to `url`. `more` ends the site file; `before` goes before its command.

    A context manager that kills it.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        more: str = "",
        hurry: Mapping[str, float] = MappingProxyType({}),
        before: Sequence[str] = (),
    ) -> None:
        self.before = before
        self.hurry = dict(hurry)
        folder.mkdir(parents=True, exist_ok=True)
        self.paths = Paths(folder / "site.toml", folder / "data", folder / "run")
        self.paths.site.write_text(SITE.format(url=url) + more)
        self._clock = SystemClock()
        self._journal: Journal | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "uplink.log"

    @property
    def journal(self) -> Journal:
        """The board's journal, opened to append."""
        if self._journal is None:
            self._journal = Journal.open(self.paths.journal, self.paths.bell, self._clock.stamp)
        return self._journal

    def close_journal(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def append(self, events: Iterable[Event], at_once: int = 500) -> None:
        """Append them, `at_once` in a transaction."""
        waiting = list(events)
        for start in range(0, len(waiting), at_once):
            self.journal.append(*waiting[start : start + at_once])

    def rows(self, kind: str) -> list[Row]:
        return self.journal.read(kinds=[kind])

    # --- the process ---

    def start(self, *more: str) -> UplinkSite:
        """The process, with the constants of `hurry` set (module.NAME -> seconds)."""
        where = ["--site", self.paths.site, "--data", self.paths.data, "--run", self.paths.run]
        command = [sys.executable, "-m", "agent.uplink", *map(str, where), *more]
        if self.hurry:
            settings = [f"{name}={value}" for name, value in self.hurry.items()]
            hurried = str(Path(__file__).with_name("sp_impatient.py"))
            command = [sys.executable, hurried, "agent.uplink", *settings, "--", *map(str, where), *more]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*self.before, *command], stdout=log, stderr=log)
        return self

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(how)
        return process.wait(20)

    def status(self) -> dict[str, Any]:
        """The status file, {} while there is none."""
        path = self.paths.status("uplink")
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def rss_mib(self) -> float:
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split("VmRSS:")[1].split()[0]) / 1024

    def __enter__(self) -> UplinkSite:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.kill()
        self.close_journal()
