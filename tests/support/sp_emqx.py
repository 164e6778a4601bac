"""An EMQX broker's file transfer, as its public specification (EIP-0021 and the client guide) tells it.

Written from that text and not from our code: topics, reason codes, what is kept per client id and file id, and where
the answers go. It is the stub broker besides, so what came over the wire can be looked at.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from sp_stub_broker import Stub

PREFIX = "$file-async/"


@dataclass
class Upload:
    """What this broker has of one file."""

    checksum: str
    name: str
    segments: dict[int, bytes] = field(default_factory=dict)

    def whole(self) -> bytes | None:
        """The file, or None while bytes are missing."""
        data = b""
        for offset in sorted(self.segments):
            if offset > len(data):
                return None
            data = data[:offset] + self.segments[offset] + data[offset + len(self.segments[offset]) :]
        return data


class Emqx:
    """`with Emqx() as emqx`: a broker at emqx.url. exported: name -> bytes of the files it put together."""

    def __init__(self) -> None:
        self.stub = Stub()
        self.stub.policy = self._take
        self.exported: dict[str, bytes] = {}
        self.uploads: dict[str, Upload] = {}
        self.steps: list[str] = []
        self.forget_after: int | None = None  # segments until it forgets everything, once

    @property
    def url(self) -> str:
        return self.stub.url

    def __enter__(self) -> Emqx:
        return self

    def __exit__(self, *_: object) -> None:
        self.stub.__exit__(None, None, None)

    def _take(self, topic: str, payload: bytes) -> int:
        if topic.startswith(PREFIX):
            fid, _, step = topic.removeprefix(PREFIX).partition("/")
            self.steps.append(step)
            code, words = self._step(fid, step.split("/"), payload)
            client = next(one for one in self.stub.client_ids if one.endswith("-bulk"))
            answer = {"vsn": "0.1", "topic": topic, "packet_id": 1, "reason_code": code, "reason_description": words}
            self.stub.send(f"$file-response/{client}", json.dumps(answer).encode())
        return 0

    def _step(self, fid: str, step: list[str], payload: bytes) -> tuple[int, str]:
        match step:
            case ["init"]:
                about = json.loads(payload)
                self.uploads.setdefault(fid, Upload(about.get("checksum", ""), about["name"]))
                return 0, "success"
            case ["fin", size, *_]:
                return self._fin(fid, int(size))
            case [offset, *checksum] if offset.isdigit():
                return self._segment(fid, int(offset), checksum, payload)
        return 0x83, "unknown command"  # `stat` is not of EMQX

    def _segment(self, fid: str, offset: int, checksum: list[str], payload: bytes) -> tuple[int, str]:
        if self.forget_after == 0:
            self.forget_after = None
            self.uploads.clear()
        elif self.forget_after is not None:
            self.forget_after -= 1
        if fid not in self.uploads:
            return 0x10, "restart the transfer"
        if checksum and hashlib.sha256(payload).hexdigest() != checksum[0]:
            return 0x80, "checksum mismatch"
        self.uploads[fid].segments[offset] = payload
        return 0, "success"

    def _fin(self, fid: str, size: int) -> tuple[int, str]:
        upload = self.uploads.get(fid)
        data = upload.whole() if upload else None
        if upload is None or data is None or len(data) != size:
            return 0x80, "incomplete"
        if upload.checksum and hashlib.sha256(data).hexdigest() != upload.checksum:
            return 0x80, "checksum mismatch"
        self.exported[upload.name] = data
        return 0, "success"
