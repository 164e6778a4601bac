"""What is signed: a canonical text of plain fields, under a heading that says what it is for.

Rules of this file:
- the bytes that are signed are the heading and one line of JSON: keys sorted, no spaces, UTF-8, no floats;
- the heading differs for each purpose, so that a signature given for one can never serve another;
- what is read is read strictly (`fields_of`): one JSON object, no name twice, whole numbers of 64 bits, nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

COMMAND, STATEMENT, HEAD = "standpipe command v1", "standpipe statement v1", "standpipe head v1"
WALK_TEST, REQUEST = "standpipe walk test v1", "standpipe request v1"
RESULT, PERMIT = "standpipe result v1", "standpipe permit v1"
NUMBER_MAX = 2**63 - 1
SIGNATURE = re.compile(r"[0-9a-f]{128}\Z")

Verify = Callable[[bytes, bytes, bytes], bool]  # (public key, signature, what was signed); never raises


def _no_float(text: str) -> float:
    raise ValueError(f"{text[:40]}: whole numbers only")


def _whole(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > NUMBER_MAX:
        raise ValueError("a number of more than 64 bits")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode
_decode = json.JSONDecoder(
    parse_float=_no_float, parse_constant=_no_float, parse_int=_whole, object_pairs_hook=_once
).decode


def canonical(fields: Mapping[str, Any]) -> str:
    """The fields as one line of canonical JSON. Raises ValueError for what UTF-8 cannot hold."""
    text = _encode(fields)
    text.encode()  # half characters
    return text


def to_sign(purpose: str, fields: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: COMMAND, STATEMENT, ... and the fields without their signature."""
    return f"{purpose}\n{canonical(fields)}".encode()


def fields_of(payload: bytes | str) -> dict[str, Any] | None:
    """The object that a payload holds, None if it holds anything else. Never raises."""
    try:
        text = payload if isinstance(payload, str) else payload.decode()
        parsed = _decode(text)
        canonical(parsed)
    except (ValueError, RecursionError, TypeError, AttributeError):
        return None
    return parsed if isinstance(parsed, dict) else None


def fits(public: bytes, sig: str, purpose: str, fields: Mapping[str, Any], verify: Verify) -> bool:
    """Whether `sig` (128 hex digits) is that key's signature of the fields."""
    return bool(SIGNATURE.match(sig)) and verify(public, bytes.fromhex(sig), to_sign(purpose, fields))
