"""A clip over 2 Mbit/s and 300 ms where 2 % of all packets are truly lost: what TCP's own choice of speed makes of it.

Unlike files_shaped.py's, this line drops packets under the kernel's own TCP, between network namespaces. Reference,
same line, before it: one plain TCP stream that measures the line (bbr), which the uplink asks its kernel for. cubic:
what part of the line a stream of the usual kind gets, which takes each loss for a full line. Needs root.
Usage: files_lossy.py [--long] (5 minutes instead of 40 s). Prints one JSON line.
"""

# ruff: noqa: E402 - a bench is run by its path and finds its helpers first

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from files_goodput import add_clip
from sp_bench import long_wanted, report
from sp_broker import Broker
from sp_far import Far
from sp_lossy_link import HERE, LossyLink, possible
from sp_ports import free_port
from sp_uplink import UplinkSite, until

BYTES_S, DELAY_S, LOSS = 250_000, 0.15, 0.02
INSIDE = "STANDPIPE_BENCH_INSIDE"
SEND = """
import socket, sys
stream = socket.socket()
stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, sys.argv[1].encode())
stream.connect((sys.argv[2], int(sys.argv[3])))
while True:
    stream.sendall(b"x" * 8192)
"""


def plain(line: LossyLink, kind: str, seconds: float) -> float:
    """Bytes a second of one stream from the board, 0 if its kernel has no such TCP."""
    with socket.create_server((HERE, 0)) as sink:
        sink.settimeout(10)
        command = [*line.board, sys.executable, "-c", SEND, kind, HERE, str(sink.getsockname()[1])]
        sender = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            peer, _ = sink.accept()
        except TimeoutError:
            return 0.0
        got, start = 0, time.monotonic()
        while time.monotonic() - start < seconds:
            got += len(peer.recv(65536))
        sender.kill()
        sender.wait()
        peer.close()
        return got / seconds


def main() -> int:
    if reason := possible():
        report("files_lossy", "bytes/s", 0.0, None, f"a lossy line: {reason}", False)
        return 0
    if INSIDE not in os.environ:  # a network of its own
        return subprocess.run(
            ["unshare", "-n", sys.executable, *sys.argv], env={**os.environ, INSIDE: "1"}, check=False
        ).returncode
    whole_s, stream_s, must = (300.0, 100.0, 0.9) if long_wanted() else (40.0, 30.0, 0.7)
    size, port = int(BYTES_S * whole_s * 0.8), free_port()
    with tempfile.TemporaryDirectory(prefix="lossy-") as name, LossyLink(BYTES_S, DELAY_S, LOSS) as line:
        folder = Path(name)
        usual, measuring = (plain(line, kind, stream_s) for kind in ("cubic", "bbr"))
        with (
            Broker(folder / "broker", options={"listener": f"{port} {HERE}"}) as broker,
            Far(folder / "far", broker.url) as far,
            UplinkSite(folder / "site", f"mqtt://{HERE}:{port}", before=line.board) as site,
        ):
            until(lambda: "listening" in far.log.read_text(), "the collector listens")
            add_clip(site, "big", size)
            start = time.monotonic()
            site.start()
            until(lambda: site.rows("clip.delivered"), "delivered", 20 * whole_s)
            rate = size / (time.monotonic() - start)
    of = {"of_the_link": round(rate / BYTES_S, 3), "cubic": round(usual / BYTES_S, 3)}
    ok = rate >= must * BYTES_S
    report("files_lossy", "bytes/s", rate, measuring, f">= {must} of the link", ok, **of)
    return 0


if __name__ == "__main__":
    sys.exit(main())
