"""standpipe walk-test: every point tripped, value moved, relay heard, camera seen; what is not stays on the list."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.cli import stills
from agent.cli import walk as walks
from agent.cli.alarm_texts import reason
from agent.cli.asking import ANSWER_S, ask, known, user, yes
from agent.cli.place import CommandError, Place, journal_to_read, journal_to_write, look
from agent.cli.sheet import Signed, sheet
from agent.cli.signing import add_passphrase, opened
from agent.cli.site_texts import SITE_TEXTS
from agent.cli.terminal import GREEN, RED, YELLOW, columns, paint, span
from agent.cli.texts import Texts
from agent.cli.walk import Walk, digest, left, tried, went
from agent.config import ConfigError, SiteConfig, load
from agent.core.events import CameraSeen, WalkTestRecorded, WalkTestRequested
from agent.core.signed import WALK_TEST, canonical
from agent.core.walk_test import FOR_S
from agent.journal import Journal
from agent.runtime.paths import Paths

if TYPE_CHECKING:
    from agent.runtime.keys import Signer

HELP = """\
start     the panel keeps its sounders quiet and marks what happens; then trip every point, and hear every relay with
          `standpipe test-relay`. It ends by itself
status    what was tripped, moved, heard and seen, and what is left
seen      somebody has looked at a camera's picture, and says whether it shows what it is to show
end       ends it; writes the record (signed) and the commissioning sheet, in English and Chinese, to print

