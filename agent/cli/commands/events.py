"""standpipe events: rows of the journal, the newest at the end; goes on with --follow."""

from __future__ import annotations

import argparse
import fnmatch
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from agent.cli import rows
from agent.cli.place import CommandError, Place, UsageError, journal_to_read, look
from agent.cli.terminal import tell
from agent.core.chain import Row
from agent.core.events import KINDS
from agent.journal import Bell, Journal, JournalMoved
from agent.journal.projections import clock_anchors
from agent.runtime.paths import Paths

HELP = """\
Prints what has happened, from the journal, the newest last. Times are local (site.timezone); "~" marks those of a
clock that nothing kept, "? boot+..." those of a board that did not know the time."""
PAGE = 500


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--follow", action="store_true", help="go on as things happen, until Ctrl-C")
    parser.add_argument("--kind", action="append", default=[], help='only this kind; "door.*" for a family; repeatable')
    parser.add_argument("--source", help="only of this point, pump, relay, camera, process or alarm")
    parser.add_argument("--since", type=_number, metavar="SEQ", help="from the row after this number on")
    parser.add_argument(
        "--limit", type=_number, metavar="N", help="at most N rows (the last 50, if --since is not given)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line, nothing left out")


def _number(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is less than 0")
    return value


def run(args: argparse.Namespace, paths: Paths) -> int:
    kinds = _kinds(args.kind)
    place = look(paths)
    with journal_to_read(paths) as journal:
        show = partial(_show, place=place, as_json=args.json)
        if not args.json:
            print(rows.heading())
        head = journal.head()[0]
        mark = max(head, show(journal, _first(journal, args, kinds)))
        if not args.follow:
            return 0
    _follow(paths, mark, journal.epoch, partial(_past, kinds=kinds, source=args.source), show)
    return 0


def _kinds(patterns: list[str]) -> list[str]:
    """The kinds that the patterns mean; UsageError with the nearest known one for a pattern that means none."""
    found: list[str] = []
    for pattern in patterns:
        kinds = fnmatch.filter(KINDS, pattern)
        if not kinds:
            from agent.config.words import nearest

            near = nearest(pattern, KINDS)
            raise UsageError(f"there is no event kind {pattern!r}" + (f", did you mean {near}?" if near else ""))
        found += kinds
    return found


def _first(journal: Journal, args: argparse.Namespace, kinds: list[str]) -> Iterable[Row]:
    """The rows asked for, as the journal stands now."""
    if args.since is not None:
        return _past(journal, args.since, kinds, args.source, args.limit)
    return _newest(journal, kinds, args.source, 50 if args.limit is None else args.limit)


def _past(
    journal: Journal, after: int, kinds: list[str], source: str | None, limit: int | None = None
) -> Iterator[Row]:
    while limit is None or limit > 0:
        found = journal.read(after, kinds=kinds, source=source, limit=PAGE if limit is None else min(PAGE, limit))
        if not found:
            return
        yield from found
        after = found[-1].seq
        limit = None if limit is None else limit - len(found)


def _newest(journal: Journal, kinds: list[str], source: str | None, limit: int) -> list[Row]:
    """The last `limit` rows, found in ever larger steps back from the head."""
    head = journal.head()[0]
    back = max(limit, 1)
    while True:
        found = list(_past(journal, max(0, head - back), kinds, source))
        if len(found) >= limit or back >= head:
            return found[len(found) - limit :] if len(found) > limit else found
        back *= 4


def _show(journal: Journal, found: Iterable[Row], *, place: Place, as_json: bool) -> int:
    """Print rows; returns the last one's number, 0 for none."""
    anchors = clock_anchors(journal)
    seq = 0
    for row in found:
        if row.kind == "clock.set":
            anchors = clock_anchors(journal)
        print(rows.as_json(row, anchors) if as_json else rows.line(row, place, anchors), flush=True)
        seq = row.seq
    return seq


def _follow(
    paths: Paths,
    mark: int,
    epoch: str,
    past: Callable[[Journal, int], Iterator[Row]],
    show: Callable[[Journal, Iterable[Row]], int],
) -> None:
    """For ever: wait for the bell, print what is new. A journal that was moved aside is followed into the new one."""
    wait = _waiter(paths)
    while True:
        try:
            with journal_to_read(paths) as journal:
                if journal.epoch != epoch:
                    tell(f"standpipe: a new journal begins (epoch {journal.epoch})")
                    mark, epoch = 0, journal.epoch
                while True:
                    journal.check_moved()
                    mark = max(mark, show(journal, past(journal, mark)))
                    wait(1)
        except JournalMoved:
            wait(1)


def _waiter(paths: Paths) -> Callable[[float], object]:
    """The bell, or a plain second's wait where this user may not hear it."""
    if not paths.bell.exists():
        return time.sleep
    try:
        return Bell(paths.bell).wait
    except PermissionError:
        return time.sleep
    except OSError as error:
        raise CommandError(f"{paths.bell}: {error.strerror}") from error
