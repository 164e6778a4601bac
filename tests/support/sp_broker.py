"""A real mosquitto on a free loopback port with its own config and folder, for tests: start, stop, kill, freeze."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from sp_ports import free_port

MOSQUITTO = "/usr/sbin/mosquitto"
START_S = 15.0


class Broker:
    """One mosquitto process. `options` are lines of mosquitto.conf: {"max_inflight_messages": 10}.

    The port stays the same over stop, kill and start, so that clients find the broker again.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, options: Mapping[str, object] | None = None, extra: str = ""
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = port or free_port()
        self.options: dict[str, object] = {"allow_anonymous": "true", **(options or {})}
        self.extra = extra
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        path = self.folder / "mosquitto.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def write_config(self) -> Path:
        lines = [
            f"listener {self.port} 127.0.0.1",
            "user root",  # or it changes to user mosquitto, who may not enter a test's folder
            "persistence true",
            f"persistence_location {self.folder}/",
            "set_tcp_nodelay true",
            "log_type error",
            "log_type warning",
            "log_type notice",
            *(f"{key} {value}" for key, value in self.options.items()),
            self.extra,
        ]
        path = self.folder / "mosquitto.conf"
        path.write_text("\n".join(lines) + "\n")
        return path

    def start(self) -> Broker:
        """Start it and wait until it takes connections. Raises RuntimeError with its log when it does not."""
        if self._process is not None and self._process.poll() is None:
            return self
        config = self.write_config()
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stdout=log, stderr=log)
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            if _takes_connections(self.port):
                return self
            time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"mosquitto on port {self.port} does not start:\n{self.log}")

    def stop(self) -> None:
        """Ask it to stop (it saves its persistence file) and wait."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9: what it had not saved is gone."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nothing answers, as behind a dead link."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
            process.send_signal(signal.SIGCONT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def __enter__(self) -> Broker:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.kill()


def _takes_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
