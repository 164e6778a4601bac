"""The rows of a command's way, whoever writes them: received, started, refused, failed, done. Pure.

Rules of this file:
- a row names its command as the received row names it, so that whoever sent it finds the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from agent.core.chain import Row
from agent.core.commands import Envelope, Refusal
from agent.core.events import CommandDone, CommandFailed, CommandReceived, CommandRefused, CommandStarted


class About(NamedTuple):
    """What a command says of itself. request: its row, 0 while it has none."""

    command: str
    op: str
    by: str
    request: int = 0


def about(received: Row) -> About:
    """Of a command.received row."""
    values = received.values()
    return About(str(values["command"]), str(values["op"]), str(values["by"]), received.seq)


def received(source: str, envelope: Envelope) -> CommandReceived:
    """It has come, and has passed whatever `source` judges."""
    return CommandReceived(
        source=source,
        command=envelope.id,
        op=envelope.op,
        by=envelope.by,
        key=envelope.key,
        ctr=envelope.ctr,
        envelope=envelope.text(),
    )


def started(source: str, envelope: Envelope, request: int) -> CommandStarted:
    """It is about to be carried out."""
    return CommandStarted(
        source=source,
        command=envelope.id,
        request=request,
        op=envelope.op,
        by=envelope.by,
        key=envelope.key,
        ctr=envelope.ctr,
    )


def refused(source: str, refusal: Refusal, said: About | None = None) -> CommandRefused:
    """It is not carried out. said: of its row; without one, what it says of itself proves nothing."""
    said = said or About(refusal.id, refusal.op, refusal.by)
    return CommandRefused(
        source=source,
        reason=refusal.reason,
        bytes=refusal.size,
        digest=refusal.digest,
        code=refusal.code,
        **said._asdict(),
    )


def failed(source: str, said: About, reason: str, code: str = "") -> CommandFailed:
    """Nothing came of it, or nobody knows what."""
    return CommandFailed(source=source, reason=reason, code=code, **said._asdict())


def done(source: str, said: About, answer: Mapping[str, str] = MappingProxyType({})) -> CommandDone:
    """It has been carried out. answer: what it has to say beside that."""
    return CommandDone(source=source, answer=dict(answer), **said._asdict())
