"""Raspberry Pi cameras on the ribbon (CSI), through picamera2 in a process of its own (csi_worker.py).

    csi:                                   the first camera, 1920x1080 at 15 pictures a second
    csi:1?size=1280x720&fps=25&kbit_s=3000

A Pi 4 encodes in hardware, a Pi 5 has no encoder and takes x264; which it was is in `about`. libcamera's calls may hang
for ever when the cable is moved, so whoever is silent is asked to stop, killed, and started anew; and if even that
does not end it, the next open() says that the board must be restarted.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import time
import urllib.parse
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av

from hw.cameras.areas import Area
from hw.cameras.child import Child
from hw.cameras.csi_worker import FAILED, HEADER, HELLO, PACKET, PICTURE
from hw.cameras.formats import Sample
from hw.cameras.viewfinder import Viewfinder
from hw.ports import HardwareError, Picture

START_S = 20.0  # importing picamera2 takes a Pi 4 some seconds, and a sensor's first pictures one more
TERM_S = 9.0  # four calls of 2 s each
MESSAGE_BYTES_MAX = 16 << 20
DEFAULTS = {"size": "1920x1080", "fps": "15", "kbit_s": "3000"}
_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
_SYSTEM_PYTHON = "/usr/bin/python3"


class Message(NamedTuple):
    """One message of the worker."""

    kind: int
    key: bool
    height: int
    at_us: int
    mono_ns: int
    data: bytes


def worker_command() -> list[str]:
    """How the worker is started: by our Python if that has picamera2, else by the system's, which apt gives it to."""
    ours = importlib.util.find_spec("picamera2") is not None
    return [sys.executable if ours else _SYSTEM_PYTHON, str(Path(__file__).with_name("csi_worker.py"))]


class CsiCamera:
    """One camera on the ribbon. See ports.Camera for the contract.

    `masks` are painted into its frames before they are encoded. `command` starts another worker than the usual.
    """

    pictures = True

    def __init__(
        self, source: str, *, stall_s: float = 8, masks: Sequence[Area] = (), command: Sequence[str] = ()
    ) -> None:
        self._wanted = [*_wanted(source), json.dumps(masks)]
        self._shown = f"camera {self._wanted[0]} on CSI"
        self._command = command
        self._stall_s = stall_s
        self._child: Child | None = None
        self._sample: Sample | None = None
        self._pending: tuple[Any, int] | None = None
        self._buffer = bytearray()
        self._viewfinder = Viewfinder()
        self.about = ""

    def open(self) -> Any:
        """Start the worker and wait for the first keyframe; a template of it."""
        self.close()
        try:
            command = [*(self._command or worker_command()), *self._wanted]
            self._child = Child(command, listens=True, term_s=TERM_S)
            self._until(HELLO, START_S)
            first = self._until(PACKET, START_S)
            while not first.key:
                first = self._until(PACKET, self._stall_s)
            self._sample = Sample("h264", first.data)
        except HardwareError as error:
            self.close()
            raise HardwareError(f"{self._shown}: {error}") from None
        self._pending = _packet(first), first.mono_ns
        return self._sample.stream

    def read(self) -> tuple[Any, int]:
        """The next packet."""
        pending, self._pending = self._pending, None
        if pending is not None:
            return pending
        try:
            message = self._until(PACKET, self._stall_s)
        except HardwareError as error:
            raise HardwareError(f"{self._shown}: {error}") from None
        return _packet(message), message.mono_ns

    def picture(self) -> Picture | None:
        """The newest lores picture; asks for the next."""
        child = self._child
        if child is not None:
            child.send(b"p")
        return self._viewfinder.take()

    def close(self) -> None:
        """Have the worker stop, and end it if it does not. Safe to call twice and after an error."""
        child, self._child = self._child, None
        self._buffer.clear()
        self._pending = None
        if child is not None:
            child.close()
        sample, self._sample = self._sample, None
        if sample is not None:
            sample.close()

    def _until(self, kind: int, limit_s: float) -> Message:
        """The next message of this kind; pictures on the way are kept. HardwareError, nameless, when none comes."""
        until_s = time.monotonic() + limit_s
        while True:
            message = self._message(until_s, limit_s)
            if message.kind == PICTURE and message.height:
                width = len(message.data) // message.height
                self._viewfinder.put(Picture(width, message.height, message.data, message.mono_ns))
            elif message.kind == HELLO:
                self.about = _about(message.data)
            elif message.kind == FAILED:
                raise HardwareError(message.data.decode("utf-8", "replace")[:300])
            if message.kind == kind:
                return message

    def _message(self, until_s: float, limit_s: float) -> Message:
        kind, key, height, size, at_us, mono_ns = HEADER.unpack(self._bytes(HEADER.size, until_s, limit_s))
        if size > MESSAGE_BYTES_MAX:
            raise HardwareError("its process sends what makes no sense")
        return Message(kind, bool(key), height, at_us, mono_ns, self._bytes(size, until_s, limit_s))

    def _bytes(self, size: int, until_s: float, limit_s: float) -> bytes:
        child = self._child
        if child is None:
            raise HardwareError("read before open")
        while len(self._buffer) < size:
            data = child.receive(1 << 18, max(0.0, until_s - time.monotonic()))
            if not data:
                said = child.ending()
                silent = f"nothing came for {limit_s:g} s" if data is None else "picamera2's process is gone"
                raise HardwareError(silent + (f" ({said})" if said else ""))
            self._buffer += data
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found


def _wanted(source: str) -> list[str]:
    """The worker's arguments. HardwareError for what is no source of this kind."""
    url = urllib.parse.urlsplit(source)
    asked = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
    unknown = sorted(set(asked) - set(DEFAULTS))
    if unknown:
        raise HardwareError(f"{source}: unknown option {unknown[0]!r}: size, fps and kbit_s are understood")
    values = {**DEFAULTS, **asked}
    size = _SIZE.fullmatch(values["size"])
    numbers = (url.path or "0", values["fps"], values["kbit_s"])
    if size is None or not all(number.isdecimal() for number in numbers) or not 1 <= int(numbers[1]) <= 120:
        raise HardwareError(f"{source}: csi:NUMBER?size=1920x1080&fps=15&kbit_s=3000 is the form")
    return [numbers[0], size[1], size[2], numbers[1], numbers[2]]


def _about(hello: bytes) -> str:
    try:
        found = json.loads(hello)
        size = f"{found['width']}x{found['height']}"
        encoder = "the board's encoder" if found["encoder"] == "hardware" else "x264"
        return f"{found['model']}, {size}, encoded by {encoder}"
    except (ValueError, KeyError, TypeError):
        return ""


def _packet(message: Message) -> Any:
    packet = av.Packet(message.data)
    packet.pts = packet.dts = message.at_us
    packet.time_base = Fraction(1, 1_000_000)
    packet.is_keyframe = message.key
    return packet
