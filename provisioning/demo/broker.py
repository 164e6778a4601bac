"""The broker of the demonstration: a mosquitto of its own, or a line to the user's that can be cut."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

from demo.processes import DemoError
from demo.site import Place

MOSQUITTO = "/usr/sbin/mosquitto"
CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
log_type error
log_type warning
log_type notice
"""


def mosquitto_command(place: Place) -> list[str]:
    """Write its config (the system's own broker is not touched). DemoError if mosquitto is not installed."""
    if not Path(MOSQUITTO).exists():
        raise DemoError(f"{MOSQUITTO} is missing: apt-get install mosquitto")
    text = CONFIG.format(port=place.broker_port, folder=place.broker)
    if os.geteuid() == 0:
        text += "user root\n"  # it would become the user mosquitto, who may not write here
    config = place.broker / "mosquitto.conf"
    config.write_text(text, encoding="utf-8")
    return [MOSQUITTO, "-c", str(config)]


def host_and_port(url: str) -> tuple[str, int]:
    """Of mqtt://HOST[:PORT]. DemoError for anything else."""
    parts = urlsplit(url)
    try:
        port = parts.port or 1883
    except ValueError:
        port = 0
    if parts.scheme != "mqtt" or not parts.hostname or not port or parts.username or parts.path not in ("", "/"):
        raise DemoError(f"--broker {url}: write it like mqtt://192.168.1.10:1883 (no user, no TLS here)")
    return parts.hostname, port


class Line:
    """Passes TCP between 127.0.0.1:port and a broker; `cut` is what a broken link looks like to the board."""

    def __init__(self, port: int, target: tuple[str, int]) -> None:
        try:
            socket.create_connection(target, 5).close()
        except OSError as error:
            raise DemoError(f"no broker answers at {target[0]}:{target[1]}: {error}") from error
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", port))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._lock = threading.Lock()
        self._pairs: set[socket.socket] = set()
        self._whole = True
        threading.Thread(target=self._pump, name="line", daemon=True).start()

    def cut(self) -> None:
        """End every connection and refuse new ones."""
        with self._lock:
            self._whole = False
            for one in self._pairs:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        with self._lock:
            self._whole = True

    def _pump(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    self._join()
                else:
                    self._pass(key.fileobj, key.data)  # type: ignore[arg-type]

    def _join(self) -> None:
        near, _ = self._listener.accept()
        with self._lock:
            whole = self._whole
        try:
            if not whole:
                raise ConnectionRefusedError
            far = socket.create_connection(self._target, 5)
        except OSError:
            near.close()
            return
        for one, other in ((near, far), (far, near)):
            one.settimeout(30)
            with self._lock:
                self._pairs.add(one)
            self._selector.register(one, selectors.EVENT_READ, other)

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        if source not in self._pairs:  # closed earlier in the same round
            return
        data = b""
        with contextlib.suppress(OSError):
            data = source.recv(65536)
            target.sendall(data)
        if data:
            return
        for one in (source, target):
            self._selector.unregister(one)
            with self._lock:
                self._pairs.discard(one)
            one.close()
