"""Commands from the broker: what one must look like, and why this one is not carried out.

Rules of this file:
- fail closed: whatever is not a well-formed, signed, fresh command for this board by a known key is refused;
- a refusal's text is bounded and printable, and never quotes the payload: it came from who knows whom;
- no key can be configured yet, so every command is refused; `judge` is where checking a signature joins in.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

COMMAND_BYTES_MAX = 16 * 1024
REFUSALS_A_MINUTE = 6
_ID = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_TEXTS = ("id", "board", "op", "key_id", "sig")
_NUMBERS = ("iat", "exp", "ctr")


@dataclass(frozen=True)
class Envelope:
    """A command as its signer wrote it. board: "site/board"; iat and exp: unix seconds; ctr: counter of the key."""

    id: str
    board: str
    op: str
    args: dict[str, Any]
    iat: int
    exp: int
    ctr: int
    key_id: str
    sig: str


@dataclass(frozen=True)
class Refusal:
    """Why a command is not carried out. id: its own, if it has a fit one; digest: SHA-256 of the payload, in hex."""

    reason: str
    size: int
    digest: str
    id: str = ""


def judge(payload: bytes, *, retained: bool, board: str, keys: Collection[str] = ()) -> Envelope | Refusal:
    """A command as it came over MQTT, for `board` ("site/board"). keys: ids of the keys that may sign. Never raises."""
    digest = hashlib.sha256(payload).hexdigest()
    if len(payload) > COMMAND_BYTES_MAX:
        return Refusal(f"{len(payload)} bytes, {COMMAND_BYTES_MAX} allowed", len(payload), digest)
    parsed = _parsed(payload)
    id_ = _id_of(parsed)
    if retained:
        return Refusal("retained: a command kept by the broker may be of any age", len(payload), digest, id_)
    envelope = _envelope(parsed)
    reason = envelope if isinstance(envelope, str) else _wrong(envelope, board, keys)
    if reason or isinstance(envelope, str):
        return Refusal(reason, len(payload), digest, id_)
    return envelope


def _parsed(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None


def _id_of(parsed: Any) -> str:
    id_ = parsed.get("id") if isinstance(parsed, dict) else None
    return id_ if isinstance(id_, str) and _ID.match(id_) else ""


def _envelope(parsed: Any) -> Envelope | str:
    """The envelope, or what is wrong with its form."""
    if not isinstance(parsed, dict):
        return "not a JSON object"
    if not parsed.get("sig"):
        return "not signed"
    known = {*_TEXTS, *_NUMBERS, "args"}
    if set(parsed) != known:
        return f"must hold exactly {', '.join(sorted(known))}"
    texts = all(isinstance(parsed[k], str) and len(parsed[k]) <= 1000 for k in _TEXTS)
    numbers = all(type(parsed[k]) is int and 0 <= parsed[k] < 2**63 for k in _NUMBERS)
    if not (texts and numbers and isinstance(parsed["args"], dict)) or not _id_of(parsed):
        return "a field has a value of the wrong form"
    return Envelope(**parsed)


def _wrong(envelope: Envelope, board: str, keys: Collection[str]) -> str:
    """Why a well-formed envelope is refused, empty if it is not."""
    if envelope.board != board:
        return "for another board"
    if envelope.key_id not in keys:
        return "signed by a key that is not known here"
    return ""


def result_payload(refusal: Refusal) -> bytes:
    """What is published on `result` for a refused command."""
    body = {"v": 1, "id": refusal.id, "digest": refusal.digest, "state": "refused", "reason": refusal.reason}
    return json.dumps(body).encode()


class RefusalMeter:
    """How many refusals are written down: the first few each minute; the others are counted.

    Somebody who can publish on the topic must not be able to fill the journal.
    """

    def __init__(self, most: int = REFUSALS_A_MINUTE) -> None:
        self.uncounted = 0  # refused and not written down since last reported
        self._most = most
        self._minute_s = float("-inf")
        self._written = 0

    def admit(self, now_s: float) -> bool:
        """True if this refusal is to be written down."""
        if now_s - self._minute_s >= 60:
            self._minute_s, self._written = now_s, 0
        if self._written >= self._most:
            self.uncounted += 1
            return False
        self._written += 1
        return True

    def due(self, now_s: float) -> int:
        """Once the minute is over: how many went unwritten (to be written down as one), else 0."""
        if not self.uncounted or now_s - self._minute_s < 60:
            return 0
        count, self.uncounted = self.uncounted, 0
        return count
