"""What goes over MQTT: topics, and the JSON of rows, acks and presence. Sender and receiver share this file.

Rules of this file:
- topics are `standpipe/{site}/{board}/...`, at most seven slashes;
- an event is a CloudEvent 1.0 in structured JSON; 64-bit values are strings, as CloudEvents integers have 32 bits;
- the canonical row travels as text (`row`), so the receiver hashes what the sender hashed;
- whatever a parser here refuses raises WireError with the reason; nothing else ever leaves a parser.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from agent.core.chain import HASH_BYTES, Row, canonical_row, row_from_canonical
from agent.core.people import public_of
from agent.core.signed import HEAD, Verify, fits

PREFIX = "standpipe"
EVENT_TYPE = "application/cloudevents+json"
BATCH_TYPE = "application/cloudevents-batch+json"
BATCH_BYTES = 65536
MESSAGE_BYTES_MAX = 256 * 1024
LANES = ("alarm", "status")
NUMBER_MAX = 2**63 - 1
TEXT_MAX = 200
_text = json.encoder.encode_basestring
RANGES_MAX = 1000

# What indexing, converting and comparing untrusted JSON can raise (int() of Infinity: OverflowError).
_WRONG = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
_EPOCH = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


class WireError(ValueError):
    """A payload from the broker is not what this version understands; the text says why."""


@dataclass(frozen=True)
class Topics:
    """All topics of one board; ids are checked by the config (a-z 0-9 -)."""

    site: str
    board: str
    prefix: str = PREFIX

    @property
    def base(self) -> str:
        return f"{self.prefix}/{self.site}/{self.board}"

    def of(self, leaf: str) -> str:
        """Topic of `presence`, `event`, `replay`, `ack`, `command`, `result`, `file-response`."""
        return f"{self.base}/{leaf}"

    def state(self, point: str) -> str:
        """Retained present state of a point, relay, pump, camera or alarm list."""
        return f"{self.base}/state/{point}"

    def file(self, fid: str, step: str) -> str:
        """One step of a file's transfer: init, {offset}/{sha256}, fin/{size}/{sha256}, abort, stat."""
        return f"{self.base}/file/{fid}/{step}"


def board_of(topic: str, prefix: str = PREFIX) -> tuple[str, str, str]:
    """(site, board, rest) of a topic under the prefix; WireError for any other."""
    parts = topic.split("/", 3)
    if len(parts) != 4 or parts[0] != prefix or not all(parts):
        raise WireError(f"topic {topic!r} is not {prefix}/SITE/BOARD/...")
    return parts[1], parts[2], parts[3]


# --- rows ---


@dataclass(frozen=True)
class WireRow:
    """A row as it came over the wire: who sent it, and the row with its two hashes. Hashes are not yet checked.

    `text` is the canonical row, of which `row` was made.
    """

    site: str
    board: str
    epoch: str
    row: Row
    prev_hash: bytes
    text: str = ""


def utc_text(at_ns: int) -> str:
    """RFC 3339 UTC with microseconds."""
    seconds, ns = divmod(at_ns, 1_000_000_000)
    return f"{_utc_seconds(seconds)}.{ns // 1000:06d}Z"


