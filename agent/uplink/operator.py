"""The operator's side of a command: sent once to one board, and what becomes of it listened to. Beside any broker.

Rules of this file:
- the board's presence is read first: a board that is away is sent nothing, and its boot is the command's nonce;
- the message expires at the broker when the command does, and is never retained;
- a command that was handed over and not answered is not sent again: it may have been done.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable
from typing import NamedTuple

from agent.core.commands import ENDS, Envelope, parse_result
from agent.core.wire import Presence, Topics, WireError, parse_presence
from agent.uplink.link import BrokerAt, Link, LinkError, Subscription

PRESENCE_S = 5.0
TURN_S = 0.2
NOBODY = 0x10  # PUBACK: no matching subscribers


class OperatorError(Exception):
    """The command could not be handed over: nothing was done. The text says why."""


class Told(NamedTuple):
    """What the board said: received, started, done, failed or refused. code and reason are "" where not told."""

    state: str
    code: str
    reason: str


def send(
    broker: BrokerAt, topics: Topics, sign: Callable[[Presence], Envelope], wait_s: float, tell: Callable[[Told], None]
) -> Told | None:
    """Send what `sign` makes for the board's presence; its end, or None if none came within `wait_s`.

    Each thing the board says goes to `tell` as it comes. Raises OperatorError.
    """
    wanted = [Subscription(topics.of("presence"), retained=True), Subscription(topics.of("result"))]
    link = Link(broker, f"standpipe-operator-{uuid.uuid4().hex[:12]}", wanted)
    try:
        link.open(lambda: True)
        envelope = sign(_present(link, topics))
        _hand_over(link, topics, envelope)
        return _listen(link, topics, envelope.id, wait_s, tell)
    except LinkError as error:
        raise OperatorError(f"{error.reason} ({error.state})") from error
    finally:
        with contextlib.suppress(LinkError):
            link.close(goodbye=True)


def _present(link: Link, topics: Topics) -> Presence:
    """The board's birth. It is there at once, retained, or not at all."""
    name, end = f"{topics.site}/{topics.board}", time.monotonic() + PRESENCE_S
    while time.monotonic() < end:
        link.turn(TURN_S)
        for message in link.take_messages():
            if message.topic != topics.of("presence"):
                continue
            try:
                presence = parse_presence(message.payload)
            except WireError as error:
                raise OperatorError(f"{name}: its presence cannot be read: {error}") from error
            if presence.state != "online":
                raise OperatorError(f"{name} is offline: nothing was sent")
            return presence
    raise OperatorError(f"this broker knows of no board {name}: are both names right, and may we read its presence?")


def _hand_over(link: Link, topics: Topics, envelope: Envelope) -> None:
    token = link.publish_for(topics.of("command"), envelope.text().encode(), max(1, envelope.exp - envelope.iat))
    end = time.monotonic() + PRESENCE_S
    while time.monotonic() < end:
        for puback in link.take_pubacks():
            if puback.token != token:
                continue
            if puback.code == NOBODY:
                raise OperatorError("nobody listens for commands there: the board went away; nothing was done")
            if puback.code >= 0x80:
                raise OperatorError(f"the broker refuses the command: {puback.reason}; nothing was done")
            return
        link.turn(TURN_S)
    raise OperatorError("the broker does not confirm the command; it may or may not have been done")


def _listen(link: Link, topics: Topics, id_: str, wait_s: float, tell: Callable[[Told], None]) -> Told | None:
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        for message in link.take_messages():
            result = parse_result(message.payload) if message.topic == topics.of("result") else None
            if result is None or result["id"] != id_:
                continue
            told = Told(result["state"], result["code"], result["reason"])
            tell(told)
            if told.state in ENDS:
                return told
        link.turn(TURN_S)
    return None
