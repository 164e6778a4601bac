"""Addresses of cameras: what `check` lets pass is what a recorder can begin with, and what it refuses is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import check
from hw.cameras import open_camera
from hw.ports import HardwareError

GOOD = (
    "csi:", "csi:1", "csi:0?size=1920x1080&fps=15&kbit_s=4000", "csi:?fps=120", "/dev/video0",
    "/dev/v4l/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.1:1.0-video-index0?format=mjpeg&size=1280x720&fps=10",
    "/dev/video0?kbit_s=2500&fps=30000/1001", "testcard:", "testcard:640x360", "testcard:320x180/10", "testcard:/5",
    "rtsp://10.0.0.7/main?channel=1&subtype=0", "pipe: rpicam-vid -t 0 -o -", "file:/a.mp4", "tcp://127.0.0.1:7001",
)  # fmt: skip
BAD = (
    "csi:x", "csi:0?size=big", "csi:?fps=0", "csi:?fps=500", "csi:?kbit_s=fast", "csi:?colour=red", "csi:?size=",
    "/dev/video0?colour=red", "/dev/video0?kbit_s=fast", "testcard:wrong", "testcard:640x360/100", "http://10.0.0.7/x",
    "pipe: rpicam-vid 'open quote", "tcp://127.0.0.1",
)  # fmt: skip
ASKS_TOO_MUCH = ("/dev/video0?size=big", "/dev/video0?fps=fast", "/dev/video0?format=")  # only the device refuses them


def problems(folder: Path, source: str) -> list[str]:
    site = folder / "site.toml"
    site.write_text(f"[site]\nid = 'a'\nboard = 'b'\n[[camera]]\nid = 'yard'\nsource = '''{source}'''\n")
    return [problem.key for problem in check(site).problems]


@pytest.mark.parametrize("source", GOOD)
def test_what_a_recorder_can_begin_with_is_let_pass(tmp_path: Path, source: str) -> None:
    assert problems(tmp_path, source) == []
    open_camera(source)


@pytest.mark.parametrize("source", BAD)
def test_what_no_recorder_can_begin_with_is_found_beforehand(tmp_path: Path, source: str) -> None:
    assert problems(tmp_path, source) == ['camera[1] "yard".source']
    with pytest.raises(HardwareError):
        open_camera(source)


@pytest.mark.parametrize("source", ASKS_TOO_MUCH)
def test_what_no_device_understands_is_found_beforehand(tmp_path: Path, source: str) -> None:
    assert problems(tmp_path, source) == ['camera[1] "yard".source']
