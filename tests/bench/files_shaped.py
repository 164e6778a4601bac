"""A clip over 2 Mbit/s, 300 ms and 2 % loss, the line cut again and again: how much of the line carries it for good.

Reference, over the same line without cuts: one plain TCP stream. Loss is played as a round trip of delay for what is
lost and all behind it (sp_thin_link.py). Sent again is what went up the line beyond the clip itself, for each cut.
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
STREAM_S = 8.0
OVERHEAD = 0.01  # of topics, headers and rows: no part of what is sent again


def plain(seconds: float) -> float:
    """Bytes a second of one TCP stream over such a line."""
    got, ended = 0, threading.Event()
    sink = socket.create_server(("127.0.0.1", 0))

    def take() -> None:
        nonlocal got
        peer, _ = sink.accept()
        with contextlib.suppress(OSError), peer:
            while data := peer.recv(65536):
                got += len(data)
        ended.set()

    threading.Thread(target=take, daemon=True).start()
    with ThinLink(sink.getsockname()[1], BYTES_S, DELAY_S, LOSS) as line:
        stream = socket.create_connection(("127.0.0.1", line.port))
        until(lambda: stream.send(b"x" * 8192) and got, "the first bytes are there")
        start, before = time.monotonic(), got
        while time.monotonic() - start < seconds:
            stream.sendall(b"x" * 8192)
        rate = (got - before) / (time.monotonic() - start)
        line.cut()
    sink.close()
    return rate


def main() -> None:
    whole_s, every_s, must = (600.0, 60.0, 0.9) if long_wanted() else (40.0, 25.0, 0.8)
    size, cuts = int(BYTES_S * whole_s * must), 0
    with tempfile.TemporaryDirectory(prefix="shaped-") as name:
        folder = Path(name)
        stream = plain(STREAM_S)
        with (
            Broker(folder / "broker") as broker,
            Far(folder / "far", broker.url) as far,
            ThinLink(broker.port, BYTES_S, DELAY_S, LOSS) as line,
            UplinkSite(folder / "site", f"mqtt://127.0.0.1:{line.port}") as site,
        ):
            until(lambda: "listening" in far.log.read_text(), "the collector listens")
            add_clip(site, "big", size)
            start = cut_s = time.monotonic()
            site.start()
            while not site.rows("clip.delivered"):
                time.sleep(0.1)
                if time.monotonic() - cut_s > every_s:
                    line.cut()
                    cut_s, cuts = time.monotonic(), cuts + 1
                assert time.monotonic() - start < 3 * whole_s, site.status()
            rate = size / (time.monotonic() - start)
            again = max(0.0, line.carried["up"] - size * (1 + OVERHEAD)) / max(1, cuts)
    report(
        "files_shaped",
        "bytes/s",
        rate,
        stream,
        f">= {must} of a plain stream, sent again <= {CHUNK * WINDOW} bytes a cut",
        rate >= must * stream and again <= CHUNK * WINDOW,
        cuts=cuts,
        again_bytes_a_cut=round(again),
    )


if __name__ == "__main__":
    main()
