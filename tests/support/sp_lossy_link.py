"""A line that truly loses packets: two TUN devices, a network namespace behind one of them, and this between them.

Run in a network namespace of its own (`unshare -n`), as root: nothing of the machine's own network is touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType

HERE, THERE = "10.99.0.1", "10.99.0.2"  # the far end's address, and the board's
QUEUE_S = 0.4  # what is not sent within it is lost too, as in any modem
LATE_S = 0.005
_TUNSETIFF, _TUN_NO_PI = 0x400454CA, 0x1001


class LossyLink:
    """A board's namespace, reached over `bytes_s` each way, `delay_s` one way, `loss` of all packets.

    board: the command before those that shall run there.
    """

    def __init__(self, bytes_s: int, delay_s: float, loss: float) -> None:
        self._bytes_s, self._delay_s, self._loss = bytes_s, delay_s, loss
        self._chance = random.Random(bytes_s)
        self.carried = {"up": 0, "down": 0}  # bytes of packets that came through

    def __enter__(self) -> LossyLink:
        self._holder = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        own = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{self._holder.pid}/ns/net").readlink() == own:
            time.sleep(0.01)
        self.board = ["nsenter", "-t", str(self._holder.pid), "-n"]
        near, far = _tun("board"), _tun("centre")
        _ip(["link", "set", "board", "netns", str(self._holder.pid)])
        for before, name, address in (([], "centre", HERE), (self.board, "board", THERE)):
            _ip(["link", "set", "lo", "up"], before)
            _ip(["addr", "add", f"{address}/24", "dev", name], before)
            _ip(["link", "set", name, "up", "mtu", "1500"], before)
        usual = "net.ipv4.tcp_congestion_control=reno"  # as little is known to every kernel; a board must ask for more
        subprocess.run([*self.board, "sysctl", "-q", "-w", usual], check=True)
        for way, source, target in (("up", near, far), ("down", far, near)):
            threading.Thread(target=self._carry, args=(way, source, target), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._holder.kill()
        self._holder.wait()

    def _carry(self, way: str, source: int, target: int) -> None:
        flying: list[tuple[float, int, bytes]] = []
        free_s, number = 0.0, 0
        while True:
            wait_s = max(0.0, flying[0][0] - time.monotonic()) if flying else 1.0
            ready, _, _ = select.select([source], [], [], wait_s)
            now_s = time.monotonic()
            if ready:
                packet = os.read(source, 65536)
                if free_s - now_s <= QUEUE_S:
                    free_s = max(now_s - LATE_S, free_s) + len(packet) / self._bytes_s
                    if self._chance.random() >= self._loss:
                        number += 1
                        heapq.heappush(flying, (free_s + self._delay_s, number, packet))
            while flying and flying[0][0] <= now_s:
                packet = heapq.heappop(flying)[2]
                self.carried[way] += len(packet)
                with contextlib.suppress(OSError):  # a device that goes down at the end
                    os.write(target, packet)


def possible() -> str:
    """Why there can be no such line here; "" if there can."""
    if os.getuid() != 0:
        return "it needs root, for a network namespace and TUN devices"
    missing = [tool for tool in ("ip", "nsenter", "sysctl", "unshare") if shutil.which(tool) is None]
    if missing:
        return f"it needs {', '.join(missing)}: apt-get install iproute2 util-linux procps"
    return "" if Path("/dev/net/tun").exists() else "no /dev/net/tun here"


def _tun(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", name.encode(), _TUN_NO_PI))
    return device


def _ip(words: list[str], before: list[str] | None = None) -> None:
    subprocess.run([*(before or []), "ip", *words], check=True)
