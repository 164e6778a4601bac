"""What a store holds and what is proven of it: for people, scripts and the demonstration. Reads, never writes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.collector import heads
from agent.collector.books import lane_book
from agent.collector.store import Reader
from agent.collector.stores import Where, at

HOLES_MAX = 1000
LISTED_MAX = 1000

Columns = dict[str, Any]


def report(store: Where | Path, of: str = "") -> dict[str, Any]:
    """Boards with their epochs and files; what `standpipe collect report --json` prints.

    {"boards": [{"site", "board", "state", "head_seq", "refused", "why", "key": {"public", "state", "other",
    "head_seq", "head"}, "epochs": [{"epoch", "rows", "doubles", "first", "last", "missing": [[from, to]],
    "lanes": {lane: {"rows", "upto", "missing"}}, "given_up", "conflicts",
    "chain": {"upto", "hash", "holes", "broken_at", "whole"}}], "files": [{"fid", "name", "size", "sha256", "state",
    "have_bytes", "path", "user_data"}]}], "totals": {...}}. Ranges have both ends in. of: "site/board", only this one.
    Raises StoreError.
    """
    where = at(store)
    site, _, board = of.partition("/")
    only, names = (" where site = ? and board = ?", (site, board)) if of else ("", ())
    with contextlib.closing(where.open_to_read()) as db:
        db.execute("begin isolation level repeatable read" if where.shared else "begin")  # one picture
        found = db.dicts(f"select * from board{only} order by site, board", names)
        boards = [_board(db, where, row) for row in found]
    return {"boards": boards, "totals": _totals(boards)}


def _board(db: Reader, where: Where, row: Columns) -> dict[str, Any]:
    epochs = db.dicts("select * from epoch where board = ? order by id", (row["id"],))
    files = db.dicts("select * from file where board = ? order by done_ns, fid", (row["id"],))
    told = ("site", "board", "state", "epoch", "head_seq", "clock", "version", "seen_ns", "refused", "why")
    return {
        **{name: row[name] for name in told},
        "key": heads.report_of(db, row["id"]),
        "epochs": [_epoch(db, epoch) for epoch in epochs],
        "files": [_file(where, row, file) for file in files],
    }


def _epoch(db: Reader, row: Columns) -> dict[str, Any]:
    ask = 'select coalesce(min(seq), 0), coalesce(max(seq), 0) from "row" where epoch = ?'
    first, last = db.execute(ask, (row["id"],))[0]
    return {
        "epoch": row["epoch"],
        "rows": row["rows"],  # booked with them: to count them again takes minutes where there are many
        "doubles": row["doubles"],
        "first": first,
        "last": last,
        "missing": list(_missing(db, row["id"], row["chain_upto"])),
        "lanes": {lane["lane"]: _lane(db, lane) for lane in _all(db, "lane", row["id"])},
        "given_up": [[gap["lane"], gap["first"], gap["last"]] for gap in _all(db, "given_up", row["id"])],
        "conflicts": [_conflict(one) for one in _all(db, "conflict", row["id"])],
        "chain": {
            "upto": row["chain_upto"],
            "hash": row["chain_hash"].hex(),
            "holes": row["chain_holes"],
            "broken_at": row["broken_at"],
            "whole": row["chain_upto"] == last and not row["broken_at"] and not row["chain_holes"],
        },
    }


def _all(db: Reader, table: str, epoch: int) -> list[Columns]:
    return db.dicts(f"select * from {table} where epoch = ? order by 1, 2, 3 limit {LISTED_MAX}", (epoch,))


def _missing(db: Reader, epoch: int, proven: int) -> Iterator[list[int]]:
    """Numbers that no stored row has, [from, to], beyond what the chain has proven; HOLES_MAX at most."""
    found = db.execute(
        'select seq, before from (select seq, lag(seq, 1, cast(? as bigint)) over (order by seq) as before from "row"'
        " where epoch = ? and seq > ?) as gone where seq > before + 1 limit ?",
        (proven, epoch, proven, HOLES_MAX),
    )
    for seq, before in found:
        yield [before + 1, seq - 1]


def _lane(db: Reader, lane: Columns) -> dict[str, Any]:
    """The lane's mark, and where rows of it are missing before rows that are there."""
    marks = lane_book(lane["upto"], lane["hash"], lane["beyond"])
    key = (lane["epoch"], lane["lane"], lane["upto"])
    for first, last in db.execute("select first, last from given_up where epoch = ? and lane = ? and last > ?", key):
        marks.give_up(first, last)
    return {"rows": lane["rows"], "upto": lane["upto"], "missing": [list(hole) for hole in marks.missing()]}