Alarms are latched and recorded during a walk test as ever; only sounders are quiet. What still stands at its end
sounds then. Exit code 1 while something is left."""
BOARD_KEY = "board.key"


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="start|status|seen|end")
    start = actions.add_parser("start", help="begin a walk test")
    start.add_argument("--minutes", type=int, default=FOR_S // 60, metavar="N", help="it ends by itself after (60)")
    status = actions.add_parser("status", help="what is done and what is left")
    status.add_argument("--json", action="store_true", help="the record so far, as JSON")
    seen = actions.add_parser("seen", help="a camera's picture was looked at")
    seen.add_argument("camera", metavar="CAMERA", help="the camera's id")
    seen.add_argument("--is", dest="seen", choices=("good", "bad"), help="instead of asking")
    end = actions.add_parser("end", help="end it, write record and sheet")
    end.add_argument("--name", metavar="NAME", help="the technician's name on the sheet (default: who began)")
    end.add_argument("--key", type=Path, metavar="FILE", help="key file of the person who signs (else the board signs)")
    add_passphrase(end)
    end.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: DATA/walk-tests)")
    for action in (start, seen, end):
        action.add_argument("--by", metavar="NAME", help="who asks (default: the user's name)")


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    t = Texts(place.language, SITE_TEXTS)
    try:
        config = load(paths.site)
    except ConfigError as error:
        raise CommandError(f"{error}\n{t('several-mistakes')}") from error
    does = {"start": _start, "status": _status, "seen": _seen, "end": _end}[args.action]
    return does(args, paths, config, place, t)


# --- start, status ---


def _start(args: argparse.Namespace, paths: Paths, config: SiteConfig, place: Place, t: Texts) -> int:
    asked = WalkTestRequested(source="command", does="start", for_s=args.minutes * 60, by=args.by or user())
    if not _asked(paths, asked, "walk_test.started", t):
        return 1
    print(t("walk-started", by=asked.by, left=span(asked.for_s)))
    return 0


def _asked(paths: Paths, asked: WalkTestRequested, kind: str, t: Texts) -> bool:
    """Ask the panel; False if it refused or is silent, which is then said."""
    with journal_to_write(paths) as journal:
        row = ask(journal, paths, asked, lambda row: True, [kind], ANSWER_S)[1]
    if row is None:
        print(t("no-panel-answer", s=round(ANSWER_S)))
    elif row.kind == "panel.refused":
        print(t("panel-refused", reason=reason(str(row.values()["reason"]), t.language)))
    return row is not None and row.kind == kind


def _status(args: argparse.Namespace, paths: Paths, config: SiteConfig, place: Place, t: Texts) -> int:
    with journal_to_read(paths) as journal:
        walk = Walk.last(journal)
        if walk is None:
            print(t("no-walk"))
            return 1
        record = _record(walk, journal, config, paths, walk.by)
    if args.json:
        print(json.dumps({**record, "going": walk.going}, ensure_ascii=False, indent=2))
    else:
        print("\n".join([_state(walk, place, t), *_parts(record, place, t), _left(record, t)]))
    return 1 if record["left"] else 0


def _seen(args: argparse.Namespace, paths: Paths, config: SiteConfig, place: Place, t: Texts) -> int:
    known("camera", args.camera, [camera.id for camera in config.camera], t)
    seen = args.seen == "good" if args.seen else yes(t("ask-seen", id=args.camera), t)
    if seen is None:
        return 1
    by = args.by or user()
    with journal_to_write(paths) as journal:
        journal.append(CameraSeen(source=args.camera, seen=seen, by=by))
    print(t("seen-noted" if seen else "unseen-noted", id=args.camera, by=by))
    return 0 if seen else 1


def _record(walk: Walk, journal: Journal, config: SiteConfig, paths: Paths, technician: str) -> dict[str, Any]:
    head = journal.row(walk.head)
    return walk.record(config, paths, journal.epoch, head.hash.hex() if head is not None else "", technician)


def _state(walk: Walk, place: Place, t: Texts) -> str:
    if walk.going:
        return paint(t("walk-going", by=walk.by, left=span(walk.left_s)), YELLOW)
    ended = str(walk.ended.values()["by"]) if walk.ended is not None else "restart"
    at_ns = walk.at_ns(walk.ended) or walk.at_ns(walk.began) or 0
    words = t(f"ends-{ended}") if ended in ("limit", "restart") else ended
    return t("walk-over", by=walk.by, time=place.time(at_ns), ended=words)


def _parts(record: dict[str, Any], place: Place, t: Texts) -> list[str]:
    rows = [
        *(
            [p["id"], *_done(p["tripped_ns"], "tripped", "not-tripped", place, t), _back(p, t)]
            for p in record["points"]
        ),
        *([v["id"], *_done(v["moved_ns"], "moved", _unmoved(v), place, t), went(v)] for v in record["values"]),
        *([r["id"], *_done(r["heard_ns"], "heard", _unheard(r), place, t)] for r in record["relays"]),
        *([c["id"], *_done(c["shown_ns"], "picture", _unshown(c), place, t), _by(c, t)] for c in record["cameras"]),
    ]
    missing = set(record["left"])
    return [
        paint(line, RED if row[0] in missing else GREEN) for line, row in zip(columns(rows), rows, strict=True)
    ]  # fmt: skip


def _done(at_ns: int | None, done: str, lack: str, place: Place, t: Texts) -> Sequence[str]:
    return (t(lack), "") if at_ns is None else (t(done), place.time(at_ns)[11:])


def _back(point: dict[str, Any], t: Texts) -> str:
    return "" if point["tripped_ns"] is None else t("not-returned" if point["returned_ns"] is None else "returned")


def _unmoved(value: dict[str, Any]) -> str:
    return "no-value" if value["least_milli"] is None else "not-moved"


def _unshown(camera: dict[str, Any]) -> str:
    return "no-picture" if camera["picture_ns"] is None else "not-seen"


def _by(camera: dict[str, Any], t: Texts) -> str:
    return t("seen-by", by=camera["seen_by"]) if camera["seen_by"] else ""


def _unheard(relay: dict[str, Any]) -> str:
    return "not-heard" if relay["tested_ns"] is None else "pulsed-only"


def _left(record: dict[str, Any], t: Texts) -> str:
    missing = left(record)
    if not missing:
        return paint(t("walk-done"), GREEN)
    return t("walk-left", left=len(missing), all=tried(record) + len(missing), names=walks.names(missing))


# --- end ---


def _end(args: argparse.Namespace, paths: Paths, config: SiteConfig, place: Place, t: Texts) -> int:
    signer, who = _signer(args, paths)
    with journal_to_read(paths) as journal:
        walk = Walk.last(journal)
    if walk is None:
        print(t("no-walk"))
        return 1
    if walk.recorded is not None and walk.ended is not None:
        print(t("recorded-already", file=walk.recorded.values()["file"]))
        return 1
    if walk.ended is None:
        asked = WalkTestRequested(source="command", does="end", for_s=0, by=args.by or user())
        if not _asked(paths, asked, "walk_test.ended", t):
            return 1
        print(t("walk-ended"))
    return _write(args, paths, config, place, t, signer, who)


def _signer(args: argparse.Namespace, paths: Paths) -> tuple[Signer | None, str]:
    """The person's key, else the board's own if it is there and this user may read it, else none. KeysError."""
    from agent.runtime.keys import KeysError, board_key

    if args.key is not None:
        signer, about = opened(args)
        return signer, about.person
    try:
        if (paths.data / BOARD_KEY).exists():
            return board_key(paths.data), "board"
    except (KeysError, PermissionError):  # the sheet then says that it is not signed
        return None, ""
    return None, ""


def _write(
    args: argparse.Namespace,
    paths: Paths,
    config: SiteConfig,
    place: Place,
    t: Texts,
    signer: Signer | None,
    who: str,
) -> int:
    with journal_to_write(paths) as journal:
        walk = Walk.last(journal)
        assert walk is not None
        record = _record(walk, journal, config, paths, args.name or walk.by)
        signed = Signed(
            digest(record), who, signer.key_id if signer else "", signer.sign(WALK_TEST, record) if signer else ""
        )
        jpegs = stills.printed(journal, record, paths.data, record["technician"])
        file = _files(args.out or paths.data / "walk-tests", record, signed, place, jpegs)
        journal.append(
            WalkTestRecorded(
                source="command",
                file=str(file),
                hash=signed.hash,
                by=who,
                key=signed.key,
                sig=signed.sig,
                tried=tried(record),
                left=record["left"],
            )
        )
    _tell(record, signed, file, place, t)
    return 1 if record["left"] else 0


def _files(out: Path, record: dict[str, Any], signed: Signed, place: Place, jpegs: dict[str, bytes]) -> Path:
    """The record as JSON and two sheets; the JSON's path."""
    out.mkdir(parents=True, exist_ok=True)
    name = f"walk-test-{record['site']}-{record['board']}-{record['from_seq']}-{record['epoch'][:8]}"
    file = out / f"{name}.json"
    file.write_text(canonical({"record": record, **signed._asdict()}) + "\n", encoding="utf-8")
    for language in ("en", "zh-CN"):
        page = sheet(record, signed, Place(language, place.zone), jpegs)
        (out / f"{name}.{language}.html").write_text(page, "utf-8")
    return file


def _tell(record: dict[str, Any], signed: Signed, file: Path, place: Place, t: Texts) -> None:
    print(_left(record, t))
    print(t("recorded-in", file=file))
    for language in ("en", "zh-CN"):
        print(t("sheet-in", file=file.with_name(f"{file.stem}.{language}.html")))
    print(f"SHA-256 {signed.hash}")
    if signed.key:
        print(t("signed-by", who=signed.who, key=signed.key))
    else:
        print(paint(t("unsigned"), YELLOW))
