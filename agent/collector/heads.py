"""Signed heads: is the end of a board's chain, as its presence tells it, signed with the board's own key?

Rules of this file:
- the first key that a board signs with is believed (whoever sets up the board looks at `standpipe keys board`);
  another one later, none at all, or a signature that does not fit is a conflict, told until a person trusts the other;
- rows are stored whatever becomes of this: a conflict is for people, and losing rows over it would serve the forger.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

from agent.collector.books import Board
from agent.collector.store import Reader, Store, StoreError
from agent.collector.stores import Where, at
from agent.core.people import public_of
from agent.core.signed import HEAD, fits
from agent.core.wire import Presence, Topics, head_fields
from agent.runtime.keys import verify

GOOD = ("signed", "")


def look(db: Store, board: Board, presence: Presence) -> str:
    """Judge a presence and write down what was found; what is wrong with it in words, "" if nothing is."""
    known = db.execute("select key from board_key where board = ?", (board.id,))
    state = _state(board, presence, known[0][0] if known else "")
    if not known and state == "signed":
        db.execute(
            "insert into board_key (board, key, first_ns, state) values (?, ?, ?, ?)",
            (board.id, presence.key, time.time_ns(), state),
        )
    other = presence.key if state == "other-key" else ""
    db.execute("update board_key set state = ?, other = ? where board = ?", (state, other, board.id))
    if state == "signed":
        head = (presence.epoch, presence.head_seq, presence.head_hash, board.id)
        db.execute("update board_key set epoch = ?, head_seq = ?, head = ? where board = ?", head)
    return {
        "forged": "the signature of its presence does not fit",
        "unsigned": "its presence is not signed any more",
        "other-key": "its presence is signed with another key than before",
    }.get(state, "")


def _state(board: Board, presence: Presence, known: str) -> str:
    """signed / unsigned / forged / other-key, "" for a board that never signed."""
    if not presence.key:
        return "unsigned" if known else ""
    try:
        public = public_of(presence.key)
    except ValueError:
        return "forged"
    if not fits(public, presence.sig, HEAD, head_fields(presence, Topics(board.site, board.board)), verify):
        return "forged"
    return "signed" if known in ("", presence.key) else "other-key"


def report_of(db: Reader, board: int) -> dict[str, Any]:
    """For the report: {"public", "state", "other", "head_seq", "head"}; {} for a board that never signed.

    head: matches (the row that we hold is the one that was signed), differs, or missing (not here, or not yet).
    """
    found = db.execute("select key, state, other, epoch, head_seq, head from board_key where board = ?", (board,))
    if not found:
        return {}
    public, state, other, epoch, head_seq, head = found[0]
    return {
        "public": public,
        "state": state,
        "other": other,
        "head_seq": head_seq,
        "head": _compared(db, board, epoch, head_seq, head),
    }


def _compared(db: Reader, board: int, epoch: str, seq: int, head: str) -> str:
    ask = 'select r.hash from "row" r join epoch e on e.id = r.epoch where e.board = ? and e.epoch = ? and r.seq = ?'
    held = db.execute(ask, (board, epoch, seq))
    if not held:
        return "missing"
    return "matches" if held[0][0].hex() == head else "differs"


def in_words(key: dict[str, Any]) -> list[str]:
    """Lines of the report."""
    if not key:
        return ["  its head is not signed"]
    lines = [f"  key {key['public']}: {key['state']}, head row {key['head_seq']} {key['head']}"]
    if key["state"] not in GOOD:
        told = f"signed with {key['other']}" if key["other"] else f"presence is {key['state']}"
        lines.append(f"  KEY CONFLICT: {told}: was the board set up anew? then standpipe collect trust")
    if key["head"] == "differs":
        lines.append("  SIGNED HEAD DIFFERS from the row stored under its number")
    return lines


def wrong(key: dict[str, Any]) -> bool:
    """Whether a person has to look."""
    return bool(key) and (key["state"] not in GOOD or key["head"] == "differs")


def trust(store: Where | Path, name: str) -> str:
    """Believe the key that board `name` ("site/board") signs with now; returns it. StoreError if there is no other."""
    with contextlib.closing(at(store).open_to_read(writable=True)) as db:
        site, _, board = name.partition("/")
        found = db.execute(
            "update board_key set key = other, other = '', state = 'signed', first_ns = ?, head_seq = 0, head = ''"
            " where other != '' and board = (select id from board where site = ? and board = ?) returning key",
            (time.time_ns(), site, board),
        )
    if not found:
        raise StoreError(f"{name}: has no other key than the one that is trusted (standpipe collect report)")
    return str(found[0][0])
