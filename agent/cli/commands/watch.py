"""standpipe watch: points, values, relays and pumps as they change, on one screen of a phone."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from contextlib import suppress
from typing import Any

from agent.cli.live import Live
from agent.cli.place import Place, journal_to_read, look
from agent.cli.rows import in_words
from agent.cli.site_texts import SITE_TEXTS
from agent.cli.terminal import BOLD, CYAN, GREEN, RED, YELLOW, columns, paint, safe, span, thousandths, width
from agent.cli.texts import TEXTS, Texts
from agent.config import load
from agent.journal import Bell, JournalMoved
from agent.runtime.paths import Paths

HELP = """\
Shows every point, value, relay and pump of the site and when it changed last; goes on as things happen, until Ctrl-C.
Made for a phone: 60 columns are enough. Without a terminal, or with --once, it shows them once."""
FRESH_S = 10  # what changed within is painted: a second person pulls contacts


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="show it once and end")
    parser.add_argument("--json", action="store_true", help="one JSON object for each look")


def run(args: argparse.Namespace, paths: Paths) -> int:
    config, place = load(paths.site), look(paths)
    t = Texts(place.language, SITE_TEXTS)
    once = args.once or not (args.json or sys.stdout.isatty())
    while True:
        with journal_to_read(paths) as journal, suppress(JournalMoved):
            live = Live(config, paths, journal)
            if once:
                _show(live, args.json, place, t, whole=True)
                return 0
            _follow(live, args.json, place, t, paths)


def _follow(live: Live, as_json: bool, place: Place, t: Texts, paths: Paths) -> None:
    """Until Ctrl-C, or JournalMoved."""
    bell = Bell(paths.bell) if paths.bell.exists() else None
    try:
        if not as_json:
            print("\x1b[2J", end="")
        while True:
            live.look()
            _show(live, as_json, place, t, whole=False)
            if bell is not None:
                bell.wait(1)
            else:
                time.sleep(1)
    finally:
        if bell is not None:
            bell.close()


def _show(live: Live, as_json: bool, place: Place, t: Texts, *, whole: bool) -> None:
    values = live.values()
    if as_json:
        print(json.dumps(values, ensure_ascii=False), flush=True)
        return
    room = shutil.get_terminal_size((60, 40))
    lines = screen(values, place, t, room.columns)
    if live.last is not None:
        row = live.last
        words = f"{row.seq} {row.kind} {row.source} {in_words(row, place)}"
        lines += ["", _cut(t("last-row", row=words), room.columns)]
    if whole:
        print("\n".join(lines))
        return
    if len(lines) > room.lines - 1:
        kept = lines[: room.lines - 2]
        lines = [*kept, t("more-lines", count=len(lines) - len(kept))]
    print("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J", end="", flush=True)


def screen(values: dict[str, Any], place: Place, t: Texts, room: int) -> list[str]:
    """The lines, none wider than `room`."""
    now_ns = values["at_ns"]
    lines = [_cut(f"{values['site']}  {place.time(now_ns)}", room, BOLD)]
    if not values["panel"]:
        lines.append(_cut(t("panel-silent"), room, RED))
    if walk := values["walk_test"]:
        lines.append(_cut(t("walking", by=walk["by"], left=span(walk["left_s"])), room, YELLOW))
    if values["open_alarms"]:
        lines.append(_cut(t("open-alarms", count=values["open_alarms"]), room, RED))
    for name, rows in (("points", _points(values, t)), ("values", _values(values, t)), ("relays", _relays(values, t))):
        if rows:
            lines += ["", paint(t(name), BOLD), *_table(rows, place, now_ns, room, t)]
    if values["pumps"]:
        pumps = columns([p["id"], _word(f"pump-{p['state']}", t), _word(f"selector-{p['selector']}", t)]
                        for p in values["pumps"])  # fmt: skip
        lines += ["", paint(t("pumps"), BOLD), *(_cut(line, room) for line in pumps)]
        open_ = [(p["id"], p["test_left_s"]) for p in values["pumps"] if p["test_left_s"] is not None]
        lines += [_cut(f"  {id_}  {t('test-window', s=span(left_s))}", room, YELLOW) for id_, left_s in open_]
    return lines


Line = tuple[str, str, int | None, str]  # id, how it stands, since when, colour ("" for none)


def _points(values: dict[str, Any], t: Texts) -> list[Line]:
    found: list[Line] = []
    for point in values["points"]:
        closed, active = point["closed"], point["active"]
        if point["fault"]:
            word = _word(f"fault-{point['fault']}", t)
        elif closed is None:
            word = t("unknown")
        elif point["kind"] == "door":
            word = t("door-open" if active else "door-closed")
        else:
            word = t("closed" if closed else "open")
        word = f"{'●' if active else '○'} {word}" + (" !" if point["chattering"] else "")
        found.append((point["id"], word, point["since_ns"], YELLOW if active else ""))
    return found


def _values(values: dict[str, Any], t: Texts) -> list[Line]:
    return [(one["id"], _reads(one, t), one["since_ns"], RED if one["fault"] else "") for one in values["values"]]


def _reads(value: dict[str, Any], t: Texts) -> str:
    if value["fault"] or value["milli"] is None:
        return _word(f"analog-{value['fault']}", t)
    return f"{thousandths(value['milli'])} {value['unit']}"


def _relays(values: dict[str, Any], t: Texts) -> list[Line]:
    words = {True: "energised", False: "released", None: "unknown"}
    return [
        (one["id"], f"{'●' if one['energised'] else '○'} {t(words[one['energised']])}", one["since_ns"],
         CYAN if one["energised"] else "")
        for one in values["relays"]
    ]  # fmt: skip


def _table(rows: list[Line], place: Place, now_ns: int, room: int, t: Texts) -> list[str]:
    """Ids are cut first, then times: how it stands is always to be seen."""
    since = [_since(at_ns, place, now_ns, t) for _, _, at_ns, _ in rows]
    states = max(width(row[1]) for row in rows)
    ids = min(max(len(row[0]) for row in rows), max(8, room - states - max(map(width, since)) - 6))
    told = columns([_short(id_, ids), state, when] for (id_, state, _, _), when in zip(rows, since, strict=True))
    return [
        _cut(line, room, GREEN if at_ns and now_ns - at_ns < FRESH_S * 10**9 else colour)
        for line, (_, _, at_ns, colour) in zip(told, rows, strict=True)
    ]


def _since(at_ns: int | None, place: Place, now_ns: int, t: Texts) -> str:
    if at_ns is None:
        return t("never-changed")
    when, age_s = place.time(at_ns), max(0, now_ns - at_ns) // 10**9
    return t("changed", time=when[11:] if age_s < 86400 else when[:10], age=span(age_s))


def _word(name: str, t: Texts) -> str:
    return t(name) if name in TEXTS else t("unknown")


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _cut(line: str, room: int, colour: str = "") -> str:
    """The line in at most so many columns, painted."""
    line = safe(line)
    while width(line) > room:
        line = line[:-2] + "…"
    return paint(line, colour) if colour else line
