"""A live camera with numbered frames, and recorders that are gone when the test is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sp_recorder import Recorder

from hw.cameras.serve import StreamServer


@pytest.fixture
def server() -> Iterator[StreamServer]:
    server = StreamServer(0, width=320, height=180, fps=10, label="yard")
    server.start()
    yield server
    server.close()


@pytest.fixture
def recorder_of(tmp_path: Path) -> Iterator[Callable[..., Recorder]]:
    """recorder_of(source, ...): a recorder on its own site, not yet started."""
    made: list[Recorder] = []

    def make(source: str, **more: object) -> Recorder:
        made.append(Recorder(tmp_path / "site", source, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for recorder in made:
        recorder.end()


@pytest.fixture
def recorder(server: StreamServer, recorder_of: Callable[..., Recorder]) -> Recorder:
    """A recorder of the live camera, not yet started."""
    return recorder_of(f"tcp://127.0.0.1:{server.port}")
