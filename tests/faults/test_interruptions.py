"""The stream pulled out, the service stopped, the recorder killed: each longer than 10 s is a row with its cause."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sp_recorder import Recorder, until

from agent.core.availability import Availability
from agent.footage.index import MediaIndex
from agent.footage.query import Between, Footage
from agent.footage.uptime import availability
from agent.runtime.clock import SystemClock
from hw.cameras.serve import StreamServer

NS = 1_000_000_000
OUT_S = 13.0
NEAR_S = 2


def _recording_after(recorder: Recorder, at_ns: int) -> None:
    """Footage of after that moment is being written."""
    until(lambda: any(one.start_at_ns >= at_ns for one in recorder.segments()), "a new segment", 60)


def _available(recorder: Recorder, between: Between) -> Availability:
    index = MediaIndex(recorder.paths.media, create=False)
    try:
        return availability("yard", between, SystemClock().stamp(), index, Footage(index), recorder.paths.footage)
    finally:
        index.close()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_three_interruptions_are_three_rows_with_the_right_beginning_and_end(tmp_path: Path) -> None:
    server = StreamServer(0, width=320, height=180, fps=10)
    server.start()
    recorder = Recorder(tmp_path, f"tcp://127.0.0.1:{server.port}").start()
    truth: list[tuple[str, int, int]] = []
    try:
        recorder.recording()
        began_ns = recorder.segments()[0].start_at_ns
        for cause in ("camera lost", "recorder stopped", "recorder died"):
            from_ns = time.time_ns()
            if cause == "camera lost":
                server.close()
                time.sleep(OUT_S)
                server = StreamServer(server.port, width=320, height=180, fps=10)
                server.start()
            else:
                _ = recorder.stop() if cause == "recorder stopped" else recorder.kill()
                time.sleep(OUT_S)
                recorder.start()
            _recording_after(recorder, from_ns + int(OUT_S * NS))
            truth.append((cause, from_ns, recorder.segments()[-1].start_at_ns))
        rows = until(lambda: (found := recorder.rows("footage.gap")) and len(found) == 3 and found, "three rows")
        told = [(str(v["cause"]), int(str(v["from_ns"])), int(str(v["to_ns"]))) for v in (row.values() for row in rows)]
        assert [cause.partition(":")[0] for cause, *_ in told] == [cause for cause, *_ in truth]
        for (_, from_ns, to_ns), (_, wanted_from, wanted_to) in zip(told, truth, strict=True):
            assert abs(from_ns - wanted_from) <= NEAR_S * NS
            assert abs(to_ns - wanted_to) <= NEAR_S * NS
        found = _available(recorder, Between(began_ns, truth[-1][2]))
        missing_ns = sum(to_ns - from_ns for _, from_ns, to_ns in told)
        assert found.ppm is not None
        assert abs(found.ppm - 1_000_000 * (1 - missing_ns / (truth[-1][2] - began_ns))) <= 1_000
    finally:
        recorder.end()
        server.close()
