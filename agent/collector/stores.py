"""Where a store is, from the command line: a folder or postgresql://..., and where the files of boards lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from agent.collector.shelf import Shelf, ShelfError
from agent.collector.sqlite_store import SqliteStore, open_to_read
from agent.collector.store import Reader, Store, StoreError
from agent.runtime import redact

MISSING = 'needs the packages of the extra "central": pip install "standpipe[central]"'


@dataclass(frozen=True)
class Where:
    """store: a folder, or postgresql://USER@HOST/NAME; files: a folder, or s3://BUCKET?endpoint=URL, "" for
    the store's own folder. password: PostgreSQL's; keys: (access key, secret) of the object store.
    """

    store: str
    files: str = ""
    password: str = ""
    keys: tuple[str, str] | None = None

    @property
    def shared(self) -> bool:
        """Several collectors may write there."""
        return urlsplit(self.store).scheme in ("postgresql", "postgres")

    @property
    def _files_folder(self) -> Path:
        return Path(self.files) if self.files else Path(self.store) / "files"

    def open(self) -> Store:
        """For writing. Raises StoreError."""
        if not self.shared:
            return SqliteStore(Path(self.store))
        if not self.files:
            raise StoreError("--store postgresql:// has no folder: say where files lie with --files")
        self._hide_password()
        try:
            from agent.collector.postgres_store import PostgresStore
        except ImportError as error:
            raise StoreError(f"PostgreSQL {MISSING}") from error
        return PostgresStore(self.store, self.password)

    def open_to_read(self, *, writable: bool = False) -> Reader:
        """For a report; it is written to as well if `writable`. Raises StoreError."""
        if not self.shared:
            return open_to_read(Path(self.store), writable=writable)
        self._hide_password()
        try:
            from agent.collector.postgres_store import open_postgres_to_read
        except ImportError as error:
            raise StoreError(f"PostgreSQL {MISSING}") from error
        return open_postgres_to_read(self.store, self.password, writable=writable)

    def shelf(self, store: Store) -> Shelf:
        """Where bytes go. Raises StoreError."""
        if self.files.startswith("s3://"):
            try:
                from agent.collector.s3 import Bucket, S3Shelf
            except ImportError as error:
                raise StoreError(f"s3:// {MISSING}") from error
            return S3Shelf(Bucket.from_url(self.files, self.keys or _keys_of_environment()), store)
        from agent.collector.folder import FolderShelf

        try:
            return FolderShelf(self._files_folder)
        except ShelfError as error:
            raise StoreError(f"{self._files_folder}: {error}: name a folder you may write to with --store") from error

    def path_of(self, path: str) -> str:
        """How a report names the file SITE/BOARD/FID/NAME."""
        if self.files.startswith("s3://"):
            parts = urlsplit(self.files)
            return f"s3://{parts.netloc}/{'/'.join(filter(None, (parts.path.strip('/'), path)))}"
        return f"files/{path}" if not self.files else str(Path(self.files) / path)

    def _hide_password(self) -> None:
        redact.register(self.password)
        redact.register(urlsplit(self.store).password or "")


def at(where: Where | Path | str) -> Where:
    """A folder's or address's Where."""
    return where if isinstance(where, Where) else Where(str(where))


def _keys_of_environment() -> tuple[str, str] | None:
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("AWS_SECRET_ACCESS_KEY", "")
    return (key, secret) if key else None
