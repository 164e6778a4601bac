"""What a collector needs of its store; SQLite in a folder (sqlite_store.py) and PostgreSQL (postgres_store.py) have it.

Rules of this file:
- one connection, one transaction at a time: begin(), then statements, then commit(); outside of it nothing is read;
- statements are written once, with `?`, in what both databases understand; where they differ the store has a method;
- whatever the database says in its own words becomes a DatabaseError: roll back, answer nobody, the boards send again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

VERSION = "2"
SCHEMA = Path(__file__).with_name("schema.sql")
ADDED = Path(__file__).with_name("heads.sql")  # tables that came later: made where they are missing
MANY = 500  # values in one list of a statement

T = TypeVar("T")
Values = Sequence[object]
RowKey = tuple[int, int]  # (epoch's id, seq)


class StoreError(Exception):
    """The store cannot be used; the text says where and what to do."""


class DatabaseError(StoreError):
    """The database failed within a transaction: nothing of it is stored."""


class Reader(Protocol):
    """A store open for reading."""

    def execute(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows of the answer. Raises DatabaseError."""

    def dicts(self, sql: str, values: Values = ()) -> list[dict[str, Any]]:
        """The same by column. Raises DatabaseError."""

    def close(self) -> None: ...


class Store(Reader, Protocol):
    """A store open for writing. Every method but close() raises DatabaseError."""

    shared: bool  # other collectors may be writing there too
    boards_max: int

    @property
    def in_transaction(self) -> bool: ...

    def begin(self) -> None:
        """A transaction is open from here on."""

    def commit(self) -> None:
        """Everything since begin() is durable when this returns."""

    def rollback(self) -> None:
        """Forget what was not committed. Never raises."""

    def lock(self, what: str, ids: Collection[int]) -> None:
        """Until the transaction ends nobody else holds these (`what`: board or file; ids of boards)."""

    def many(self, sql: str, rows: Iterable[Values]) -> None:
        """The statement once for each of `rows`."""

    def add_rows(self, rows: Sequence[Values]) -> set[RowKey]:
        """Rows of table `row`, no two with one key; returns those that were not there and are now."""

    def now_ns(self) -> int:
        """UTC, the same clock for all who share the store."""


def marks(count: int) -> str:
    """`?, ?, ?` for a list of so many values."""
    return ", ".join("?" * count)


def parts(values: Sequence[T]) -> Iterable[Sequence[T]]:
    """At most MANY at a time."""
    return (values[i : i + MANY] for i in range(0, len(values), MANY))
