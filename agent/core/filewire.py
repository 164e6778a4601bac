"""What goes over MQTT for a file: topics' steps, `init`, and the answers. Sender and receiver share this file.

Rules of this file:
- grammar and reason codes are those of EMQX file transfer (EIP-0021), so that the same sender works against an
  EMQX broker (prefix `$file-async`) and against our collector; `stat` and the `missing` list of an answer are ours;
- byte ranges are half open: [from, to);
- whatever a parser here refuses raises TransferError with the reason; nothing else ever leaves a parser.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agent.core.ranges import Range

STORED, RESTART, RESEND, CANCEL, PAUSE = 0x00, 0x10, 0x80, 0x83, 0x97

FILE_BYTES_MAX = 4 * 1024**3
NAME_BYTES_MAX = 240
PAYLOAD_BYTES_MAX = 64 * 1024
USER_DATA_MAX = 32
RANGES_MAX = 1000
SEGMENTS_TTL_S = 30 * 86400

_NAMESPACE = uuid.UUID("5f0c2a4e-6d1b-5c7e-9b57-0f7a4d1c9e10")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,10})\Z")
_FID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")


class TransferError(ValueError):
    """A topic or payload of a file's transfer that is not understood or not allowed; the text says why."""


# --- the grammar: steps ---


class Init(NamedTuple):
    """The file's name, size and checksum are in the payload (see parse_init)."""


class Chunk(NamedTuple):
    """Bytes at `offset`; `sha256` of these bytes, empty if the sender left it out."""

    offset: int
    sha256: str


class Fin(NamedTuple):
    """All has been sent; `sha256` of the whole file, empty if left out."""

    size: int
    sha256: str


class Abort(NamedTuple):
    """The sender gives the transfer up."""


class Stat(NamedTuple):
    """What is missing? (Ours; an EMQX broker knows no such step.)"""


Step = Init | Chunk | Fin | Abort | Stat


def file_id(site: str, board: str, sha256: str) -> str:
    """The transfer's id: a UUIDv5, so that the same clip queued twice is the same transfer."""
    return str(uuid.uuid5(_NAMESPACE, f"{site}/{board}/{sha256}"))


def chunk_step(offset: int, sha256: str) -> str:
    """Step of the chunk at `offset` with that SHA-256 (hex)."""
    return f"{offset}/{sha256}"


def fin_step(size: int, sha256: str) -> str:
    """Step that ends a transfer."""
    return f"fin/{size}/{sha256}"


def parse_step(step: str) -> Step:
    """A step from its topic text. Raises TransferError."""
    match step.split("/"):
        case ["init"]:
            return Init()
        case ["abort"]:
            return Abort()
        case ["stat"]:
            return Stat()
        case ["fin", size, *rest] if len(rest) <= 1:
            return Fin(_number(size), _hash(rest))
        case [offset, *rest] if len(rest) <= 1:
            return Chunk(_number(offset), _hash(rest))
    raise TransferError(f"step {step[:100]!r} is none of init, OFFSET/SHA256, fin/SIZE/SHA256, abort, stat")


def _number(text: str) -> int:
    if not _NUMBER.match(text) or int(text) > FILE_BYTES_MAX:
        raise TransferError(f"{text[:100]!r} is no offset or size up to {FILE_BYTES_MAX} bytes")
    return int(text)


def _hash(rest: list[str]) -> str:
    if rest and not _SHA256.match(rest[0]):
        raise TransferError(f"{rest[0][:100]!r} is no SHA-256 in lowercase hex")
    return rest[0] if rest else ""


def split_topic(topic: str) -> tuple[str, str]:
    """(file id, step text) of a file topic under `PREFIX/SITE/BOARD/file/` or `$file-async/`. Raises TransferError."""
    parts = topic.split("/")
    if parts[0] in ("$file", "$file-async"):
        rest = parts[1:]
    elif len(parts) > 4 and parts[3] == "file":
        rest = parts[4:]
    else:
        rest = []
    if len(rest) < 2 or not _FID.match(rest[0]):
        raise TransferError(f"topic {topic[:200]!r} is no file topic")
    return rest[0], "/".join(rest[1:])


# --- the payloads: init and answers ---


