"""An empty index and footage folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.footage.index import MediaIndex


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    return tmp_path / "footage"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[MediaIndex]:
    index = MediaIndex(tmp_path / "media.db")
    yield index
    index.close()
