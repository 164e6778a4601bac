"""site.toml from disk to SiteConfig, or everything that is wrong with it at once."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect as model

from agent.config.convert import Report, Table, read_table
from agent.config.lines import Lines
from agent.config.model import SiteConfig
from agent.config.problems import ConfigError, Problem
from agent.config.rules_of_site import judge
from agent.config.words import Words, language_of_environment

BYTES_MAX = 1024 * 1024
_AT_LINE = re.compile(r"\s*\(at line (\d+), column \d+\)")
_AT_END = re.compile(r"\s*\(at end of document\)")


@dataclass(frozen=True)
class Checked:
    """A file looked through. `config` is None if there are problems; warnings never stand in its way."""

    config: SiteConfig | None
    problems: list[Problem]
    warnings: list[Problem] = field(default_factory=list)
    language: str = "en"


def load(path: Path) -> SiteConfig:
    """The site's config. ConfigError with every problem of the file, or the one reason why it cannot be read."""
    checked = check(path)
    if checked.config is None:
        raise ConfigError(checked.problems, path)
    return checked.config


def check(path: Path, language: str | None = None) -> Checked:
    """Look through a file; never raises for what may be wrong with it.

    Messages are in `language`, else in the file's own `site.language`, else in that of the environment.
    """
    words = Words(language or language_of_environment())
    try:
        text = _read(path, words)
        raw = _parse(text, words)
    except _UnreadableError as error:
        return Checked(None, [error.problem], language=words.language)
    site = raw.get("site")
    own = site.get("language") if isinstance(site, dict) else None
    if language is None and own in ("en", "zh-CN"):
        words = Words(own)
    return _judge(raw, Report(words, Lines(text)))


def _judge(raw: dict[str, Any], report: Report) -> Checked:
    kind = model.type_info(SiteConfig)
    assert isinstance(kind, model.StructType)
    table = read_table(Table(raw), kind, report)
    judge(table, report)
    problems, warnings = (sorted(found, key=_place) for found in (report.problems, report.warnings))
    if problems:
        return Checked(None, problems, warnings, report.words.language)
    try:
        config = msgspec.convert(table.plain(), SiteConfig)
    except msgspec.ValidationError as error:  # convert.py and the model would have to disagree; said, not hidden
        return Checked(None, [Problem("", "", str(error))], warnings, report.words.language)
    return Checked(config, [], warnings, report.words.language)


def _place(problem: Problem) -> tuple[int, str]:
    return problem.line or 0, problem.key


# --- reading ---


class _UnreadableError(Exception):
    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.problem = Problem("", "", message, line)


def _read(path: Path, words: Words) -> str:
    """The file as text; a byte order mark (Windows editors) is no mistake."""
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        raise _UnreadableError(words("no-file")) from None
    except IsADirectoryError:
        raise _UnreadableError(words("is-folder")) from None
    except PermissionError:
        raise _UnreadableError(words("no-permission")) from None
    except OSError as error:
        raise _UnreadableError(words("unreadable", reason=error.strerror or error)) from None
    if len(raw) > BYTES_MAX:
        raise _UnreadableError(words("too-big", most=BYTES_MAX))
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _UnreadableError(words("not-utf8"), raw.count(b"\n", 0, error.start) + 1) from None


def _parse(text: str, words: Words) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise _UnreadableError(words("too-deep")) from None
    except ValueError as error:  # TOMLDecodeError is one; so is what int() says of 5000 digits
        reason = str(error)
        at, end = _AT_LINE.search(reason), _AT_END.search(reason)
        if end:
            line = len(text.rstrip("\n").split("\n"))
            raise _UnreadableError(words("syntax-end", reason=_AT_END.sub("", reason)), line) from None
        raise _UnreadableError(words("syntax", reason=_AT_LINE.sub("", reason)), int(at[1]) if at else None) from None