@dataclass(frozen=True)
class Info:
    """What `init` says of a file. name: one plain file name; sha256: lowercase hex; user_data: small texts."""

    name: str
    size: int
    sha256: str
    user_data: dict[str, str] = field(default_factory=dict)


def init_payload(info: Info) -> bytes:
    """JSON of `init`, in EIP-0021's words."""
    fields = {"name": info.name, "size": info.size, "checksum": info.sha256, "segments_ttl": SEGMENTS_TTL_S}
    return json.dumps({**fields, "user_data": info.user_data}).encode()


def parse_init(payload: bytes) -> Info:
    """An `init` payload, its name safe to use as a file's name, its size bounded. Raises TransferError."""
    parsed = _json(payload)
    try:
        info = Info(parsed["name"], parsed["size"], parsed["checksum"], parsed.get("user_data") or {})
    except (KeyError, TypeError, AttributeError) as error:
        raise TransferError(f"not an init: {type(error).__name__}: {error}") from error
    _check_name(info.name)
    if type(info.size) is not int or not 0 <= info.size <= FILE_BYTES_MAX:
        raise TransferError(f"size is not a whole number from 0 to {FILE_BYTES_MAX}")
    if not isinstance(info.sha256, str) or not _SHA256.match(info.sha256):
        raise TransferError("checksum is no SHA-256 in lowercase hex")
    _check_user_data(info.user_data)
    return info


def _check_name(name: object) -> None:
    """One plain file name: no path, no hidden file, nothing a shell or a terminal would stumble over."""
    if not isinstance(name, str) or not name or len(name.encode(errors="replace")) > NAME_BYTES_MAX:
        raise TransferError(f"name is not a text of 1 to {NAME_BYTES_MAX} bytes")
    if name.startswith((".", "-")) or not name.isprintable() or set(name) & set('/\\:*?"<>|'):
        raise TransferError(f"name {name[:80]!r} is not a plain file name")


def _check_user_data(data: object) -> None:
    good = isinstance(data, dict) and len(data) <= USER_DATA_MAX and all(isinstance(v, str) for v in data.values())
    if not good:
        raise TransferError(f"user_data is not at most {USER_DATA_MAX} texts by name")


def _json(payload: bytes) -> Any:
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise TransferError(f"{len(payload)} bytes, {PAYLOAD_BYTES_MAX} allowed")
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise TransferError(f"not JSON: {error}") from error


@dataclass(frozen=True)
class Response:
    """The far end's answer on `file-response`. missing: byte ranges it lacks, None if it does not say."""

    fid: str
    step: Step
    code: int
    description: str = ""
    missing: list[Range] | None = None


def response_payload(topic: str, code: int, description: str = "", missing: list[Range] | None = None) -> bytes:
    """JSON of an answer to the message on `topic`; at most RANGES_MAX ranges are named (the first ones)."""
    body: dict[str, Any] = {"vsn": "0.1", "topic": topic, "reason_code": code, "reason_description": description}
    if missing is not None:
        body["missing"] = missing[:RANGES_MAX]
    return json.dumps(body).encode()


def parse_response(payload: bytes) -> Response:
    """An answer, or TransferError."""
    parsed = _json(payload)
    try:
        fid, step = split_topic(parsed["topic"])
        code, description = parsed["reason_code"], parsed.get("reason_description", "")
        missing = _parse_missing(parsed["missing"]) if "missing" in parsed else None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise TransferError(f"not a file response: {error}") from error
    if type(code) is not int or not 0 <= code <= 255 or not isinstance(description, str):
        raise TransferError("reason code is no byte, or its description no text")
    return Response(fid, parse_step(step), code, description[:500], missing)


def _parse_missing(ranges: Any) -> list[Range]:
    """Ranges in order, apart from each other, inside the largest file allowed; else TransferError."""
    if not isinstance(ranges, list) or len(ranges) > RANGES_MAX:
        raise TransferError(f"missing is no list of up to {RANGES_MAX} ranges")
    end = -1
    for start, stop in ranges:
        if type(start) is not int or type(stop) is not int or not end < start < stop <= FILE_BYTES_MAX:
            raise TransferError("missing ranges out of order or out of bounds")
        end = stop
    return [(start, stop) for start, stop in ranges]
