"""Each way in which a broker cannot be had is a state of its own, shown at the board, and the uplink goes on."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_ports import free_port
from sp_uplink import UplinkSite, until

PAGE = b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def portal() -> Iterator[int]:
    """A captive portal: whoever connects, to whatever, gets a web page. Its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.recv(4096)
                client.sendall(PAGE)
                client.close()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


@pytest.mark.parametrize(
    ("url", "state"),
    [
        ("mqtt://127.0.0.1:{portal}", "captive-portal"),
        ("mqtts://127.0.0.1:{portal}", "captive-portal"),
        ("mqtt://127.0.0.1:{nothing}", "unreachable"),
        ("mqtt://no-such-host.invalid:1883", "dns-failed"),
    ],
)
def test_named_and_shown(tmp_path: Path, portal: int, url: str, state: str) -> None:
    with UplinkSite(tmp_path / "site", url.format(portal=portal, nothing=free_port())) as site:
        site.start()
        until(lambda: site.status().get("state") == state, f"status says {state}")
        assert site.status()["reason"]
        assert site.stop() == 0
