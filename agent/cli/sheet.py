"""The commissioning sheet of a walk test: one HTML page that prints well on A4, with no file beside it.

Pure: a record (agent/cli/walk.py) and what signs it in, text out. Everything that people have named is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any, NamedTuple

from agent.cli.place import Place
from agent.cli.site_texts import SITE_TEXTS
from agent.cli.texts import Texts

STYLE = """
@page { size: A4; margin: 14mm 12mm; }
body { font: 10pt/1.35 "Noto Sans", "Noto Sans CJK SC", "Microsoft YaHei", Arial, sans-serif; color: #111;
       max-width: 186mm; margin: 0 auto; padding: 4mm; }
h1 { font-size: 17pt; margin: 0 0 3mm; }
h2 { font-size: 12pt; margin: 6mm 0 1.5mm; border-bottom: 0.6pt solid #111; break-after: avoid; }
table { width: 100%; border-collapse: collapse; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th { text-align: left; font-weight: 600; background: #eee; }
th, td { border: 0.4pt solid #888; padding: 1mm 1.6mm; vertical-align: top; overflow-wrap: anywhere; }
.head td { border: 0; padding: 0.6mm 4mm 0.6mm 0; }
.head td:first-child { color: #555; white-space: nowrap; width: 38mm; }
.bad { font-weight: 700; background: #f6d5d5; }
.good { font-weight: 700; }
.note { margin-top: 3mm; }
.proof { font: 8pt/1.4 monospace; overflow-wrap: anywhere; }
.sign { display: flex; gap: 10mm; margin-top: 16mm; break-inside: avoid; }
.sign div { flex: 1; border-top: 0.6pt solid #111; padding-top: 1mm; }
@media print { body { padding: 0; } th, .bad { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
"""


class Signed(NamedTuple):
    """The record's hash and who signed it: with key "" nobody did."""

    hash: str
    who: str
    key: str
    sig: str


def sheet(record: dict[str, Any], signed: Signed, place: Place) -> str:
    """The page, in the place's language and its times."""
    t = Texts(place.language, SITE_TEXTS)
    parts = [
        f"<h1>{t('sheet-title')}</h1>",
        _head(record, place, t),
        _part(t("sheet-points"), POINTS, record["points"], place, t),
        _part(t("sheet-relays"), RELAYS, record["relays"], place, t),
        _part(t("sheet-cameras"), CAMERAS, record["cameras"], place, t),
        _proof(record, signed, place, t),
        _lines(record, place, t),
    ]
    title = f"{t('sheet-title')}: {escape(record['site'])}/{escape(record['board'])}"
    return (
        f'<!doctype html>\n<html lang="{place.language}"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n<body>\n'
        + "\n".join(part for part in parts if part)
        + "\n</body></html>\n"
    )


Cell = tuple[str, bool]  # text, whether it is a lack
Column = tuple[str, Callable[[dict[str, Any], Place, Texts], Cell]]


def _plain(*keys: str) -> Callable[[dict[str, Any], Place, Texts], Cell]:
    return lambda one, place, t: (" ".join(str(one[key]) for key in keys if one[key]), False)


def _when(key: str, lack: str) -> Callable[[dict[str, Any], Place, Texts], Cell]:
    def cell(one: dict[str, Any], place: Place, t: Texts) -> Cell:
        return (t(lack), True) if one[key] is None else (place.time(one[key]), False)

    return cell


def _pin(one: dict[str, Any], place: Place, t: Texts) -> Cell:
    return (one["line"] if one["line"] == one["pin"] else f"{one['pin']} ({one['line']})", False)


def _polarity(one: dict[str, Any], place: Place, t: Texts) -> Cell:
    return f"{t(one['contact'])}, {t('bias-none' if one['bias'] == 'none' else one['bias'])}", False


def _drive(one: dict[str, Any], place: Place, t: Texts) -> Cell:
    return f"{t('active-' + one['active'])}, {t('rests-' + one['rest'])}", False


def _class(one: dict[str, Any], place: Place, t: Texts) -> Cell:
    return t(f"class-{one['class']}"), False


def _readback(one: dict[str, Any], place: Place, t: Texts) -> Cell:
    return t(f"readback-word-{one['readback']}"), one["readback"] == "missing"


def _heard(one: dict[str, Any], place: Place, t: Texts) -> Cell:
    lack = "not-heard" if one["tested_ns"] is None else "pulsed-only"
    return _when("heard_ns", lack)(one, place, t)


def _returned(one: dict[str, Any], place: Place, t: Texts) -> Cell:
    return ("", False) if one["tripped_ns"] is None else _when("returned_ns", "not-returned")(one, place, t)


POINTS: Sequence[Column] = (
    ("col-id", _plain("id", "name")),
    ("col-pin", _pin),
    ("col-polarity", _polarity),
    ("col-class", _class),
    ("col-tripped", _when("tripped_ns", "not-tripped")),
    ("col-returned", _returned),
)
RELAYS: Sequence[Column] = (
    ("col-id", _plain("id")),
    ("col-pin", _pin),
    ("col-drive", _drive),
    ("col-tested", _when("tested_ns", "not-driven")),
    ("col-readback", _readback),
    ("col-heard", _heard),
)
CAMERAS: Sequence[Column] = (
    ("col-id", _plain("id")),
    ("col-purpose", _plain("purpose")),
    ("col-picture", _when("picture_ns", "no-picture")),
)


def _part(title: str, wanted: Sequence[Column], things: Sequence[dict[str, Any]], place: Place, t: Texts) -> str:
    if not things:
        return ""
    head = "".join(f"<th>{t(name)}</th>" for name, _ in wanted)
    rows = (_row(cell(one, place, t) for _, cell in wanted) for one in things)
    return f"<h2>{title}</h2>\n<table><thead><tr>{head}</tr></thead>\n<tbody>{''.join(rows)}</tbody></table>"


def _row(cells: Iterable[Cell]) -> str:
    told = (f'<td class="bad">{escape(text)}</td>' if lack else f"<td>{escape(text)}</td>" for text, lack in cells)
    return f"<tr>{''.join(told)}</tr>\n"


def _head(record: dict[str, Any], place: Place, t: Texts) -> str:
    left = record["left"]
    result = t("sheet-incomplete", count=len(left)) if left else t("sheet-complete")
    lines = (
        ("sheet-site", record["site"], ""),
        ("sheet-board", record["board"], ""),
        ("sheet-technician", record["technician"], ""),
        ("sheet-began", _time(record["began_ns"], place), ""),
        ("sheet-ended", _time(record["ended_ns"], place), ""),
        ("sheet-result", result, "bad" if left else "good"),
    )
    rows = "".join(f'<tr><td>{t(name)}</td><td class="{css}">{escape(text)}</td></tr>' for name, text, css in lines)
    return f'<table class="head">{rows}</table>'


def _time(at_ns: int | None, place: Place) -> str:
    return "" if at_ns is None else f"{place.time(at_ns)} {place.zone}"


def _proof(record: dict[str, Any], signed: Signed, place: Place, t: Texts) -> str:
    rows = t("sheet-proof", first=record["from_seq"], last=record["to_seq"], epoch=record["epoch"])
    who = t("signed-by", who=signed.who, key=signed.key) if signed.key else t("unsigned")
    clock = "" if record["clock"] == "synced" else f'<p class="note">{t("sheet-clock", clock=record["clock"])}</p>'
    return (
        f'{clock}<p class="note">{escape(rows)}</p><p class="proof">{signed.hash}</p>'
        f'<p class="{"note" if signed.key else "bad"}">{escape(who)}</p><p class="proof">{signed.sig}</p>'
    )


def _lines(record: dict[str, Any], place: Place, t: Texts) -> str:
    date = _time(record["ended_ns"], place)[:10]
    boxes = (f"{t('sheet-technician')}: {record['technician']}", t("sheet-customer"), f"{t('sheet-date')}: {date}")
    return '<div class="sign">' + "".join(f"<div>{escape(box)}</div>" for box in boxes) + "</div>"
