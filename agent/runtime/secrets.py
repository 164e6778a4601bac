"""secrets.toml: users and passwords of cameras and of the broker, beside site.toml and readable by nobody else.

[pump-room]          # a camera's id, or "uplink"
user = "viewer"
password = "..."
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from agent.runtime import redact

BYTES_MAX = 64 * 1024


class SecretsError(Exception):
    """secrets.toml cannot be used. The text says why and what to do, and never holds a password."""


class Secrets:
    """Credentials by name."""

    def __init__(self, known: dict[str, tuple[str, str]]) -> None:
        self._known = known
        for _, password in known.values():
            redact.register(password)

    @classmethod
    def load(cls, path: Path) -> Secrets:
        """Read the file; no file means no credentials. SecretsError if others may read it, or it makes no sense."""
        try:
            mode = path.stat().st_mode
            if mode & 0o037:
                raise SecretsError(f"{path}: other users can read it (mode {mode & 0o777:o}): chmod 600 {path}")
            text = path.read_bytes()[: BYTES_MAX + 1]
        except FileNotFoundError:
            return cls({})
        except OSError as error:
            raise SecretsError(f"{path}: {error.strerror}") from error
        if len(text) > BYTES_MAX:
            raise SecretsError(f"{path}: larger than {BYTES_MAX} bytes")
        try:
            tables = tomllib.loads(text.decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SecretsError(f"{path}: {error}") from None
        return cls({name: _pair(path, name, table) for name, table in tables.items()})

    def credentials(self, name: str) -> tuple[str, str] | None:
        """(user, password), None if the file names none."""
        return self._known.get(name)

    def names(self) -> set[str]:
        """What the file has credentials for."""
        return set(self._known)


def _pair(path: Path, name: str, table: object) -> tuple[str, str]:
    if isinstance(table, dict) and set(table) == {"user", "password"}:
        user, password = table["user"], table["password"]
        if isinstance(user, str) and isinstance(password, str):
            return user, password
    raise SecretsError(f'{path}: [{name}] must have user = "..." and password = "..." and nothing else')
