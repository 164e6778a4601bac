"""Commands as cameras: started without a shell, ended and reaped, and what they say is shown without passwords."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.config import load
from hw.cameras import child as child_module
from hw.cameras import open_camera
from hw.cameras.child import Child, cleared, words_of
from hw.cameras.specs import pipe_spec
from hw.cameras.stream import StreamCamera
from hw.ports import HardwareError


def refused(source, start_s=1.0, credentials=None):
    """Why a command is no camera."""
    camera = StreamCamera(pipe_spec(source, credentials, start_s), stall_s=1.0)
    with pytest.raises(HardwareError) as caught:
        camera.open()
    camera.close()
    return str(caught.value)


def gone(pid):
    """No such process, not even one that nobody has reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/no/such/thing -x", "/no/such/thing: cannot be started (no such file or directory)"),
        ("sh -c 'echo no camera here >&2; exit 3'", "sh: it ended with exit code 3: no camera here"),
        ("sh -c 'kill -9 $$'", "sh: it ended by signal 9"),
        ("true", "true: it ended"),
        ("sh -c 'echo starting >&2; exec sleep 60'", "sh: nothing came for 1 s (starting)"),
        ("head -c 300000 /dev/urandom", "head: it ended"),
    ],
)
def test_a_command_that_is_no_camera_says_why(command, said):
    assert refused(f"pipe: {command}") == f"pipe: {said}"


@pytest.mark.parametrize("line", ["", "   ", "rpicam-vid 'open quote"])
def test_a_line_without_words_is_refused(line):
    with pytest.raises(HardwareError, match="pipe: "):
        open_camera(f"pipe:{line}")


def test_words_are_words_and_nothing_is_expanded():
    assert words_of("gst-launch-1.0 a ! b 'c d' $HOME *") == ["gst-launch-1.0", "a", "!", "b", "c d", "$HOME", "*"]


# What only a Jetson has, and what does the same anywhere; a small picture, for it is encoded by x264 here.
STAND_INS = {
    r"nvarguscamerasrc sensor-id=0": "videotestsrc is-live=true",
    r"\(memory:NVMM\)": "",
    r"nvvidconv": "videoconvert",
    r"width=\d+,height=\d+": "width=320,height=180",
    r"nvv4l2h264enc bitrate=\d+ iframeinterval=(\d+) idrinterval=\d+ insert-sps-pps=true": (
        r"x264enc tune=zerolatency speed-preset=ultrafast key-int-max=\1"
    ),
}


@pytest.mark.parametrize("board", ["jetson-orin-nano", pytest.param("jetson-orin", marks=pytest.mark.long)])
def test_the_recipe_of_a_board_gives_packets(board):
    source = load(Path(__file__).parents[3] / f"provisioning/examples/cameras-{board}.toml").camera[0].source
    for there, here in STAND_INS.items():
        source = re.sub(there, here, source)
    assert not re.search(r"\bnv", source)
    camera = open_camera(source)
    camera.open()
    assert camera.about == "h264, 320x180, copied"
    assert [packet.is_keyframe for packet, _ in (camera.read() for _ in range(17))].count(True) >= 1
    camera.close()


def test_what_it_says_has_no_password_and_has_an_end():
    talk = 'echo "rtsp://joe:geheim@10.0.0.7/x password=geheim $CAMERA_PASSWORD"'
    said = refused(
        f"pipe: sh -c 'yes x | head -c 90000 >&2; {talk} >&2'",
        credentials=("joe", "s3cret/word"),
    )
    assert "geheim" not in said
    assert "s3cret/word" not in said
    assert "rtsp://***@10.0.0.7/x password=*** ***" in said
    assert len(said) < 400


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("user-pw=abc x", "user-pw=*** x"),
        ("Token: abc", "Token: ***"),
        ("http://a:b@c/d https://e@f", "http://***@c/d https://***@f"),
        ("no secrets at key frame 7", "no secrets at key frame 7"),
    ],
)
def test_passwords_are_found_by_their_names(text, shown):
    assert cleared(text) == shown


def test_the_whole_group_is_ended_and_reaped():
    """A shell that ignores SIGTERM, and a grandchild."""
    script = "trap '' TERM; sleep 300 & echo $! ; while :; do sleep 0.1; done"
    running = Child(["sh", "-c", script], term_s=0.3)
    grandchild = int(running.receive(100, 10) or b"0")
    began = time.monotonic()
    running.close()
    assert gone(running.pid)
    until = time.monotonic() + 10
    while not gone(grandchild) and time.monotonic() < until:  # it is init's to reap
        with open(f"/proc/{grandchild}/stat") as stat:  # noqa: PTH123
            if stat.read().split()[2] == "Z":
                break
        time.sleep(0.02)
    assert time.monotonic() - began < 30
    running.close()


def test_a_stopped_process_is_ended_too():
    running = Child([sys.executable, "-c", "import time; print('x', flush=True); time.sleep(300)"])
    assert running.receive(1, 30) == b"x"
    os.kill(running.pid, signal.SIGSTOP)
    running.close()
    assert gone(running.pid)


def test_beside_a_process_that_hangs_in_the_kernel_nothing_is_started(monkeypatch):
    stuck = subprocess.Popen(["sleep", "300"])
    monkeypatch.setattr(child_module, "_stuck", [stuck])
    try:
        assert f"process {stuck.pid} cannot be ended, it hangs in the kernel: restart the board" in refused(
            "pipe: true"
        )
    finally:
        stuck.kill()
        stuck.wait()
    assert "it ended" in refused("pipe: true")


def test_what_is_sent_to_somebody_gone_is_lost_and_no_error():
    running = Child(["sleep", "300"], listens=True)
    running.send(b"p")
    running.close()
    running.send(b"p")
    assert gone(running.pid)
