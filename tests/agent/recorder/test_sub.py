"""The sub stream is away while the main stream comes: told once, taken back once, also by the next run."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sp_recorder import until

from agent.core.backoff import Backoff
from agent.core.events import TroubleRaised
from agent.journal import Journal
from agent.recorder import sub as sub_module
from agent.recorder.flow import FragmentQueue, Shown
from agent.recorder.history import told_of
from agent.recorder.sub import SUB_STREAM, SubLoop
from agent.recorder.tap import Tap
from agent.recorder.view import View
from agent.runtime.clock import SystemClock
from hw.cameras import open_camera
from hw.cameras.serve import StreamServer


def test_nobody_looks_unnoticed(server: StreamServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sub_module, "AWAY_S", 0.3)
    notes, shown, stop, tap = [], Shown(), threading.Event(), Tap(keep_all=True)
    tries = []
    camera, backoff = open_camera(f"tcp://127.0.0.1:{server.port}"), Backoff(0.05, 0.1, lambda: 0.9)
    loop = SubLoop("yard", camera, tap, backoff, shown, notes.append)
    thread = threading.Thread(target=loop.run, args=(stop, lambda: tries.append(1)), daemon=True)
    server.cut()
    thread.start()
    try:
        until(lambda: len(tries) > 20, "tries")
        assert notes == []  # the whole camera is away, which is told elsewhere
        shown.state = "receiving"
        until(lambda: notes, "the trouble")
        assert View(shown, FragmentQueue()).values()["faults"] == ["unwatched"]
        server.mend()
        until(lambda: len(notes) > 1, "its end")
        assert tap.take()
        assert View(shown, FragmentQueue()).values()["faults"] == []
    finally:
        stop.set()
        thread.join(30)
    assert [(note.KIND, note.source, note.what) for note in notes] == [
        ("trouble.raised", "yard", "sub stream"), ("trouble.cleared", "yard", "sub stream")
    ]  # fmt: skip
    where = f"tcp://127.0.0.1:{server.port}"
    assert notes[0].detail.startswith(f"the sub stream is away, nothing looks at the pictures: {where}: ")


def test_what_an_earlier_run_told_is_known(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "journal.db", tmp_path / "bell", SystemClock().stamp)
    assert not told_of(journal, "yard", SUB_STREAM)
    for what in (SUB_STREAM, "segment damaged"):
        journal.append(TroubleRaised(source="yard", what=what, detail="x"))
    assert told_of(journal, "yard", SUB_STREAM)
    assert not told_of(journal, "gate", SUB_STREAM)
    journal.append(sub_module.TroubleCleared(source="yard", what=SUB_STREAM, detail="x"))
    assert not told_of(journal, "yard", SUB_STREAM)
    journal.close()
