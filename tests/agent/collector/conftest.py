"""Stores for the collector's tests: each kind of store passes the same tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_postgres import Postgres
from sp_weed import KEY, SECRET, Weed

from agent.collector.stores import Where


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as running:
        yield running


@pytest.fixture(scope="session")
def weed() -> Iterator[Weed]:
    with Weed() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Where:
    """A new, empty store; its files lie in `tmp_path/store/files`."""
    if request.param == "sqlite":
        return Where(str(tmp_path / "store"))
    server: Postgres = request.getfixturevalue("postgres")
    return Where(server.fresh(), str(tmp_path / "store" / "files"))


@pytest.fixture(params=["folder", "s3"])
def files_where(request: pytest.FixtureRequest, tmp_path: Path) -> Where:
    """As `where`, over both kinds of shelf: SQLite with a folder, PostgreSQL with an object store."""
    if request.param == "folder":
        return Where(str(tmp_path / "store"))
    server: Postgres = request.getfixturevalue("postgres")
    objects: Weed = request.getfixturevalue("weed")
    url = server.fresh()
    return Where(url, objects.url(url.rpartition("%3D")[2]), keys=(KEY, SECRET))