def _conflict(row: Columns) -> dict[str, Any]:
    return {"seq": row["seq"], "lane": row["lane"], "held": row["held"].hex(), "theirs": row["theirs"].hex()}


def _file(where: Where, board: Columns, row: Columns) -> dict[str, Any]:
    done = bool(row["done_ns"])
    have = row["size"] if done else sum(stop - start for start, stop in json.loads(row["stored"]))
    return {
        "fid": row["fid"],
        "name": row["name"],
        "size": row["size"],
        "sha256": row["sha256"],
        "state": "complete" if done else "partial",
        "have_bytes": have,
        "path": where.path_of(f"{board['site']}/{board['board']}/{row['fid']}/{row['name']}") if done else "",
        "user_data": json.loads(row["user_data"]),
    }


def _totals(boards: list[dict[str, Any]]) -> dict[str, Any]:
    epochs = [epoch for board in boards for epoch in board["epochs"]]
    files = [file for board in boards for file in board["files"]]
    return {
        "boards": len(boards),
        "rows": sum(epoch["rows"] for epoch in epochs),
        "doubles": sum(epoch["doubles"] for epoch in epochs),
        "missing": sum(to - start + 1 for epoch in epochs for start, to in epoch["missing"]),
        "given_up": sum(len(epoch["given_up"]) for epoch in epochs),
        "conflicts": sum(len(epoch["conflicts"]) for epoch in epochs),
        "refused": sum(board["refused"] for board in boards),
        "key_conflicts": sum(heads.wrong(board["key"]) for board in boards),
        "chains_whole": all(epoch["chain"]["whole"] for epoch in epochs),
        "files_complete": sum(file["state"] == "complete" for file in files),
        "files_partial": sum(file["state"] == "partial" for file in files),
    }


def in_words(found: dict[str, Any]) -> str:
    """The report for a terminal."""
    lines: list[str] = []
    for board in found["boards"]:
        lines.append(f"{board['site']}/{board['board']}: {board['state'] or 'never present'}")
        lines += heads.in_words(board["key"])
        lines += [line for epoch in board["epochs"] for line in _epoch_lines(epoch)]
        if board["refused"]:
            lines.append(f"  {board['refused']} rows or messages refused, the last one: {board['why']}")
        lines += [_file_line(file) for file in board["files"]]
    return "\n".join(lines or ["nothing has been stored yet"])


def _epoch_lines(epoch: dict[str, Any]) -> list[str]:
    chain = epoch["chain"]
    lines = [
        f"  epoch {epoch['epoch']}: {epoch['rows']} rows, {epoch['first']} to {epoch['last']},"
        f" {epoch['doubles']} came twice and were stored once"
    ]
    lines.append(f"    missing: {_ranges(epoch['missing'])}; chain proven to row {chain['upto']}")
    if chain["broken_at"]:
        lines.append(f"    CHAIN BROKEN: row {chain['broken_at']} does not follow the row stored before it")
    if epoch["conflicts"]:
        lines.append(f"    CONFLICTS: other rows came for {_ranges([[c['seq']] * 2 for c in epoch['conflicts']])}")
    if epoch["given_up"]:
        given_up = ", ".join(f"{lane} {first}-{last}" for lane, first, last in epoch["given_up"])
        lines.append(f"    given up by the board: {given_up}")
    return lines


def _ranges(ranges: list[list[int]]) -> str:
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:10]]
    more = f" and {len(ranges) - 10} more" if len(ranges) > 10 else ""
    return (", ".join(shown) or "none") + more


def _file_line(file: dict[str, Any]) -> str:
    have = "complete" if file["state"] == "complete" else f"{file['have_bytes']} of {file['size']} bytes"
    return f"  file {file['name']}: {have}, SHA-256 {file['sha256'][:16]}…"
