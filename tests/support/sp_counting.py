"""Cameras that know to the byte what their viewer has read: what was sent, less what the kernel still holds for it.

    with Counting({"yard": cards(2000)}) as cameras:      # MPEG-TS over TCP on 127.0.0.1, ten pictures a second
        open_camera(cameras.source("yard"))
        cameras.read("yard")                              # [(first picture of a connection, how many were read), ...]

One thread serves all of them, so that nothing is sent while the kernel is asked. Only the standard library but for
`cards`: it runs in a virtual board, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FPS, GOP = 10, 20
LOOK_S = 0.05
COUNT_BYTES = 4096
ESTABLISHED = "01"


def cards(count: int, *, first: int = 0) -> list[bytes]:
    """Pictures as MPEG-TS, numbered from `first`."""
    from sp_wire import Line, pictures, seconds

    paper: Any = _Paper()
    line = Line(paper, None, None)  # type: ignore[arg-type]
    shots, found = pictures(count, gop=GOP, first=first), []
    for shot, times in zip(shots, seconds(shots, FPS), strict=True):
        if shot.key:
            line.tables("h264")
        line.picture(shot.data, *times)
        found.append(paper.take())
    return found


class _Paper:
    """A connection that writes down what is sent."""

    def __init__(self) -> None:
        self._sent = b""

    def sendall(self, data: bytes) -> None:
        self._sent += data

    def take(self) -> bytes:
        sent, self._sent = self._sent, b""
        return sent


class _Viewer:
    """One connection: `first` is the first picture it was sent, `ends` where each picture ended in what was sent."""

    def __init__(self, connection: socket.socket, first: int, start_s: float) -> None:
        self.connection, self.first, self._start_s = connection, first, start_s
        self.pair = (connection.getsockname()[1], connection.getpeername()[1])
        self.ends: list[int] = []
        self.read = 0

    def send(self, shots: Sequence[bytes], now_s: float) -> None:
        """All that is due. OSError when it is gone."""
        while len(self.ends) <= (now_s - self._start_s) * FPS and self.first + len(self.ends) < len(shots):
            shot = shots[self.first + len(self.ends)]
            self.connection.sendall(shot)
            self.ends.append((self.ends[-1] if self.ends else 0) + len(shot))

    def look(self, held: Mapping[tuple[int, int], int]) -> None:
        """How many pictures were read whole, given the bytes that the kernel still holds; as before once it is gone."""
        if self.pair not in held or not self.ends:
            return
        read = self.ends[-1] - held[self.pair]
        while self.read < len(self.ends) and self.ends[self.read] <= read:
            self.read += 1


def _held_bytes(ports: set[int]) -> dict[tuple[int, int], int]:
    """(port of the camera, port of its viewer) -> bytes that were sent and are not read. Of connections that stand."""
    to_send: dict[tuple[int, int], int] = {}
    to_read: dict[tuple[int, int], int] = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        here, there = (int(field.split(":")[1], 16) for field in fields[1:3])
        waiting = [int(part, 16) for part in fields[4].split(":")]
        if fields[3] != ESTABLISHED:
            continue
        if here in ports:
            to_send[here, there] = waiting[0]
        if there in ports:
            to_read[there, here] = waiting[1]
    return {pair: to_send[pair] + to_read[pair] for pair in to_send.keys() & to_read.keys()}


class Counting:
    """Cameras by name, each with its pictures. A viewer begins at a keyframe after all that was sent before.

    ports: where they listen, any by default. notes: a file that always says what was read, and by whom (`said`).
    resume: what such a file said last, so that numbers go on.
    """

    def __init__(
        self,
        shots: Mapping[str, Sequence[bytes]],
        ports: Mapping[str, int] | None = None,
        *,
        notes: Path | None = None,
        said: str = "",
        resume: Mapping[str, int] | None = None,
    ) -> None:
        self._shots = shots
        self._listeners = {name: socket.create_server(("127.0.0.1", (ports or {}).get(name, 0))) for name in shots}
        self._viewers: dict[str, list[_Viewer]] = {name: [] for name in shots}
        self._next = {name: (resume or {}).get(name, 0) for name in shots}
        self._said = said
        self._notes = -1 if notes is None else os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, name="counting cameras", daemon=True)

    def source(self, name: str) -> str:
        return f"tcp://127.0.0.1:{self._listeners[name].getsockname()[1]}"

    def read(self, name: str) -> list[tuple[int, int]]:
        """(first picture, how many were read whole) of each connection."""
        return [(viewer.first, viewer.read) for viewer in self._viewers[name]]

    def run(self) -> None:
        """Serve until close(). RuntimeError when a camera has no pictures left."""
        ports = {listener.getsockname()[1] for listener in self._listeners.values()}
        while not self._stop.is_set():
            ready, _, _ = select.select(list(self._listeners.values()), [], [], LOOK_S)
            now_s = time.monotonic()
            for name, listener in self._listeners.items():
                if listener in ready:
                    self._take(name, listener, now_s)
            held = _held_bytes(ports)
            for name, viewers in self._viewers.items():
                for viewer in viewers[-1:]:
                    viewer.look(held)
                    self._send(name, viewer, now_s)
            self._note()

    def _take(self, name: str, listener: socket.socket, now_s: float) -> None:
        first = -(-self._next[name] // GOP) * GOP
        with contextlib.suppress(OSError):  # gone before it was taken
            self._viewers[name].append(_Viewer(listener.accept()[0], first, now_s))

    def _send(self, name: str, viewer: _Viewer, now_s: float) -> None:
        with contextlib.suppress(OSError):
            viewer.send(self._shots[name], now_s)
        self._next[name] = viewer.first + len(viewer.ends)
        if self._next[name] >= len(self._shots[name]):
            raise RuntimeError(f"{name}: has no pictures left")

    def _note(self) -> None:
        """In one call: it is there or it is not."""
        if self._notes >= 0:
            about = {"said": self._said, "next": self._next, "read": {name: self.read(name) for name in self._shots}}
            os.pwrite(self._notes, json.dumps(about).ljust(COUNT_BYTES).encode(), 0)

    def close(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(5)
        for listener in self._listeners.values():
            listener.close()
        for viewers in self._viewers.values():
            for viewer in viewers:
                viewer.connection.close()
        if self._notes >= 0:
            os.close(self._notes)

    def __enter__(self) -> Counting:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
