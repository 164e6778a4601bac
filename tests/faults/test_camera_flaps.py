"""A camera whose cable goes in and out: one recorder all the time, all footage plays, each gap has its cause."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest
from sp_recorder import Recorder, card_numbers, decode_errors, until

from hw.cameras.serve import StreamServer


def descriptors(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def memory_kib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


@pytest.mark.timeout(900)
def test_in_and_out_for_minutes(tmp_path, rounds):
    """Long: each 3 s for 5 minutes, whether or not the recorder has noticed."""
    flaps, period_s = rounds(1, 50), rounds(1, 3)
    server = StreamServer(0, width=320, height=180, fps=10, label="yard")
    server.start()
    recorder = Recorder(tmp_path, f"tcp://127.0.0.1:{server.port}").start()
    try:
        recorder.recording()
        assert recorder.process is not None
        pid = recorder.process.pid
        held, used_kib = descriptors(pid), memory_kib(pid)
        for _ in range(flaps):
            server.cut()
            time.sleep(period_s)  # the fault, not a wait for anything
            server.mend()
            time.sleep(period_s)
        lost = len(recorder.rows("camera.lost"))
        until(lambda: len(recorder.rows("camera.restored")) == len(recorder.rows("camera.lost")), "it is back", 60)
        recorder.recording()
        assert recorder.process.poll() is None
        assert lost >= 1
        assert descriptors(pid) <= held + 2
        assert memory_kib(pid) < used_kib + 12 * 1024
        assert recorder.stop() == 0
    finally:
        recorder.end()
        server.close()
    found = [card_numbers(path) for path in recorder.files()]
    assert [decode_errors(path) for path in recorder.files()] == [""] * len(found)
    shown = list(itertools.chain(*found))
    assert shown == sorted(set(shown))
    gaps = recorder.gaps()
    assert len(gaps) >= 1
    for gap in gaps:
        assert gap.cause.startswith("camera lost: tcp://127.0.0.1:"), gap.cause
