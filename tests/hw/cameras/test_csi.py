"""picamera2 in a process of its own, against a stand-in with its calls: encoders, hanging calls, a cable that moves."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys

import pytest

from hw.cameras import mock_picamera2, open_camera
from hw.cameras.csi import CsiCamera, worker_command
from hw.ports import HardwareError


def camera(*faults, source="csi:?size=320x180&fps=20", stall_s=1.0):
    command = [sys.executable, "-m", "hw.cameras.mock_picamera2", "hw/cameras/csi_worker.py", *faults, "--"]
    return CsiCamera(source, stall_s=stall_s, command=command)


def read(found, count):
    return [found.read() for _ in range(count)]


@pytest.mark.parametrize(
    ("encoder", "who"), [("hardware", "the board's encoder"), ("x264", "x264"), ("broken", "x264")]
)
def test_the_encoder_is_found_at_run_time_and_told(encoder, who):
    found = camera(f"encoder={encoder}", source="csi:?size=320x180&fps=8")
    found.open()
    assert found.about == f"imx708, 320x180, encoded by {who}"
    assert [packet.is_keyframe for packet, _ in read(found, 9)].count(True) == 2
    found.close()


def test_a_cable_that_moved_is_noticed_and_the_process_ended():
    found = camera("silent_after=8")
    found.open()
    pid = found._child.pid
    with pytest.raises(HardwareError, match=r"camera 0 on CSI: nothing came for 1 s"):
        read(found, 20)
    found.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


OTHERS = [pytest.param(call, marks=pytest.mark.long) for call in ("close", "cancel_all_and_flush", "stop_encoder")]


@pytest.mark.parametrize("call", ["stop", *OTHERS])
def test_a_call_that_hangs_at_the_end_keeps_nobody(call):
    found = camera(f"hangs={call}")
    found.open()
    pid = found._child.pid
    found.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_no_camera_on_the_cable_says_where_to_look():
    with pytest.raises(HardwareError, match=r"no camera 0: is its cable in, .* rpicam-hello --list-cameras"):
        camera("cameras=0").open()


def test_a_configuration_that_is_refused_is_said_in_its_words():
    with pytest.raises(HardwareError, match="lores stream dimensions may not exceed main stream"):
        camera(source="csi:?size=160x128&fps=10").open()


def test_without_picamera2_it_says_so():
    found = CsiCamera("csi:", command=[sys.executable, "hw/cameras/csi_worker.py"])
    with pytest.raises(
        HardwareError, match="picamera2: picamera2 is not there: apt install --no-install-recommends python3-p"
    ):
        found.open()


@pytest.mark.parametrize(
    "source", ["csi:x", "csi:0?size=big", "csi:?fps=0", "csi:?fps=500", "csi:?colour=red", "csi:?kbit_s=fast"]
)
def test_a_source_that_makes_no_sense_is_refused(source):
    with pytest.raises(HardwareError, match="csi:"):
        open_camera(source)


def test_the_worker_runs_where_nothing_else_of_ours_can_be_imported(tmp_path):
    script = worker_command()[1]
    done = subprocess.run(
        [sys.executable, "-S", "-E", script, "0", "320", "180", "8", "500", "[[[0, 0], [9, 0], [9, 9]]]"],
        cwd=tmp_path, capture_output=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert b"picamera2 is not there" in done.stdout, done.stderr


def test_the_system_s_python_runs_the_worker_where_ours_has_no_picamera2():
    python, script = worker_command()
    assert python == "/usr/bin/python3"
    assert script.endswith("hw/cameras/csi_worker.py")


# As picamera2 0.3.31 has them (picamera2.py, outputs/output.py, encoders/*.py), so that the stand-in is called alike.
SIGNATURES = {
    "Picamera2.__init__": "camera_num verbose_console tuning allocator",
    "Picamera2.create_video_configuration": (
        "main lores raw transform colour_space buffer_count controls display encode queue sensor use_case"
    ),
    "Picamera2.configure": "camera_config",
    "Picamera2.start_encoder": "encoder output pts quality name",
    "Picamera2.stop_encoder": "encoders",
    "Picamera2.start": "config show_preview",
    "Picamera2.stop": "",
    "Picamera2.close": "",
    "Picamera2.cancel_all_and_flush": "",
    "Picamera2.camera_configuration": "",
    "Picamera2.capture_array": "name wait signal_function",
    "MappedArray.__init__": "request stream reshape write",
    "MappedArray.__enter__": "",
    "MappedArray.__exit__": "exc_type exc_value exc_traceback",
    "Output.__init__": "pts",
    "Output.outputframe": "frame keyframe timestamp packet audio",
    "H264Encoder.__init__": "bitrate repeat iperiod framerate enable_sps_framerate qp profile",
    "LibavH264Encoder.__init__": "bitrate repeat iperiod framerate qp profile",
}


@pytest.mark.parametrize("call", SIGNATURES)
def test_the_stand_in_has_the_calls_of_the_original(call):
    kind, _, method = call.partition(".")
    parameters = list(inspect.signature(getattr(getattr(mock_picamera2, kind), method)).parameters)
    assert parameters == ["self", *SIGNATURES[call].split()]
