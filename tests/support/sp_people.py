"""People with keys for tests: their [[person]] sections, and commands and statements that they sign."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from agent.core.commands import Envelope
from agent.core.people import Key, Role, key_id
from agent.core.signed import COMMAND, REQUEST, STATEMENT
from agent.core.statements import Request, Statement
from agent.runtime.clock import boot_id
from agent.runtime.keys import Signer, new_signer


class Person:
    """Somebody who can sign for site/board."""

    def __init__(self, id_: str, role: str, site: str = "plant", board: str = "pump-house") -> None:
        self.id, self.role, self.site, self.board = id_, role, site, board
        self.signer: Signer = new_signer()
        self._ctr = time.time_ns() // 1000

    @property
    def section(self) -> str:
        """For site.toml."""
        return f'\n[[person]]\nid = "{self.id}"\nrole = "{self.role}"\nkey = "{self.signer.public_text}"\n'

    @property
    def key(self) -> Key:
        return Key(key_id(self.signer.public), self.id, Role(self.role), self.signer.public)

    def command(self, op: str, args: dict[str, Any] | None = None, **changes: Any) -> Envelope:
        """A good command; `changes` are made before it is signed."""
        self._ctr += 1
        now_s = int(time.time())
        made = Envelope(
            self.site,
            self.board,
            op,
            args or {},
            id=f"c-{self.id}-{self._ctr}",
            by=self.id,
            key=self.signer.key_id,
            iat=now_s,
            exp=now_s + 60,
            ctr=self._ctr,
            nonce=boot_id(),
        )
        made = replace(made, **changes)
        return replace(made, sig=self.signer.sign(COMMAND, made.unsigned()))

    def asks(self, request: str, kind: str, scope: dict[str, str], reason: str = "") -> Request:
        """A request of this person, signed."""
        made = Request(request, kind, self.id, scope, reason, self.signer.key_id)
        return replace(made, sig=self.signer.sign(REQUEST, made.unsigned(self.site, self.board)))

    def states(self, asked: Request, **changes: Any) -> Statement:
        """An approval of a request; `changes` are made before it is signed."""
        now_s = int(time.time())
        made = Statement(
            self.site,
            self.board,
            asked.kind,
            asked.id,
            asked.requester,
            dict(asked.scope),
            asked.digest(self.site, self.board),
            "approve",
            by=self.id,
            key=self.signer.key_id,
            iat=now_s,
            exp=now_s + 3600,
        )
        made = replace(made, **changes)
        return replace(made, sig=self.signer.sign(STATEMENT, made.unsigned()))
