"""A running panel over a simulated board."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site whose board and panel run."""
    with Site(tmp_path / "s") as made:
        made.start_board()
        made.start_panel()
        yield made
