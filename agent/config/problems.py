"""A mistake in site.toml: which key, on which line, what stands there, what is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

VALUE_LENGTH = 60
_CREDENTIALS = re.compile(r"://.*@|^[^/\s:@]+:[^/@]*@", re.DOTALL)
_PASSWORD = re.compile(r"(?i)\b(user|username|password|passwd|pass|pwd|token|key)=[^&\s/]*")
_SECRET_KEY = re.compile(r"(?i)^(user(name)?|login|pass(word|wd|phrase)?|pwd|secret|token|credentials?|psk|pin_?code)$")


@dataclass(frozen=True)
class Problem:
    """One thing wrong. `value` is as it stands in the file, without credentials ("" if there is none)."""

    key: str
    value: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        what = f"{self.key} = {self.value}" if self.value else self.key
        return f"{what}: {self.message}" if what else self.message

    def at(self, path: Path | str) -> str:
        """FILE:LINE: KEY = VALUE: MESSAGE, as editors and terminals make clickable."""
        return f"{path}:{self.line}: {self}" if self.line else f"{path}: {self}"


class ConfigError(Exception):
    """site.toml cannot be used. `problems` has everything that is wrong with it, in the order of the file."""

    def __init__(self, problems: Sequence[Problem], path: Path | str = "site.toml") -> None:
        self.problems = list(problems)
        self.path = path
        super().__init__("\n".join(problem.at(path) for problem in self.problems))

    def first(self) -> str:
        """The first problem, and how many more there are, in one line."""
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        return f"{self.problems[0].at(self.path)}{more}"


def shown(value: object) -> str:
    """A value as the file has it, on one line, cut to a readable length, never with a password of an address."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
        return ""  # a whole section: its heading says enough
    if isinstance(value, list):
        return _cut(f"[{', '.join(shown(item) for item in value[:10])}]")
    if isinstance(value, str):
        plain = without_credentials(value)
        return _cut(json.dumps(plain, ensure_ascii=not plain.isprintable()))
    if isinstance(value, int) and abs(value) > 10**18:
        return _cut(hex(value))  # str() refuses numbers of more than 4300 digits
    return _cut(str(value))


def without_credentials(text: str) -> str:
    """The text with whatever could be user and password of an address replaced by ***."""
    before, at, host = text.rpartition("@")
    if at:
        scheme, mark, _ = before.partition("://")
        text = f"{scheme}{mark}***@{host}" if mark else f"***@{host}"
    return _PASSWORD.sub(r"\1=***", text)


def has_credentials(text: str) -> bool:
    """Whether an address in the text has user or password before its host."""
    return _CREDENTIALS.search(text) is not None


def has_password(text: str) -> bool:
    """Whether something like password=... stands in the text, as some cameras want in their path."""
    return _PASSWORD.search(text) is not None


def is_secret_key(key: str) -> bool:
    """Whether a key of this name would hold a secret: then its value is not shown."""
    return _SECRET_KEY.match(key) is not None


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_LENGTH else text[: VALUE_LENGTH - 4] + " ..."
