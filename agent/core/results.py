"""What the sender of a command is told: the board's word on it, signed with the board's key where it is the last.

Rules of this file:
- a result names its command by the id that the sender chose; signed, it names site and board too, so that it can stand
  for no other;
- only the end of a command is signed (ENDS): what comes before promises nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from agent.core.people import public_of
from agent.core.signed import RESULT, Verify, canonical, fields_of, fits

RESULT_BYTES_MAX = 64 * 1024
STATES = {
    "command.received": "received",
    "command.started": "started",
    "command.done": "done",
    "command.failed": "failed",
    "command.refused": "refused",
}
ENDS = frozenset({"done", "failed", "refused"})

Seal = Callable[[dict[str, Any]], dict[str, Any]]  # a result -> the same with site, board, key and sig


class Result(NamedTuple):
    """A result as the sender reads it, "" where not told. answer: what a command has to say beside that it is done;
    signed: all fields but sig."""

    id: str
    state: str
    code: str
    reason: str
    answer: dict[str, str]
    sig: str
    signed: dict[str, Any]


class Told(NamedTuple):
    """What the board said of a command: received, started, done, failed or refused; or forged: somebody else said so.

    code and reason are "" where not told; signed: with the board's key.
    """

    state: str
    code: str
    reason: str
    answer: dict[str, str]
    signed: bool = False


def result_payload(state: str, values: Mapping[str, object], seal: Seal | None = None) -> bytes:
    """What is published on `result`: {"v": 1, "id", "state", "code", "reason", "op", "by", "digest", "answer"}, as far
    as known; and site, board, key, sig.

    values: the data of a command.* row; seal: signs the last word on a command.
    """
    known = ("code", "reason", "op", "by", "digest", "answer")
    told: dict[str, Any] = {name: values[name] for name in known if values.get(name)}
    told = {"v": 1, "id": values.get("command", ""), "state": state, **told}
    if seal is not None and state in ENDS:
        told = seal(told)
    return json.dumps(told, ensure_ascii=False).encode()


def parse_result(payload: bytes) -> Result | None:
    """A result, None if it is none."""
    parsed = fields_of(payload[:RESULT_BYTES_MAX])
    if parsed is None or parsed.get("state") not in STATES.values():
        return None
    texts = [parsed.get(name, "") for name in ("id", "state", "code", "reason", "sig")]
    answer = parsed.get("answer", {})
    if not all(isinstance(text, str) for text in texts) or not isinstance(answer, dict):
        return None
    if not all(isinstance(value, str) and len(value) <= 200 for value in answer.values()):
        return None
    id_, state, code, reason, sig = texts
    return Result(id_, state, code, reason, answer, sig, {k: v for k, v in parsed.items() if k != "sig"})


def seal(
    told: dict[str, Any], site: str, board: str, key: str, sign: Callable[[str, dict[str, Any]], str]
) -> dict[str, Any]:
    """The result with the board's signature. key: its public key as text. Raises what `sign` raises."""
    whole = {**told, "site": site, "board": board, "key": key}
    canonical(whole)
    return {**whole, "sig": sign(RESULT, whole)}


def believed(result: Result, site: str, board: str, key: str, verify: Verify) -> bool:
    """Whether that board's key (as text) has signed the result."""
    if (result.signed.get("site"), result.signed.get("board")) != (site, board):
        return False
    try:
        return fits(public_of(key), result.sig, RESULT, result.signed, verify)
    except ValueError:
        return False
