"""The canonical row and the hash chain over rows. Writer, uplink and collector all use this file and no other.

Rules of this file:
- a canonical row is UTF-8 JSON: an array in column order, object keys sorted, no spaces, no floats;
- hash = SHA-256(previous hash's 32 bytes + canonical row's bytes);
- before the first row of an epoch stands SHA-256 of the epoch's 36-character text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

HASH_BYTES = 32


class Row(NamedTuple):
    """One journal row. Columns in canonical order; `data` is the canonical JSON text, `hash` 32 bytes.

    at_ns is UTC, mono_ns CLOCK_MONOTONIC of boot `boot`; clock is synced / rtc / unset; lane_prev is the
    previous seq of this lane, 0 for the first.
    """

    seq: int
    at_ns: int
    boot: str
    mono_ns: int
    clock: str
    lane: str
    lane_prev: int
    kind: str
    source: str
    signal: str
    data: str
    hash: bytes

    def values(self) -> dict[str, object]:
        """The row's data as a dict."""
        parsed: dict[str, object] = json.loads(self.data)
        return parsed


class Stamp(NamedTuple):
    """When something was written down: UTC, boot, CLOCK_MONOTONIC, and how far the UTC can be trusted."""

    at_ns: int
    boot: str
    mono_ns: int
    clock: str


def canonical_data(data: Mapping[str, object]) -> str:
    """Data as canonical JSON. Raises ValueError for a float (NaN included) anywhere in it, TypeError for non-JSON."""
    _refuse_floats(data)
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise ValueError("no floats in a row: whole numbers with the unit in the name")  # noqa: TRY004
    if isinstance(value, Mapping):
        for inner in value.values():
            _refuse_floats(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _refuse_floats(inner)


_text = json.encoder.encode_basestring


def canonical_row(row: Row) -> bytes:
    """The bytes that are hashed: all columns but the hash itself.

    Written out by hand rather than by json.dumps because `data` already is canonical JSON.
    """
    return (
        f"[{row.seq},{row.at_ns},{_text(row.boot)},{row.mono_ns},{_text(row.clock)},{_text(row.lane)},"
        f"{row.lane_prev},{_text(row.kind)},{_text(row.source)},{_text(row.signal)},{row.data}]"
    ).encode()


def row_from_canonical(text: bytes | str, hash_: bytes) -> Row:
    """The row back from its canonical text. Raises ValueError if the text is not one, byte for byte."""
    raw = text.encode() if isinstance(text, str) else text
    try:
        fields = json.loads(raw)
        row = Row._make([*fields[:10], canonical_data(fields[10]), hash_])
    except (ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        raise ValueError(f"not a journal row: {error}") from error
    if len(fields) != 11 or canonical_row(row) != raw:
        raise ValueError("not a canonical journal row")
    return row


def first_hash(epoch: str) -> bytes:
    """What stands before the first row of an epoch (a UUID's 36 characters)."""
    return hashlib.sha256(epoch.encode()).digest()


def next_hash(previous: bytes, canonical: bytes) -> bytes:
    """Hash of a row from the previous row's hash and its canonical bytes."""
    return hashlib.sha256(previous + canonical).digest()
