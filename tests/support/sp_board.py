"""A simulated board in a process of its own, for tests of what sits on its lines."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from hw.ports import ChannelSpec, PointSpec, RelaySpec
from hw.simulator import Driver

DEADLINE_S = 20.0


def until(true: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Look until it is true; AssertionError with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.005)


class Board:
    """The simulator of these points and relays, serving at `socket`. A context manager."""

    def __init__(
        self,
        folder: Path,
        points: Sequence[PointSpec],
        relays: Sequence[RelaySpec],
        channels: Sequence[ChannelSpec] = (),
    ) -> None:
        self.socket = folder / "board.sock"
        self._spec = folder / "board.json"
        specs = {"points": [asdict(p) for p in points], "relays": [asdict(r) for r in relays]}
        specs["channels"] = [asdict(c) for c in channels]
        self._spec.write_text(json.dumps(specs), encoding="utf-8")
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start the process and wait until it answers."""
        command = [sys.executable, "-m", "hw.simulator", str(self._spec), "--socket", str(self.socket)]
        process = self.process = subprocess.Popen(command)
        until(lambda: self._answers() or process.poll() is not None, "the simulator answers")
        assert process.poll() is None, f"the simulator ended with {process.returncode}"

    def _answers(self) -> bool:
        try:
            Driver(self.socket).close()
        except (ConnectionError, FileNotFoundError):
            return False
        return True

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
