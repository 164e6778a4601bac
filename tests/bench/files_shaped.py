"""A clip over 2 Mbit/s, 300 ms and 2 % loss, the line cut again and again: how much of the line carries it for good.

Reference, at the same time over such a line of its own, cut at the same moments: one plain TCP stream that is opened
again at once and counts what has arrived. Loss is played by the line (sp_thin_link.py): what is lost comes a round trip
later and all behind it with it; TCP itself sees none, so neither slows down for it. of_the_link: of its nominal
250,000 bytes a second. Sent again is what went up the line beyond the clip itself, for each cut.
Usage: files_shaped.py [--long] (10 minutes, cut each minute, instead of 40 s and one cut). Prints one JSON line.
"""

# ruff: noqa: E402 - a bench is run by its path and finds its helpers first

from __future__ import annotations

import contextlib
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from files_goodput import CHUNK, WINDOW, add_clip
from sp_bench import long_wanted, report
from sp_broker import Broker
from sp_far import Far
from sp_thin_link import ThinLink
from sp_uplink import UplinkSite, until

BYTES_S, DELAY_S, LOSS = 250_000, 0.15, 0.02
OVERHEAD = 0.003  # of a full chunk: its topic and headers are no part of what is sent again


class Plain:
    """One TCP stream over a line of its own, from start() until `rate` is asked for; opened again when it is cut."""

    def __init__(self) -> None:
        self._got = 0
        self._sink = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self.line = ThinLink(self._sink.getsockname()[1], BYTES_S, DELAY_S, LOSS)
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._take, self._give)]

    def start(self) -> None:
        self._start_s = time.monotonic()
        for thread in self._threads:
            thread.start()

    def _take(self) -> None:
        while not self._over.is_set():
            peer, _ = self._sink.accept()
            with contextlib.suppress(OSError), peer:
                while data := peer.recv(65536):
                    self._got += len(data)

    def _give(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.line.port)) as stream:
                while not self._over.is_set():
                    stream.sendall(b"x" * 8192)

    def rate(self) -> float:
        """Bytes a second that arrived. It ends with this."""
        rate = self._got / (time.monotonic() - self._start_s)
        self._over.set()
        self.line.cut()
        return rate


def main() -> None:
    whole_s, every_s, must = (600.0, 60.0, 0.9) if long_wanted() else (40.0, 25.0, 0.8)
    size, cuts = int(BYTES_S * whole_s * must), 0
    with tempfile.TemporaryDirectory(prefix="shaped-") as name:
        folder, plain = Path(name), Plain()
        with (
            Broker(folder / "broker") as broker,
            Far(folder / "far", broker.url) as far,
            ThinLink(broker.port, BYTES_S, DELAY_S, LOSS) as line,
            UplinkSite(folder / "site", f"mqtt://127.0.0.1:{line.port}") as site,
        ):
            until(lambda: "listening" in far.log.read_text(), "the collector listens")
            add_clip(site, "big", size)
            plain.start()
            start = cut_s = time.monotonic()
            site.start()
            while not site.rows("clip.delivered"):
                time.sleep(0.1)
                if time.monotonic() - cut_s > every_s:
                    line.cut()
                    plain.line.cut()
                    cut_s, cuts = time.monotonic(), cuts + 1
                assert time.monotonic() - start < 3 * whole_s, site.status()
            rate, stream = size / (time.monotonic() - start), plain.rate()
            again = max(0.0, line.carried["up"] - size * (1 + OVERHEAD)) / max(1, cuts)
    report(
        "files_shaped",
        "bytes/s",
        rate,
        stream,
        f">= {must} of the link, sent again <= {CHUNK * WINDOW} bytes a cut",
        rate >= must * BYTES_S and again <= CHUNK * WINDOW,
        of_the_link=round(rate / BYTES_S, 3),
        cuts=cuts,
        again_bytes_a_cut=round(again),
    )


if __name__ == "__main__":
    main()
