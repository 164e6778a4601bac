"""A parsed TOML document against the model, field by field, so that every wrong field is told at once.

msgspec itself stops at the first mistake and does not say the value. What is right is kept, so that load.py can
go on and judge how the fields fit together even when some of them are wrong.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import NODEFAULT
from msgspec import inspect as model

from agent.config.lines import Lines, Path
from agent.config.problems import Problem, is_secret_key, shown
from agent.config.words import Words, nearest

Number = model.IntType
_WRONG = object()


class Report:
    """What was found wrong (`problems`) or doubtful (`warnings`) so far."""

    def __init__(self, words: Words, lines: Lines) -> None:
        self.words = words
        self.lines = lines
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def error(self, table: Table, key: str, word: str, /, **values: object) -> None:
        """Key `key` of a table is wrong, for the reason `word`; "" is the table itself."""
        self.problems.append(self._problem(table, key, self.words(word, **values)))

    def warn(self, table: Table, key: str, word: str, /, **values: object) -> None:
        """As `error`, but the file can be used."""
        self.warnings.append(self._problem(table, key, self.words(word, **values)))

    def told(self, table: Table, key: str, message: str, *, value: str | None = None) -> None:
        """As `error`, with the sentence already made and, if need be, the value to show."""
        self.problems.append(self._problem(table, key, message, value))

    def _problem(self, table: Table, key: str, message: str, value: str | None = None) -> Problem:
        """The key may have an index: `on[2]` is the second item of `on`."""
        name, _, index = key.partition("[")
        raw = table.raw.get(name, _WRONG) if name else _WRONG
        if index and isinstance(raw, list):
            raw = raw[int(index[:-1]) - 1]
        if value is None:
            value = "" if raw is _WRONG else shown(raw)
        label = f"{table.label}.{key}" if table.label and key else table.label or key
        return Problem(label, value, message, self.lines.of((*table.path, name)))


class Table:
    """One table of the file: `raw` as it stands, `values` what of it is right, defaults filled in."""

    def __init__(self, raw: dict[str, Any], path: Path = (), label: str = "") -> None:
        self.raw = raw
        self.path = path
        self.label = label
        self.values: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        """The value if it is right, its default if it is not given, else None."""
        return self.values.get(key)

    def given(self, key: str) -> bool:
        """Whether the key stands in the file, right or wrong."""
        return key in self.raw

    def plain(self) -> dict[str, Any]:
        """The table as msgspec reads it: right values only, without the defaults."""
        return {key: _plain(value) for key, value in self.values.items() if key in self.raw}


def _plain(value: Any) -> Any:
    if isinstance(value, Table):
        return value.plain()
    return [_plain(item) for item in value] if isinstance(value, list) else value


def read_table(table: Table, kind: model.StructType, report: Report) -> Table:
    """Fill `table.values` from `table.raw`; whatever is wrong goes to the report."""
    known = {field.encode_name: field for field in kind.fields}
    for key in table.raw:
        if key not in known:
            _tell_unknown(table, key, list(known), report)
    for key, field in known.items():
        if key in table.raw:
            found = _read(table, key, table.raw[key], field.type, report)
            if found is not _WRONG:
                table.values[key] = found
        elif field.required:
            _tell_missing(table, key, field.type, report)
        else:
            table.values[key] = _default(field)
    return table


def _default(field: model.Field) -> Any:
    if field.default_factory is not NODEFAULT:
        return field.default_factory()
    if field.default is NODEFAULT or isinstance(field.type, model.StructType):
        return None
    return field.default


def _tell_unknown(table: Table, key: str, known: list[str], report: Report) -> None:
    words = report.words
    if is_secret_key(key) and nearest(key, known) is None:
        report.told(table, key, words("secret-key"), value="***")
        return
    told = words("unknown-key", nearest=words.nearest(key, known), known=", ".join(known))
    report.told(table, key, told, value="***" if is_secret_key(key) else None)


def _tell_missing(table: Table, key: str, kind: model.Type, report: Report) -> None:
    kind, about = _bare(kind)
    if isinstance(kind, model.StructType) and not table.path:
        report.error(table, key, "missing-section", name=key)
    else:
        report.error(table, key, "missing", about=about.get("description", key))


def _bare(kind: model.Type) -> tuple[model.Type, dict[str, Any]]:
    """A type without its wrapping, and what is said about it beside its limits."""
    about: dict[str, Any] = {}
    while isinstance(kind, model.Metadata):
        about = {**(kind.extra_json_schema or {}), **(kind.extra or {}), **about}
        kind = kind.type
    return kind, about


def _read(table: Table, key: str, value: Any, kind: model.Type, report: Report) -> Any:
    """The value as the model wants it, or _WRONG after telling why not."""
    bare, about = _bare(kind)
    if isinstance(bare, model.StructType):
        return _read_inner(table, key, value, bare, report)
    if isinstance(bare, model.ListType):
        return _read_list(table, key, value, bare, report)
    if about.get("number_too") and type(value) is int and 0 <= value < 10_000:
        return str(value)
    wrong = _why_not(value, bare, about, report.words)
    if wrong:
        report.told(table, key, wrong)
        return _WRONG
    return value


def _read_inner(table: Table, key: str, value: Any, kind: model.StructType, report: Report) -> Any:
    if not isinstance(value, dict):
        report.error(table, key, "inline-table" if table.path else "table", name=key)
        return _WRONG
    label = f"{table.label}.{key}" if table.label else key
    return read_table(Table(value, (*table.path, key), label), kind, report)


def _read_list(table: Table, key: str, value: Any, kind: model.ListType, report: Report) -> Any:
    item, _ = _bare(kind.item_type)
    tables = isinstance(item, model.StructType)
    if not isinstance(value, list):
        report.error(table, key, "tables" if tables else "list", name=key)
        return _WRONG
    if kind.max_length is not None and len(value) > kind.max_length:
        report.error(table, key, "list-long", most=kind.max_length, length=len(value))
        return _WRONG
    if kind.min_length is not None and len(value) < kind.min_length:
        report.error(table, key, "list-short", least=kind.min_length)
        return _WRONG
    if isinstance(item, model.StructType):
        return [_read_item(table, key, index, each, item, report) for index, each in enumerate(value)]
    found = [_read(table, f"{key}[{index}]", each, kind.item_type, report) for index, each in enumerate(value, start=1)]
    return [None if each is _WRONG else each for each in found]


def _read_item(table: Table, key: str, index: int, value: Any, kind: model.StructType, report: Report) -> Table:
    """One [[key]]; an item that is no table at all is told and stands as an empty one."""
    id_ = value.get("id") if isinstance(value, dict) else None
    where = f"{table.label}.{key}" if table.label else key
    label = f"{where}[{index + 1}]" + (f" {shown(id_)}" if isinstance(id_, str) else "")
    inner = Table(value if isinstance(value, dict) else {}, (*table.path, key, index), label)
    if not isinstance(value, dict):
        report.told(inner, "", report.words("tables", name=key), value=shown(value))
        return inner
    return read_table(inner, kind, report)


# --- one value ---


def _why_not(value: Any, kind: model.Type, about: dict[str, Any], words: Words) -> str | None:
    """What is wrong with a single value, in words; None if nothing is."""
    if isinstance(kind, model.IntType):
        return _why_no_number(value, kind, words)
    if isinstance(kind, model.BoolType):
        return None if isinstance(value, bool) else words("yes-no")
    if isinstance(kind, model.LiteralType):
        return _why_no_choice(value, [str(choice) for choice in kind.values], words)
    if isinstance(kind, model.StrType):
        return _why_no_text(value, kind, about, words)
    raise TypeError(f"the model uses {kind}, which convert.py does not know")


def _why_no_number(value: Any, kind: model.IntType, words: Words) -> str | None:
    if type(value) is int and (kind.ge is None or value >= kind.ge) and (kind.le is None or value <= kind.le):
        return None
    span = words("range", least=kind.ge, most=kind.le) if kind.ge is not None and kind.le is not None else ""
    unquote = words("unquote") if isinstance(value, str) and value.strip().isdecimal() else ""
    return words("whole-number", range=span) + unquote


def _why_no_choice(value: Any, choices: list[str], words: Words) -> str | None:
    if isinstance(value, str) and value in choices:
        return None
    allowed = words("one-of", allowed=words("or").join(f'"{choice}"' for choice in choices))
    return allowed + (words.nearest(value, choices) if isinstance(value, str) else "")


def _why_no_text(value: Any, kind: model.StrType, about: dict[str, Any], words: Words) -> str | None:
    if not isinstance(value, str):
        return words("text-or-number" if about.get("number_too") else "text")
    if not value.isprintable():
        return words("printable")
    if kind.min_length is not None and len(value) < kind.min_length:
        return words("empty") if not value else words("too-short", least=kind.min_length)
    if kind.max_length is not None and len(value) > kind.max_length:
        return words("too-long", most=kind.max_length, length=len(value))
    if kind.pattern is not None and not re.search(kind.pattern, value):
        return words(about["words"]) if "words" in about else words("pattern", pattern=kind.pattern)
    return None