@lru_cache(256)
def _utc_seconds(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def row_event(
    site: str, board: str, epoch: str, row: Row, prev_hash: bytes, *, live: bool, at_ns: int | None = None
) -> str:
    """One row as a CloudEvent's JSON text. Live rows carry `data` too; backlog has it in `row` alone.

    at_ns: when it was, where the row itself does not know because its clock was unset. Put together by hand: a drain
    builds tens of thousands a second, and most of it is the same each time.
    """
    known_ns = row.at_ns if row.clock != "unset" else at_ns
    time = "" if known_ns is None else f',"time":"{utc_text(known_ns)}"'
    data = f',"datacontenttype":"application/json","data":{row.data}' if live else ""
    return (
        f'{{"specversion":"1.0","id":"{epoch}-{row.seq}",{_same(site, board, row.kind)},"subject":{_text(row.source)},'
        f'"epoch":"{epoch}","seq":"{row.seq}","lane":"{row.lane}","laneprev":"{row.lane_prev}","clock":"{row.clock}",'
        f'"row":{_text(canonical_row(row).decode())},"hash":"{row.hash.hex()}","prevhash":"{prev_hash.hex()}"{time}{data}}}'
    )


@lru_cache(1024)
def _same(site: str, board: str, kind: str) -> str:
    return f'"source":{_text(f"/{PREFIX}/{site}/{board}")},"type":{_text(f"standpipe.{kind}.v1")}'


def batch(events: list[str]) -> bytes:
    """CloudEvents JSON batch of row_event texts."""
    return f"[{','.join(events)}]".encode()


def unzip(payload: bytes) -> bytes:
    """A gzip payload (user property content-encoding: gzip), never more than MESSAGE_BYTES_MAX; else WireError."""
    opened = zlib.decompressobj(wbits=31)
    try:
        plain = opened.decompress(payload, MESSAGE_BYTES_MAX + 1)
    except zlib.error as error:
        raise WireError(f"not gzip: {error}") from error
    if len(plain) > MESSAGE_BYTES_MAX or not opened.eof:
        raise WireError(f"gzip cut off, or more than {MESSAGE_BYTES_MAX} bytes in it")
    return plain


def parse_rows(payload: bytes) -> list[WireRow]:
    """Rows of an `event` or `replay` payload. WireError for anything else, however it is wrong."""
    if len(payload) > MESSAGE_BYTES_MAX:
        raise WireError(f"{len(payload)} bytes in one message, {MESSAGE_BYTES_MAX} allowed")
    parsed = _json(payload)
    return [_parse_row(event) for event in (parsed if isinstance(parsed, list) else [parsed])]


def _parse_row(event: Any) -> WireRow:
    try:
        if event["specversion"] != "1.0":
            raise WireError("another CloudEvents version than 1.0")
        _, prefix, site, board = event["source"].split("/")
        hash_, prev_hash = bytes.fromhex(event["hash"]), bytes.fromhex(event["prevhash"])
        text, epoch = event["row"], event["epoch"]
        row = row_from_canonical(text, hash_)
        if prefix != PREFIX or len(hash_) != HASH_BYTES or len(prev_hash) != HASH_BYTES or not _EPOCH.match(epoch):
            raise WireError("source, hash or epoch of a wrong form")
        said = (event["id"], event["seq"], event["lane"], event["laneprev"])
        if said != (f"{epoch}-{row.seq}", str(row.seq), row.lane, str(row.lane_prev)) or row.lane not in LANES:
            raise WireError(f"envelope and row {row.seq} disagree")
    except WireError:
        raise
    except _WRONG as error:
        raise WireError(f"not a row event: {type(error).__name__}: {error}") from error
    return WireRow(site, board, epoch, row, prev_hash, text)


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from error


# --- acks: what the collector has stored durably ---


@dataclass(frozen=True)
class LaneAck:
    """All rows of a lane up to `upto` are stored, whose hash is `hash`; and so are these ranges beyond, both ends in.

    upto 0: the first row is missing; hash is then what stands before the first row.
    """

    upto: int
    hash: str
    ranges: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Ack:
    """The collector's answer for one epoch of one board, lane by lane.

    conflicts: (seq, the hash held there) where another row came under a stored row's identity, or a later row says
    that another one stands there. Marks and ranges leave these rows out: what was sent is not stored.
    """

    epoch: str
    lanes: dict[str, LaneAck]
    at_ns: int = 0
    conflicts: list[tuple[int, str]] = field(default_factory=list)


def ack_payload(ack: Ack) -> bytes:
    """JSON {"v": 1, "epoch", "at_ns": "...", "lanes": {lane: {"upto": "12", "hash": hex, "ranges": [["14", "20"]]}}}.

    With conflicts also "conflicts": [["13", hex]].
    """
    lanes = {
        name: {"upto": str(a.upto), "hash": a.hash, "ranges": [[str(x), str(y)] for x, y in a.ranges]}
        for name, a in ack.lanes.items()
    }
    body: dict[str, Any] = {"v": 1, "epoch": ack.epoch, "at_ns": str(ack.at_ns), "lanes": lanes}
    if ack.conflicts:
        body["conflicts"] = [[str(seq), hash_] for seq, hash_ in ack.conflicts]
    return json.dumps(body).encode()


def parse_ack(payload: bytes) -> Ack:
    """An ack, or WireError."""
    parsed = _json(payload[:MESSAGE_BYTES_MAX])
    try:
        lanes = {name: _parse_lane(name, one) for name, one in parsed["lanes"].items()}
        conflicts = [(_number(seq), _short(hash_)) for seq, hash_ in parsed.get("conflicts", [])[:RANGES_MAX]]
        return Ack(_short(parsed["epoch"]), lanes, _number(parsed["at_ns"]), conflicts)
    except WireError:
        raise
    except _WRONG as error:
        raise WireError(f"not an ack: {type(error).__name__}: {error}") from error


def _parse_lane(name: str, one: Any) -> LaneAck:
    ranges = [(_number(x), _number(y)) for x, y in one["ranges"]]
    upto = _number(one["upto"])
    if name not in LANES or upto < 0 or len(ranges) > RANGES_MAX or any(x > y or x < 1 for x, y in ranges):
        raise WireError("ack of a lane makes no sense")
    return LaneAck(upto, _short(one["hash"]), ranges)


def _number(text: Any) -> int:
    """A 64-bit number as text (or as a number, for senders that do)."""
    number = int(text)
    if abs(number) > NUMBER_MAX:
        raise WireError("a number of more than 64 bits")
    return number


def _short(text: Any) -> str:
    if not isinstance(text, str) or len(text) > TEXT_MAX or not text.isprintable():
        raise WireError(f"not a text of up to {TEXT_MAX} printable characters")
    return text


# --- presence: birth and will, retained ---


@dataclass(frozen=True)
class Presence:
    """A board's birth (`state` online) or will (`offline`). head_seq / head_hash: the end of its chain at birth.

    key, sig: the board's public key as text and its signature of all else (head_fields), "" if it has none. boot
    serves as the nonce of commands for a board whose clock is not set.
    """

    state: str
    epoch: str
    head_seq: int = 0
    head_hash: str = ""
    clock: str = "unset"
    at_ns: int = 0
    version: str = ""
    boot: str = ""
    key: str = ""
    sig: str = ""


def presence_payload(presence: Presence) -> bytes:
    """Presence as JSON; 64-bit values are strings, an unsigned one has neither key nor sig."""
    return json.dumps(
        {"v": 1, **{k: v for k, v in _presence_texts(presence).items() if v or k not in _SIGNING}}
    ).encode()


def head_fields(presence: Presence, topics: Topics) -> dict[str, str]:
    """What the board's key signs: all of the presence but the signature, and whose it is."""
    texts = {k: v for k, v in _presence_texts(presence).items() if k != "sig"}
    return {"site": topics.site, "board": topics.board, **texts}


def head_fits(presence: Presence, topics: Topics, verify: Verify) -> bool:
    """Whether the presence is signed with the key that it names."""
    try:
        return fits(public_of(presence.key), presence.sig, HEAD, head_fields(presence, topics), verify)
    except ValueError:
        return False


_SIGNING = ("key", "sig")


def _presence_texts(presence: Presence) -> dict[str, str]:
    return {k: str(v) for k, v in presence.__dict__.items()}


def parse_presence(payload: bytes) -> Presence:
    """A presence, or WireError."""
    parsed = _json(payload[:MESSAGE_BYTES_MAX])
    try:
        text = {k: _short(parsed[k]) for k in ("state", "epoch", "head_hash", "clock", "version", "boot")}
        text |= {k: _short(parsed.get(k, "")) for k in _SIGNING}
        found = Presence(**text, head_seq=_number(parsed["head_seq"]), at_ns=_number(parsed["at_ns"]))
    except WireError:
        raise
    except _WRONG as error:
        raise WireError(f"not a presence: {type(error).__name__}: {error}") from error
    if found.state not in ("online", "offline"):
        raise WireError(f"presence state {found.state!r}, online or offline understood")
    return found
