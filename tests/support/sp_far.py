"""The real collector beside the broker, as a process: `standpipe collect`, killed and started again by tests."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from agent.collector.report import report
from agent.collector.store import StoreError


class Far:
    """A collector storing into `folder`. A context manager that starts it, and kills it at the end."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.log = folder.with_name(folder.name + ".log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Far:
        command = [sys.executable, "-m", "agent.cli", "collect", "--broker", self.url, "--store", str(self.folder)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        return self

    def kill(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait(10)

    def report(self) -> dict[str, Any]:
        """What `standpipe collect report` says; {} while there is no store yet."""
        try:
            return report(self.folder)
        except StoreError:
            return {}

    def epoch(self, epoch: str) -> dict[str, Any]:
        """The report's part about one epoch, {} if it knows none of it."""
        boards = self.report().get("boards", [])
        return next((e for board in boards for e in board["epochs"] if e["epoch"] == epoch), {})

    def files(self) -> list[dict[str, Any]]:
        return [file for board in self.report().get("boards", []) for file in board["files"]]

    def has(self, epoch: str, head: int) -> bool:
        """All rows of the epoch up to `head` are there, and the chain is whole."""
        found = self.epoch(epoch)
        return bool(found) and found["last"] >= head and found["chain"]["upto"] >= head and found["chain"]["whole"]

    def __enter__(self) -> Far:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.kill()
