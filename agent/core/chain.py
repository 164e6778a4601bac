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

DEPTH_MAX = 16  # of lists and objects in a row's data: what a parser can take depends on its version
HASH_BYTES = 32
NUMBER_MAX = 2**63 - 1


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
    """Data as canonical JSON. Raises ValueError for a float (NaN included) anywhere in it, TypeError for non-JSON.

    Half characters (a file name that is no UTF-8, in an error's text) become "?": they cannot be written down.
    """
    _refuse(data, DEPTH_MAX)
    text = _encode(data)
    if text.isascii():
        return text
    whole = text.encode(errors="replace").decode()
    return text if whole == text else _encode(_decode(whole))


def _refuse(value: object, depth: int) -> None:
    """Floats, names that are no texts, and what lies deeper than `depth`."""
    if depth < 0:
        raise ValueError(f"more than {DEPTH_MAX} lists and objects in each other in a row")
    if isinstance(value, float):
        raise ValueError("no floats in a row: whole numbers with the unit in the name")  # noqa: TRY004
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{key!r} is no name of a value: names are texts")
            _refuse(inner, depth - 1)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _refuse(inner, depth - 1)


def _no_float(text: str) -> float:
    raise ValueError(f"{text[:40]} in a row: whole numbers only")


# One writer and one reader, made once: json.dumps with options makes a new encoder for every call.
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_decoder = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float)
_decode, _read = _decoder.decode, _decoder.raw_decode
_text = json.encoder.encode_basestring


def canonical_row(row: Row) -> bytes:
    """The bytes that are hashed: all columns but the hash itself.

    Written out by hand rather than by json.dumps because `data` already is canonical JSON.
    """
    return (
        f"[{row.seq},{row.at_ns},{_text(row.boot)},{row.mono_ns},{_text(row.clock)},{_text(row.lane)},"
        f"{row.lane_prev},{_text(row.kind)},{_text(row.source)},{_text(row.signal)},{row.data}]"
    ).encode()


_TYPES = [int, int, str, int, str, str, int, str, str, str, dict]


def row_from_canonical(text: bytes | str, hash_: bytes) -> Row:
    """The row back from its canonical text. Raises ValueError if the text is not one, byte for byte.

    Numbers fit 64 bits; seq is at least 1 and past lane_prev. The hash is taken as given.
    """
    try:
        line = text if isinstance(text, str) else text.decode()
        fields, _ = _read(line)
        if [type(field) for field in fields] != _TYPES:
            raise ValueError("other columns")
        if line.count("{") + line.count("[") > DEPTH_MAX:
            _refuse(fields[10], DEPTH_MAX)
        row = Row._make([*fields[:10], _encode(fields[10]), hash_])
        if canonical_row(row) != line.encode():
            raise ValueError("written in another way")
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a canonical journal row: {error}") from error
    if not 0 <= row.lane_prev < row.seq <= NUMBER_MAX or max(abs(row.at_ns), abs(row.mono_ns)) > NUMBER_MAX:
        raise ValueError("numbers out of range in a journal row")
    return row


def first_hash(epoch: str) -> bytes:
    """What stands before the first row of an epoch (a UUID's 36 characters)."""
    return hashlib.sha256(epoch.encode()).digest()


def next_hash(previous: bytes, canonical: bytes) -> bytes:
    """Hash of a row from the previous row's hash and its canonical bytes."""
    return hashlib.sha256(previous + canonical).digest()
