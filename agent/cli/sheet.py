"""The commissioning sheet of a walk test: one HTML page that prints well on A4, with no file beside it.

Pure: a record (agent/cli/walk.py) and what signs it in, text out. Everything that people have named is escaped. It
reads on a black-and-white printer: what is lacking is bold and barred, not only red.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from agent.cli.place import Place
from agent.cli.site_texts import SITE_TEXTS
from agent.cli.terminal import thousandths
from agent.cli.texts import Texts
from agent.cli.walk import PARTS, went

STYLE = """
@page { size: A4; margin: 12mm 13mm 14mm;
        @bottom-left { content: "SHEET"; font: 7.5pt sans-serif; color: #666; }
        @bottom-right { content: counter(page) " / " counter(pages); font: 7.5pt sans-serif; color: #666; } }
* { box-sizing: border-box; }
body { font: 9pt/1.4 "Noto Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei", Arial,
       sans-serif; color: #14181c; max-width: 184mm; margin: 0 auto; padding: 6mm 2mm; }
header { display: flex; justify-content: space-between; align-items: flex-end; border-bottom: 1.6pt solid #14181c;
         padding-bottom: 2.5mm; }
h1 { font-size: 19pt; line-height: 1.15; margin: 0; letter-spacing: -0.01em; }
.where { text-align: right; font-size: 10.5pt; font-weight: 600; }
.where small { display: block; font-weight: 400; font-size: 8pt; color: #5a636b; }
.facts { display: flex; flex-wrap: wrap; gap: 1.5mm 9mm; margin: 3.5mm 0 0; }
.facts div { min-width: 34mm; }
.facts dt, .label { font-size: 7.5pt; color: #5a636b; }
.facts dd { margin: 0; font-size: 10pt; }
.result { display: flex; align-items: stretch; margin: 4.5mm 0 1mm; border: 0.8pt solid #14181c; border-radius: 1.5mm;
          overflow: hidden; break-inside: avoid; }
.result p { margin: 0; padding: 2.2mm 4mm; font-size: 11.5pt; font-weight: 700; flex: 1; display: flex;
            align-items: center; }
.result .bad { background: #14181c; color: #fff; border-left: 0; }
.result .good { background: #e7f3ea; }
.result div { padding: 1.8mm 4mm; border-left: 0.5pt solid #b9c0c6; white-space: nowrap; }
.result div b { display: block; font-size: 11pt; }
.left { margin: 1.5mm 0 0; }
h2 { font-size: 11.5pt; margin: 4.6mm 0 1mm; break-after: avoid; }
table { width: 100%; border-collapse: collapse; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th { text-align: left; font-size: 7.5pt; font-weight: 600; color: #5a636b; border-bottom: 0.8pt solid #14181c;
     padding: 0 2mm 0.8mm; }
td { border-bottom: 0.35pt solid #c6ccd1; padding: 0.9mm 2mm; vertical-align: top; overflow-wrap: break-word; }
td small { display: block; color: #5a636b; font-size: 7.8pt; }
.tick { width: 7mm; padding-left: 1mm; }
.tick i { display: block; width: 3.4mm; height: 3.4mm; margin-top: 0.5mm; border: 0.7pt solid #14181c;
          border-radius: 0.5mm; }
.tick i.done::after { content: ""; display: block; width: 1.2mm; height: 2.3mm; margin: -0.2mm 0 0 1mm;
                      border: solid #14181c; border-width: 0 1pt 1pt 0; transform: rotate(42deg); }
.bad { font-weight: 700; background: #f9dcdc; border-left: 2pt solid #14181c; }
.good { font-weight: 700; }
.proof { margin-top: 5mm; padding: 2.5mm 3.5mm; background: #f3f5f6; border-radius: 1.5mm; break-inside: avoid; }
.proof h2 { margin: 0 0 1mm; }
.proof p { margin: 0.8mm 0; }
.proof p.bad { padding: 0.8mm 2mm; }
code { font: 7.8pt/1.45 "DejaVu Sans Mono", Consolas, monospace; overflow-wrap: anywhere; }
.pictures { display: flex; flex-wrap: wrap; gap: 3mm; margin-top: 2.5mm; }
.pictures figure { margin: 0; width: 58mm; break-inside: avoid; }
.pictures img { width: 100%; display: block; border-radius: 0.8mm; }
.pictures figcaption { font-size: 7.8pt; color: #5a636b; }
.sign { display: flex; gap: 9mm; margin-top: 13mm; break-inside: avoid; }
.sign div { flex: 1; border-top: 0.7pt solid #14181c; padding-top: 1mm; }
.sign .date { flex: 0 0 34mm; }
@media screen { html { background: #dfe3e6; } body { background: #fff; padding: 12mm 11mm; margin: 6mm auto;
                max-width: 210mm; box-shadow: 0 1mm 5mm #0003; } }
@media screen and (max-width: 640px) { body { margin: 0; padding: 5mm 4mm; } header, .result, .sign { flex-wrap: wrap; }
                .result div { border-top: 0.5pt solid #b9c0c6; } .wide { display: none; } }
@media print { body { padding: 0; max-width: none; }
               * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
"""


BAD = ' class="bad"'


class Signed(NamedTuple):
    """The record's hash and who signed it: with key "" nobody did."""

    hash: str
    who: str
    key: str
    sig: str


class Cell(NamedTuple):
    """What stands in a table. under: smaller, below it; lack: something was not done."""

    text: str
    lack: bool = False
    under: str = ""


class Column(NamedTuple):
    """A column: its heading's text, what stands in it, whether a telephone can do without."""

    heading: str
    cell: Callable[[dict[str, Any], Page], Cell]
    wide: bool = False


class Page(NamedTuple):
    """What every part of one page is written with. day: of the walk test, which times do not repeat."""

    record: dict[str, Any]
    place: Place
    t: Texts
    day: str

    def when(self, at_ns: int) -> str:
        """A time of day, with its date if that is another than the walk test's."""
        time = self.place.time(at_ns)
        return time[11:] if time[:10] == self.day else time


def sheet(record: dict[str, Any], signed: Signed, place: Place, pictures: Mapping[str, bytes] | None = None) -> str:
    """The page, in the place's language and its times. pictures: camera -> a JPEG of it, printed within."""
    t = Texts(place.language, SITE_TEXTS)
    page = Page(record, place, t, _time(record["began_ns"], place)[:10])
    parts = [
        _head(page),
        _result(page),
        *(_part(t(f"sheet-{part}"), COLUMNS[part], record[part], tried, page) for part, tried in PARTS),
        _pictures(pictures or {}),
        _proof(page, signed),
        _lines(page),
    ]
    title = f"{t('sheet-title')}: {escape(record['site'])}/{escape(record['board'])}"
    style = STYLE.replace("SHEET", f"{record['site']}/{record['board']} {page.day}")
    return (
        f'<!doctype html>\n<html lang="{place.language}"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style></head>\n<body>\n'
        + "\n".join(part for part in parts if part)
        + "\n</body></html>\n"
    )


# --- tables ---


def _plain(key: str, under: str = "") -> Callable[[dict[str, Any], Page], Cell]:
    return lambda one, page: Cell(str(one[key]), under=str(one[under]) if under else "")


def _when(key: str, lack: str) -> Callable[[dict[str, Any], Page], Cell]:
    def cell(one: dict[str, Any], page: Page) -> Cell:
        return Cell(page.t(lack), True) if one[key] is None else Cell(page.when(one[key]))

    return cell


def _pin(one: dict[str, Any], page: Page) -> Cell:
    return Cell(one["pin"] if one["line"] == one["pin"] else f"{one['pin']} ({one['line']})")


def _polarity(one: dict[str, Any], page: Page) -> Cell:
    return Cell(page.t(one["contact"]), under=page.t("bias-none" if one["bias"] == "none" else one["bias"]))


def _drive(one: dict[str, Any], page: Page) -> Cell:
    return Cell(page.t("active-" + one["active"]), under=page.t("rests-" + one["rest"]))


def _class(one: dict[str, Any], page: Page) -> Cell:
    return Cell(page.t(f"class-{one['class']}"))


def _readback(one: dict[str, Any], page: Page) -> Cell:
    return Cell(page.t(f"readback-word-{one['readback']}"), one["readback"] == "missing")


def _heard(one: dict[str, Any], page: Page) -> Cell:
    lack = "not-heard" if one["tested_ns"] is None else "pulsed-only"
    return _when("heard_ns", lack)(one, page)


def _returned(one: dict[str, Any], page: Page) -> Cell:
    return Cell("") if one["tripped_ns"] is None else _when("returned_ns", "not-returned")(one, page)


def _range(one: dict[str, Any], page: Page) -> Cell:
    return Cell(f"{thousandths(one['zero_milli'])} .. {thousandths(one['full_milli'])} {one['unit']}".strip())


def _went(one: dict[str, Any], page: Page) -> Cell:
    fault = page.t(f"analog-{one['fault']}") if one["fault"] else ""
    text = went(one) or fault or page.t("no-value")
    return Cell(text, lack=not went(one) or bool(fault), under=fault if went(one) else "")


def _seen(one: dict[str, Any], page: Page) -> Cell:
    if one["seen_ns"] is None:
        return Cell(page.t("not-seen"), True) if one["shown_ns"] is None and one["picture_ns"] is not None else Cell("")
    return Cell(one["seen_by"], under=page.when(one["seen_ns"]))


COLUMNS: dict[str, Sequence[Column]] = {
    "points": (
        Column("col-id", _plain("id", "name")),
        Column("col-pin", _pin),
        Column("col-polarity", _polarity, wide=True),
        Column("col-class", _class, wide=True),
        Column("col-tripped", _when("tripped_ns", "not-tripped")),
        Column("col-returned", _returned),
    ),
    "values": (
        Column("col-id", _plain("id", "name")),
        Column("col-pin", _plain("pin")),
        Column("col-range", _range, wide=True),
        Column("col-went", _went),
        Column("col-moved", _when("moved_ns", "not-moved")),
    ),
    "relays": (
        Column("col-id", _plain("id")),
        Column("col-pin", _pin),
        Column("col-drive", _drive, wide=True),
        Column("col-tested", _when("tested_ns", "not-driven")),
        Column("col-readback", _readback),
        Column("col-heard", _heard),
    ),
    "cameras": (
        Column("col-id", _plain("id", "purpose")),
        Column("col-picture", _when("picture_ns", "no-picture")),
        Column("col-seen", _seen),
    ),
}


def _part(title: str, columns: Sequence[Column], things: Sequence[dict[str, Any]], tried: str, page: Page) -> str:
    if not things:
        return ""
    head = "".join(f"<th{_wide(one)}>{page.t(one.heading)}</th>" for one in columns)
    rows = (_row(one, [(_wide(c), c.cell(one, page)) for c in columns], one["id"], page) for one in things)
    return f"<h2>{title}</h2>\n<table><thead><tr><th></th>{head}</tr></thead>\n<tbody>{''.join(rows)}</tbody></table>"


def _wide(column: Column) -> str:
    return ' class="wide"' if column.wide else ""


def _row(one: dict[str, Any], cells: Iterable[tuple[str, Cell]], id_: str, page: Page) -> str:
    tick = "" if id_ in page.record["left"] else ' class="done"'
    told = "".join(f"<td{BAD if cell.lack else wide}>{escape(cell.text)}{_under(cell)}</td>" for wide, cell in cells)
    return f'<tr><td class="tick"><i{tick}></i></td>{told}</tr>\n'


def _under(cell: Cell) -> str:
    return f"<small>{escape(cell.under)}</small>" if cell.under else ""


def _pictures(jpegs: Mapping[str, bytes]) -> str:
    if not jpegs:
        return ""
    shown = (
        f'<figure><img alt="" src="data:image/jpeg;base64,{b64encode(jpeg).decode()}">'
        f"<figcaption>{escape(camera)}</figcaption></figure>"
        for camera, jpeg in jpegs.items()
    )
    return f'<div class="pictures">{"".join(shown)}</div>'


# --- head, result, proof ---


def _head(page: Page) -> str:
    record, t = page.record, page.t
    facts = (
        ("sheet-technician", record["technician"]),
        ("sheet-began", _time(record["began_ns"], page.place)),
        ("sheet-ended", _time(record["ended_ns"], page.place)),
    )
    told = "".join(f"<div><dt>{t(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in facts)
    return (
        f'<header><h1>{t("sheet-title")}</h1><div class="where">{escape(record["site"])}'
        f"<small>{t('sheet-board')} {escape(record['board'])}</small></div></header>\n"
        f'<dl class="facts">{told}</dl>'
    )


def _result(page: Page) -> str:
    record, t, left = page.record, page.t, page.record["left"]
    result = t("sheet-incomplete", count=len(left)) if left else t("sheet-complete")
    counts = []
    for part, _ in PARTS:
        done = sum(one["id"] not in left for one in record[part])
        if record[part]:
            tried = t("sheet-tried", done=done, all=len(record[part]))
            counts.append(f'<div><span class="label">{t(f"sheet-{part}")}</span><b>{tried}</b></div>')
    names = f'<p class="left">{t("sheet-left")}: {escape(", ".join(left))}</p>' if left else ""
    return f'<div class="result"><p class="{"bad" if left else "good"}">{result}</p>{"".join(counts)}</div>{names}'


def _time(at_ns: int | None, place: Place) -> str:
    return "" if at_ns is None else f"{place.time(at_ns)} {place.zone}"


def _proof(page: Page, signed: Signed) -> str:
    record, t = page.record, page.t
    rows = t("sheet-proof", first=record["from_seq"], last=record["to_seq"], epoch=record["epoch"])
    who = t("signed-by", who=signed.who, key=signed.key) if signed.key else t("unsigned")
    clock = "" if record["clock"] == "synced" else f"<p>{t('sheet-clock', clock=record['clock'])}</p>"
    return (
        f'<section class="proof"><h2>{t("sheet-record")}</h2><p>{escape(rows)}</p><p><code>{signed.hash}</code></p>'
        f"<p{'' if signed.key else BAD}>{escape(who)}</p><p><code>{signed.sig}</code></p>{clock}</section>"
    )


def _lines(page: Page) -> str:
    record, t = page.record, page.t
    date = _time(record["ended_ns"], page.place)[:10]
    boxes = (
        ("", f"{t('sheet-technician')}: {record['technician']}"),
        ("", t("sheet-customer")),
        (' class="date"', f"{t('sheet-date')}: {date}"),
    )
    return '<div class="sign">' + "".join(f"<div{css}>{escape(box)}</div>" for css, box in boxes) + "</div>"
