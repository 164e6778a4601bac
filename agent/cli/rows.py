"""A journal row in words: what it says of time, class and data, for people; and as JSON, for scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields

from agent.cli.place import Place
from agent.cli.terminal import CYAN, DIM, RED, YELLOW, amount, coloured, pad, paint, safe, span
from agent.core.chain import Row
from agent.core.events import KINDS
from agent.core.wire import utc_text
from agent.journal.projections import corrected_ns

COLOURS = {"alarm": RED, "trouble": YELLOW, "supervisory": CYAN}
BOOLEANS = {
    "closed": ("contact closed", "contact open"),
    "energised": ("energised", "released"),
    "ran": ("was running", "was not running"),
}
UNITS = {"_ms": 0.001, "_s": 1.0}
HIDDEN = ("_mono_ns", "mono_ns", "boot")  # of use to programs only: `--json` has them


def line(row: Row, place: Place, anchors: Mapping[str, int], *, colour: bool | None = None) -> str:
    """Number, time, class, kind, source, data: one line, columns aligned for names of ordinary length."""
    signal = pad(row.signal, 11)
    on = coloured() if colour is None else colour
    if row.signal in COLOURS:
        signal = paint(signal, COLOURS[row.signal], on=on)
    kind, source = pad(safe(row.kind), 22), pad(safe(row.source), 20)
    return f"{row.seq:>7}  {time_of(row, place, anchors)}  {signal} {kind} {source} {in_words(row, place)}".rstrip()


def time_of(row: Row, place: Place, anchors: Mapping[str, int]) -> str:
    """Local time in 20 columns; `~` before one of a clock that nothing kept, time since boot if none is known."""
    at_ns = corrected_ns(row, dict(anchors))
    if row.clock == "unset" and row.boot not in anchors:
        return pad(f"? boot+{span(row.mono_ns / 1e9)}", 20)
    return pad(("~" if row.clock != "synced" else " ") + place.time(at_ns), 20)


def in_words(row: Row, place: Place) -> str:
    """The row's data for people: lengths of time and sizes with their unit, yes and no as the world's state."""
    try:
        values = row.values()
    except ValueError:
        return "(unreadable data)"
    told = [_told(key, values[key], place) for key in _in_order(row.kind, values)]
    return safe(", ".join(part for part in told if part)).replace("\n", " ")


def _in_order(kind: str, values: Mapping[str, object]) -> list[str]:
    """Keys as the event names them (the journal sorts them); those of a later version's last."""
    known = [field.name for field in fields(KINDS[kind])] if kind in KINDS else []
    return sorted(values, key=lambda key: known.index(key) if key in known else len(known))


def _told(key: str, value: object, place: Place) -> str:
    if key.endswith(HIDDEN) or value in (None, "", [], {}) or (key == "short_ms" and value == 0):
        return ""
    if isinstance(value, bool):
        return _boolean(key, value)
    if isinstance(value, int):
        return _number(key, value, place)
    if isinstance(value, list):
        return f"{_name(key)} {' '.join(map(str, value))}"
    if isinstance(value, dict):
        return f"{_name(key)} " + " ".join(f"{k}={v}" for k, v in value.items())
    if key in ("hash", "sha256", "digest", "ours", "theirs"):
        return f"{key} {str(value)[:12]}"
    return str(value) if key in ("detail", "reason") else f"{_name(key)} {value}"


def _boolean(key: str, value: bool) -> str:
    if key in BOOLEANS:
        return BOOLEANS[key][0 if value else 1]
    return _name(key) if value else ""


def _number(key: str, value: int, place: Place) -> str:
    if key.endswith("_ns"):
        return f"{_name(key[:-3])} {place.time(value)}"
    if key.endswith("bytes"):
        return amount(value) if key == "bytes" else f"{_name(key[:-6])} {amount(value)}"
    for unit, seconds in UNITS.items():
        if key.endswith(unit):
            return f"{_name(key[: -len(unit)])} {span(value * seconds)}"
    return f"{_name(key)} {value}"


def _name(key: str) -> str:
    return key.replace("_", " ")


def as_json(row: Row, anchors: Mapping[str, int]) -> str:
    """The row as one line of JSON; `at` is UTC text, corrected, and missing while it is not known."""
    found: dict[str, object] = {"seq": row.seq}
    if row.clock != "unset" or row.boot in anchors:
        found["at"] = utc_text(corrected_ns(row, dict(anchors)))
    found |= {name: getattr(row, name) for name in ("at_ns", "clock", "boot", "mono_ns", "lane", "kind", "source")}
    found |= {"class": row.signal, "data": row.values(), "hash": row.hash.hex()}
    return json.dumps(found, ensure_ascii=False)


def heading(*, colour: bool | None = None) -> str:
    """The line above the rows."""
    names = f"{'row':>7}  {pad(' time', 20)}  {pad('class', 11)} {pad('kind', 22)} {pad('source', 20)} what"
    return paint(names, DIM, on=colour)
