"""What the journal of the last run tells the next: is the camera lost, and why is there a gap."""

import pytest
from sp_footage import BOOT, stamp

from agent.core.events import (
    CameraLost,
    CameraRestored,
    FootageResumed,
    FootageStopped,
    ProcessStarted,
    ProcessStopping,
)
from agent.journal import Journal
from agent.recorder.history import look_back

ME = "recorder@yard"
LOST = CameraLost(source="yard", reason="no route to host")
FOUND = CameraRestored(source="yard", lost_ms=5)
STOPPED = FootageStopped(source="yard", reason="disk full: 3 MiB free")
RESUMED = FootageResumed(source="yard", stopped_ms=5)
STARTED = ProcessStarted(source=ME, version="1", pid=1)
STOPPING = ProcessStopping(source=ME, pid=1)


@pytest.fixture
def journal(tmp_path):
    journal = Journal.open(tmp_path / "journal.db", tmp_path / "bell", lambda: stamp(50))
    yield journal
    journal.close()


@pytest.mark.parametrize(
    ("events", "boot", "cause"),
    [
        ([], BOOT, "recorder started"),
        ([STARTED, STOPPING], BOOT, "recorder stopped"),
        ([STARTED], BOOT, "recorder died"),
        ([STARTED, STOPPING], "next", "board restarted"),
        ([STARTED], "next", "board lost power or was reset"),
        ([STARTED, LOST, STOPPING], BOOT, "camera lost: no route to host"),
        ([STARTED, LOST, FOUND, STOPPING], BOOT, "recorder stopped"),
        ([STARTED, STOPPED, LOST], "next", "disk full: 3 MiB free"),
        ([STARTED, STOPPED, RESUMED], BOOT, "recorder died"),
        (
            [CameraLost(source="gate", reason="x"), ProcessStarted(source="recorder@gate", version="1", pid=1)],
            BOOT,
            "recorder started",
        ),
    ],
)
def test_the_cause_of_the_gap_is_what_happened(journal, events, boot, cause):
    if events:
        journal.append(*events)
    found = look_back(journal, "yard", ME, boot)
    assert found.cause == cause
    assert (found.lost_since is not None) == (LOST in events and FOUND not in events)


def test_a_lost_camera_is_lost_since_then(journal):
    journal.append(LOST)
    assert look_back(journal, "yard", ME, "next").lost_since == stamp(50)
