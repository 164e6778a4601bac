"""Signed commands: what one must look like, who may give it, and why one is not carried out.

Rules of this file:
- fail closed: whatever is not a well-formed, signed, fresh command for this board by a key whose role may give it is
  refused, each with a `code` of its own;
- uplink and panel judge with the same function; the signature's mathematics is handed in (`verify`);
- what a command may say, who may give it and which process does it is OPS; what it does is that process's
  (panel/orders.py, installer/);
- a refusal's text is bounded and printable, and never quotes the payload: it came from who knows whom.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from agent.core.incidents import WHATS
from agent.core.people import Key, Role
from agent.core.signed import COMMAND, NUMBER_MAX, SIGNATURE, Verify, canonical, fields_of, fits
from agent.core.site_update import is_packed

COMMAND_BYTES_MAX = 16 * 1024
LIFE_MAX_S = 300  # from signing to expiry
AHEAD_MAX_S = 60  # a signer's clock may be ahead of ours by so much

_ID = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?\Z")
_TEXTS = ("id", "site", "board", "op", "by", "key", "sig")
_NUMBERS = ("iat", "exp", "ctr")
_FIELDS = {*_TEXTS, *_NUMBERS, "args"}


# --- what commands there are ---


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(_NAME.match(value))


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and 0 < len(value) <= 64 and all(map(_is_name, value))


def _is_time_s(value: Any) -> bool:
    return type(value) is int and 0 < value < 2**33


def _is_door(value: Any) -> bool:
    return value == "*" or _is_name(value)


def _is_length_s(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 600


def _is_yes_no(value: Any) -> bool:
    return isinstance(value, bool)


def _is_incident(value: Any) -> bool:
    return isinstance(value, str) and value in WHATS


def _is_signed_text(value: Any) -> bool:
    """What it says, and whether it stands, is for core/statements.py to judge."""
    return isinstance(value, str) and value.startswith("{") and len(value) <= COMMAND_BYTES_MAX


Fits = Callable[[Any], bool]
PANEL, INSTALLER = "panel", "installer"
APPROVE = "approve"
INCIDENT_CLOSE = "incident-close"


@dataclass(frozen=True)
class Op:
    """One command. needs: arguments it must have; may: those it may have.

    does: the one process that judges it again and carries it out.
    """

    roles: frozenset[Role]
    needs: Mapping[str, Fits] = field(default_factory=dict)
    may: Mapping[str, Fits] = field(default_factory=dict)
    clockless: bool = False  # no clock is asked, only the nonce: what it is part of has a nonce of the board's own
    does: str = PANEL


_AT_SITE = frozenset({Role.OPERATOR, Role.SHIFT_LEADER, Role.SUPERVISOR, Role.TECHNICIAN})
_DEAFER = frozenset({Role.SHIFT_LEADER, Role.SUPERVISOR, Role.TECHNICIAN})  # may make a site hear less
_ALARM: Mapping[str, Fits] = {"alarm": _is_text}

OPS: Mapping[str, Op] = {
    "acknowledge": Op(_AT_SITE, _ALARM),
    "silence": Op(_AT_SITE, _ALARM),
    "reset": Op(frozenset({Role.SUPERVISOR, Role.TECHNICIAN}), _ALARM),
    "clip": Op(
        _AT_SITE,
        {"cameras": _are_names},
        {"at_s": _is_time_s, "before_s": _is_length_s, "after_s": _is_length_s, "hold": _is_yes_no},
    ),
    "hold": Op(
        frozenset({Role.OPERATOR, Role.SUPERVISOR}),
        {"cameras": _are_names, "from_s": _is_time_s, "to_s": _is_time_s, "reason": _is_text},
    ),
    "config": Op(frozenset({Role.TECHNICIAN}), {"file": is_packed}, does=INSTALLER),
    "arm": Op(_AT_SITE, {"door": _is_door}),
    "disarm": Op(_DEAFER, {"door": _is_door, "reason": _is_text}),
    "drill-start": Op(_DEAFER, {"of": _are_names, "reason": _is_text, "for_s": _is_time_s}),
    "drill-end": Op(_AT_SITE, {"permit": _is_name}),
    "impairment-start": Op(
        frozenset({Role.SUPERVISOR, Role.SAFETY_OFFICE}),
        {"of": _are_names, "reason": _is_text, "measures": _is_text, "for_s": _is_time_s},
    ),
    "impairment-end": Op(_AT_SITE, {"permit": _is_name}),
    # Whoever of the site's people sees one may say so, and that it is over, as at the site itself.
    "incident-declare": Op(
        frozenset(Role), {"what": _is_incident, "reason": _is_text}, {"since_s": _is_time_s, "drill": _is_yes_no}
    ),
    INCIDENT_CLOSE: Op(frozenset(Role), {"outcome": _is_text}, {"incident": _is_name}),
    "start-arm": Op(_AT_SITE, {"pump": _is_name, "reason": _is_text}, clockless=True),
    "start-confirm": Op(_AT_SITE, {"pump": _is_name, "typed": _is_text, "held_ms": _is_time_s}, clockless=True),
    "start": Op(_AT_SITE, {"pump": _is_name, "nonce": _is_text, "reason": _is_text}, clockless=True),
    "snapshot": Op(_AT_SITE, {"cameras": _are_names}),
    "report": Op(_AT_SITE | {Role.AUDITOR}),
    # A verdict is signed for itself; whose counts is in statements.KINDS, and who asked may take back what they asked.
    APPROVE: Op(frozenset(Role), {"statement": _is_signed_text}),
}


# --- an envelope ---


@dataclass(frozen=True)
class Envelope:
    """A command as its signer wrote it.

    id: chosen by the sender; by: person; key: id of their key; iat, exp: unix seconds of signing and expiry; ctr: a
    number that grows with each command of this key; nonce: the boot it is meant for, "" for any; sig: 128 hex digits.
    """

    site: str
    board: str
    op: str
    args: dict[str, Any]
    id: str
    by: str
    key: str
    iat: int
    exp: int
    ctr: int
    nonce: str = ""
    sig: str = ""

    def unsigned(self) -> dict[str, Any]:
        """The fields that are signed."""
        left_out = {"sig"} if self.nonce else {"sig", "nonce"}
        return {name: value for name, value in self.__dict__.items() if name not in left_out}

    def text(self) -> str:
        """The whole envelope as canonical JSON: what is sent and what is journaled."""
        return canonical({**self.unsigned(), "sig": self.sig})


@dataclass(frozen=True)
class Refusal:
    """Why a command is not carried out. code: a stable word; digest: SHA-256 of the payload, in hex.

    id, op, by: what the command says of itself, "" if it does not say so in a fit way. They prove nothing.
    """

    code: str
    reason: str
    size: int
    digest: str
    id: str = ""
    op: str = ""
    by: str = ""


class Here(NamedTuple):
    """Where a command is judged. keys: those of the site's people, by id; approvers: roles that this site chose for a
    kind of request (statements.py), where it chose."""

    site: str
    board: str
    keys: Mapping[str, Key]
    verify: Verify
    approvers: Mapping[str, frozenset[Role]] = MappingProxyType({})


class Now(NamedTuple):
    """When. clock: synced / rtc / told (unset, but somebody told us the time) / unset; boot: this boot's id.

    since_s: which commands were done before this time is not known any more; 0: of all it is known.
    """

    at_s: int
    clock: str
    boot: str
    since_s: int = 0


def judge(
    payload: bytes, here: Here, now: Now, counters: Mapping[str, int], *, retained: bool = False
) -> Envelope | Refusal:
    """A command as it came over MQTT. counters: key id -> counter of its last command. Raises what `verify` raises."""
    digest = hashlib.sha256(payload).hexdigest()
    if len(payload) > COMMAND_BYTES_MAX:
        return Refusal("too-large", f"{len(payload)} bytes, {COMMAND_BYTES_MAX} allowed", len(payload), digest)
    parsed = fields_of(payload)
    said = Refusal("", "", len(payload), digest, *(_said(parsed, name) for name in ("id", "op", "by")))
    if retained:
        return _no(said, "retained", "retained: a command kept by the broker may be of any age")
    envelope = _envelope(parsed)
    if isinstance(envelope, tuple):
        return _no(said, *envelope)
    for code, look in LOOKS:
        if code in BY_CLOCK and OPS[envelope.op].clockless:
            continue
        if reason := look(envelope, here, now, counters):
            return _no(said, code, reason)
    return envelope


def _no(said: Refusal, code: str, reason: str) -> Refusal:
    return Refusal(code, reason, said.size, said.digest, said.id, said.op, said.by)


def _said(parsed: dict[str, Any] | None, name: str) -> str:
    value = parsed.get(name) if parsed else None
    return value if isinstance(value, str) and _ID.match(value) else ""


def _envelope(parsed: dict[str, Any] | None) -> Envelope | tuple[str, str]:
    """The envelope, or (code, what is wrong with its form)."""
    if parsed is None:
        return "malformed", "not a JSON object of texts and whole numbers"
    if not parsed.get("sig"):
        return "unsigned", "not signed"
    if set(parsed) - {"nonce"} != _FIELDS:
        return "malformed", f"must hold exactly {', '.join(sorted(_FIELDS))}, and may hold nonce"
    texts = all(isinstance(parsed[k], str) and 0 < len(parsed[k]) <= 200 for k in _TEXTS)
    numbers = all(type(parsed[k]) is int and 0 <= parsed[k] <= NUMBER_MAX for k in _NUMBERS)
    if not (texts and numbers and isinstance(parsed["args"], dict) and _ID.match(parsed["id"])):
        return "malformed", "a field has a value of the wrong form"
    nonce = parsed.get("nonce", "-")
    if not isinstance(nonce, str) or not _ID.match(nonce) or not SIGNATURE.match(parsed["sig"]):
        return "malformed", "nonce or sig has the wrong form"
    return Envelope(**parsed)


# --- the looks, in their order: each says why not, "" if nothing speaks against it ---

Look = Callable[[Envelope, Here, Now, Mapping[str, int]], str]


def _foreign(envelope: Envelope, here: Here, _now: Now, _counters: Mapping[str, int]) -> str:
    return "" if (envelope.site, envelope.board) == (here.site, here.board) else "for another board"


def _key(envelope: Envelope, here: Here, _now: Now, _counters: Mapping[str, int]) -> str:
    key = here.keys.get(envelope.key)
    if key is None:
        return "signed by a key that is not known here"
    return "" if key.person == envelope.by else "this key belongs to another person"


def _signature(envelope: Envelope, here: Here, _now: Now, _counters: Mapping[str, int]) -> str:
    good = fits(here.keys[envelope.key].public, envelope.sig, COMMAND, envelope.unsigned(), here.verify)
    return "" if good else "the signature does not fit: forged, or changed on the way"


def _op(envelope: Envelope, _here: Here, _now: Now, _counters: Mapping[str, int]) -> str:
    return "" if envelope.op in OPS else "there is no such command"


def _role(envelope: Envelope, here: Here, _now: Now, _counters: Mapping[str, int]) -> str:
    role, op = here.keys[envelope.key].role, OPS[envelope.op]
    may = " or ".join(sorted(op.roles))
    return "" if role in op.roles else f"role {role} may not do this, it takes {may}"


def _args(envelope: Envelope, _here: Here, _now: Now, _counters: Mapping[str, int]) -> str:
    op, args = OPS[envelope.op], envelope.args
    known = {**op.needs, **op.may}
    if lacking := sorted(set(op.needs) - set(args)):
        return f"argument {lacking[0]} is missing"
    if set(args) - set(known):
        return f"has an argument that it does not take; it takes {', '.join(sorted(known)) or 'none'}"
    wrong = sorted(name for name, value in args.items() if not known[name](value))
    return f"argument {wrong[0]} has a value of the wrong form" if wrong else ""


def _life(envelope: Envelope, _here: Here, _now: Now, _counters: Mapping[str, int]) -> str:
    life_s = envelope.exp - envelope.iat
    return "" if 0 < life_s <= LIFE_MAX_S else f"must be valid for 1 to {LIFE_MAX_S} s"


def _nonce(envelope: Envelope, _here: Here, now: Now, _counters: Mapping[str, int]) -> str:
    if envelope.nonce and envelope.nonce != now.boot:
        return "the board has started anew since it was signed"
    if OPS[envelope.op].clockless and not envelope.nonce:
        return "this command must carry the boot of the board's presence as nonce"
    if now.clock in ("unset", "told") and not envelope.nonce:
        return "this board's clock is not set: the command must carry the boot of its presence as nonce"
    return ""


def _expired(envelope: Envelope, _here: Here, now: Now, _counters: Mapping[str, int]) -> str:
    late_s = now.at_s - envelope.exp
    if now.clock == "unset" or late_s < 0:
        return ""
    return f"expired {late_s} s ago" if late_s else "expired just now"


def _ahead(envelope: Envelope, _here: Here, now: Now, _counters: Mapping[str, int]) -> str:
    ahead_s = envelope.iat - now.at_s
    if now.clock == "unset" or ahead_s <= AHEAD_MAX_S:
        return ""
    return f"signed {ahead_s} s in the future by this board's clock: one of the two clocks is wrong"


def _replayed(envelope: Envelope, _here: Here, _now: Now, counters: Mapping[str, int]) -> str:
    seen = counters.get(envelope.key, -1)
    return "" if envelope.ctr > seen else "its counter was used already: repeated, or overtaken by a later command"


def _forgotten(envelope: Envelope, _here: Here, now: Now, _counters: Mapping[str, int]) -> str:
    if not now.since_s or envelope.iat > now.since_s:
        return ""
    return "what was done before was lost, so it may have been done already: sign it anew in a minute, clock set"


LOOKS: tuple[tuple[str, Look], ...] = (
    ("foreign", _foreign),
    ("unknown-key", _key),
    ("bad-signature", _signature),
    ("unknown-op", _op),
    ("not-allowed", _role),
    ("bad-args", _args),
    ("bad-life", _life),
    ("bad-nonce", _nonce),
    ("expired", _expired),
    ("future", _ahead),
    ("replayed", _replayed),
    ("forgotten", _forgotten),
)
BY_CLOCK = frozenset({"expired", "future", "forgotten"})  # those that the time of day is asked for
CODES = (
    "too-large",
    "retained",
    "malformed",
    "unsigned",
    *(code for code, _ in LOOKS),
    "late",
    "unverified",
    "not-approved",
    "journal",
)
