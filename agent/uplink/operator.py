"""The operator's side of a command: sent once to one board, and what becomes of it listened to. Beside any broker.

Rules of this file:
- the board's presence is read first: a board that is away is sent nothing, and its boot is the command's nonce;
- the message expires at the broker when the command does, and is never retained;
- a command that was handed over and not answered is not sent again: it may have been done;
- of a board that has a key only a signed last word is believed.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable

from agent.core.commands import Envelope
from agent.core.results import ENDS, Result, Told, believed, parse_result
from agent.core.statements import Waiting, parse_waiting
from agent.core.wire import Presence, Topics, WireError, head_fits, parse_presence
from agent.runtime.keys import verify
from agent.uplink.link import BrokerAt, Link, LinkError, Subscription

PRESENCE_S = 5.0
TURN_S = 0.2
REQUESTS = "requests"
NOBODY = 0x10  # PUBACK: no matching subscribers


class OperatorError(Exception):
    """The command could not be handed over: nothing was done. The text says why."""


class Operator:
    """One conversation with one board. A context manager; OperatorError if the board cannot be spoken to.

    presence: the board's birth. trusted: the board's public key, if the operator knows it: then its presence must be
    signed with it, and so must every last word; else the presence's own key is believed, if it has one.
    """

    def __init__(self, broker: BrokerAt, topics: Topics, trusted: str = "") -> None:
        kept = [
            Subscription(topics.of("presence"), retained=True),
            Subscription(topics.state(REQUESTS), retained=True, needed=False),
        ]
        wanted = [*kept, Subscription(topics.of("result"))]
        self._topics = topics
        self._told: dict[str, bytes] = {}  # topic -> what it holds
        self._link = Link(broker, f"standpipe-operator-{uuid.uuid4().hex[:12]}", wanted)
        self._trusted = trusted

    def __enter__(self) -> Operator:
        try:
            self._link.open(lambda: True)
            self.presence = self._present()
            self._key = self._believed_key()
        except LinkError as error:
            raise _lost(error) from error
        except OperatorError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(LinkError):
            self._link.close(goodbye=True)

    def _believed_key(self) -> str:
        presence = self.presence
        if not presence.sig and not self._trusted:
            return ""
        if self._trusted and presence.key != self._trusted:
            raise OperatorError("the board there does not have the key that is trusted: nothing was sent")
        if not head_fits(presence, self._topics, verify):
            raise OperatorError("the board's presence bears a signature that does not fit: nothing was sent")
        return presence.key

    def requests(self) -> list[Waiting]:
        """What was asked for at that board and needs a second person, oldest first. OperatorError."""
        try:
            payload = self._kept(self._topics.state(REQUESTS))
        except LinkError as error:
            raise _lost(error) from error
        found = None if payload is None else parse_waiting(payload)
        if found is None:
            asks = "may we read state/requests, or is it of an older version?"
            raise OperatorError(f"{self._name} does not tell what was asked for there: {asks}")
        return found

    def send(self, envelope: Envelope, wait_s: float, tell: Callable[[Told], None]) -> Told | None:
        """Send a command; its end, or None if none came within `wait_s`.

        Each thing the board says goes to `tell` as it comes. A last word that the board's key has not signed is told
        as `forged` and not believed. Raises OperatorError.
        """
        try:
            _hand_over(self._link, self._topics, envelope)
            return self._listen(envelope.id, wait_s, tell)
        except LinkError as error:
            raise _lost(error) from error

    def _listen(self, id_: str, wait_s: float, tell: Callable[[Told], None]) -> Told | None:
        end = time.monotonic() + wait_s
        while time.monotonic() < end:
            for message in self._link.take_messages():
                result = parse_result(message.payload) if message.topic == self._topics.of("result") else None
                if result is None or result.id != id_:
                    continue
                told = self._judged(result)
                tell(told)
                if told.state in ENDS:
                    return told
            self._link.turn(TURN_S)
        return None

    def _judged(self, result: Result) -> Told:
        if result.state not in ENDS or not self._key:
            return Told(result.state, result.code, result.reason, result.answer)
        if not believed(result, self._topics.site, self._topics.board, self._key, verify):
            return Told("forged", "", "", {})
        return Told(result.state, result.code, result.reason, result.answer, signed=True)

    # --- what the broker keeps of the board ---

    @property
    def _name(self) -> str:
        return f"{self._topics.site}/{self._topics.board}"

    def _kept(self, topic: str) -> bytes | None:
        """It is there at once, retained, or not at all. LinkError."""
        end = time.monotonic() + PRESENCE_S
        while topic not in self._told and time.monotonic() < end:
            self._link.turn(TURN_S)
            self._told |= {message.topic: message.payload for message in self._link.take_messages()}
        return self._told.get(topic)

    def _present(self) -> Presence:
        """The board's birth. LinkError, OperatorError."""
        payload = self._kept(self._topics.of("presence"))
        if payload is None:
            asks = "are both names right, and may we read its presence?"
            raise OperatorError(f"this broker knows of no board {self._name}: {asks}")
        try:
            presence = parse_presence(payload)
        except WireError as error:
            raise OperatorError(f"{self._name}: its presence cannot be read: {error}") from error
        if presence.state != "online":
            raise OperatorError(f"{self._name} is offline: nothing was sent")
        return presence


def _lost(error: LinkError) -> OperatorError:
    return OperatorError(f"{error.reason} ({error.state})")


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
