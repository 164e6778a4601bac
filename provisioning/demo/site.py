"""The site of the demonstration: its folder, ports and site.toml."""

from __future__ import annotations

import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

SITE_TOML = """\
# The simulated site of provisioning/try.sh. More of what can stand here: provisioning/examples/
[site]
id = "{site}"
board = "pump-house"
timezone = "{timezone}"
language = "{language}"

[board]
pins = "sim:{socket}"

[[point]]
id = "pump-house-door"
kind = "door"
pin = "GPIO17"
contact = "normally-closed"
class = "supervisory"
settle_ms = 50

[[point]]
id = "cabinet-door"
kind = "door"
pin = "GPIO18"
contact = "normally-closed"
class = "supervisory"
settle_ms = 20

[[point]]
id = "pump-1-running"
pin = "GPIO22"

[[point]]
id = "pump-1-demand"
pin = "GPIO24"

[[point]]
id = "button"
kind = "button"
pin = "GPIO27"
press = ["acknowledge", "silence", "reset"]

[[pump]]
id = "pump-1"
driver = "electric"
rated_kw = 90
running = "pump-1-running"
demand = "pump-1-demand"
fail_to_start_s = 3

[[relay]]
id = "siren"
pin = "GPIO23"
max_on_s = 120

[[relay]]
id = "beacon"
pin = "GPIO26"
silence = false

[[camera]]
id = "pump-room"
source = "tcp://127.0.0.1:{camera_port}"
purpose = "watch the fire pump"
keep = "15 days"
segment_s = 10
stall_s = 3

[[rule]]
on = ["pump.fail_to_start", "pump.stopped_on_demand"]
drive = ["siren"]
until = "acknowledged"
clip = {{ cameras = ["pump-room"], before_s = 5, after_s = 5, hold = true }}

[[rule]]
on = ["door.opened"]
drive = ["beacon"]
until = "restored"

[retention]
reserve_mb = 64

[uplink]
broker = "mqtt://{broker}"
"""


@dataclass(frozen=True)
class Place:
    """Where the demonstration keeps its things. `run` is apart: short enough for a socket's name, gone afterwards."""

    root: Path
    run: Path
    site_id: str
    broker_port: int
    camera_port: int

    @property
    def site(self) -> Path:
        return self.root / "site.toml"

    @property
    def data(self) -> Path:
        return self.root / "board"

    @property
    def collector(self) -> Path:
        return self.root / "collector"

    @property
    def broker(self) -> Path:
        return self.root / "broker"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def socket(self) -> Path:
        return self.run / "board.sock"


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _short_folder() -> str:
    """For the run folder: a Unix socket's name has at most 107 bytes."""
    folder = tempfile.gettempdir()
    return folder if len(os.fsencode(folder)) < 75 else "/tmp"


def lay_out(root: Path, language: str) -> Place:
    """Make the folders and site.toml. OSError if the folder cannot be written."""
    place = Place(
        root=root.absolute(),
        run=Path(tempfile.mkdtemp(prefix="standpipe-run-", dir=_short_folder())),
        site_id=f"try-{os.urandom(3).hex()}",
        broker_port=free_port(),
        camera_port=free_port(),
    )
    for folder in (place.root, place.data, place.collector, place.broker, place.logs):
        folder.mkdir(parents=True, exist_ok=True)
    place.site.write_text(
        SITE_TOML.format(
            site=place.site_id,
            timezone="Asia/Shanghai" if language == "zh-CN" else "UTC",
            language=language,
            socket=place.socket,
            camera_port=place.camera_port,
            broker=f"127.0.0.1:{place.broker_port}",
        ),
        encoding="utf-8",
    )
    return place
