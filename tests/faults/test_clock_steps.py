"""The clock is set while a camera is recorded: order is by number, nothing is lost over it, and nothing goes."""

import contextlib
import itertools
import subprocess
import sys

from sp_jobs import DAY_NS, NS, SITE, JobSite
from sp_recorder import Recorder, card_numbers, decode_errors, until

from agent.runtime.clock import SystemClock
from hw.cameras.serve import StreamServer

STEPS_DAYS = (365, -365, 16, -16, 3650, 0)
OLD, PAST_ITS_TIME = 160, 60  # four a day for 40 days, of which 25 may be kept
FIRST = OLD + 1


def retention(site, offset):
    where = ["--site", site.paths.site, "--data", site.paths.data, "--run", site.paths.run, "--clock-offset", offset]
    command = [sys.executable, "-m", "agent.jobs", "retention", *map(str, where)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def site_of(folder, source):
    """`gate` is recorded from `source`, and has 40 days of footage; a signed policy lets go what is past its time."""
    head, gate = SITE.split('id = "gate"\nsource = "testcard:"')
    more = f'id = "gate"\nsource = "{source}"\nsegment_s = 10'
    blind = "[camera.health]\nwatch = false\n\n[retention]"
    site = JobSite(folder, head + more + gate.replace("[retention]", blind))
    site.now = SystemClock().stamp()
    site.append()
    site.record("gate", 40)
    site.policy()
    return site


def test_a_clock_that_is_set_under_a_recorder(tmp_path, rounds):
    """Every other time it is killed as well, and the clock is set while it is dead. Short: forward so, and back."""
    offset, kills = tmp_path / "offset", 0
    with contextlib.ExitStack() as stack:
        server = StreamServer(0, width=320, height=180, fps=10, label="gate")
        server.start()
        stack.callback(server.close)
        recorder = Recorder(tmp_path, "", camera="gate")
        stack.callback(recorder.end)
        site = site_of(tmp_path, f"tcp://127.0.0.1:{server.port}")
        offset.write_text("0")
        recorder.start("--clock-offset", str(offset))
        recorder.recording()
        for number, days in enumerate(STEPS_DAYS[: rounds(1, len(STEPS_DAYS))]):
            if number % 2 == 0:
                recorder.kill()
                kills += 1
            offset.write_text(str(days * DAY_NS))
            if number % 2 == 0:
                recorder.start("--clock-offset", str(offset))
            recorder.recording()
            if days:
                retention(site, offset)
                assert len(site.files("gate")) >= OLD, f"a clock that is {days} days off deletes nothing"
        offset.write_text("0")
        recorder.recording()
        assert recorder.stop() == 0
    rows = [row for row in recorder.segments() if row.seq >= FIRST]
    assert [row.seq for row in rows] == list(range(FIRST, FIRST + len(rows)))
    monotonic = list(itertools.chain(*((row.start_mono_ns, row.end_mono_ns) for row in rows)))
    assert monotonic == sorted(monotonic)
    by_the_clock = list(itertools.chain(*((row.start_at_ns, row.end_at_ns) for row in rows)))
    assert by_the_clock != sorted(by_the_clock)
    shown = [card_numbers(recorder.paths.footage / row.path) for row in rows]
    assert [decode_errors(recorder.paths.footage / row.path) for row in rows] == [""] * len(rows)
    assert sum(b != a + 1 for a, b in itertools.pairwise(itertools.chain(*shown))) == kills
    gaps = [gap for gap in recorder.gaps() if gap.cause == "recorder died"]
    assert len(gaps) == len(recorder.gaps()) - 1 == kills  # and one since the 40 days ended
    assert all(0 < gap.length_ns < 60 * NS for gap in gaps)
    retention(site, offset)
    assert len(site.files("gate")) == OLD - PAST_ITS_TIME + len(rows)
    until(lambda: not site.troubles(), "the clock is believed again")
