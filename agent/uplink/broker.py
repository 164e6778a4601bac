"""What a link is about: where the broker is, what goes to it and comes from it, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from agent.uplink.tls import Files


class LinkError(Exception):
    """The session cannot be had or has ended. state: one word for people; code: the broker's reason, 0 if none."""

    def __init__(self, state: str, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason
        self.code = code


@dataclass(frozen=True)
class BrokerAt:
    """Where the broker is and how to get in. Files are paths of PEM files, empty: not used."""

    url: str
    user: str = ""
    password: str = ""
    ca: str = ""
    cert: str = ""
    key: str = ""
    keepalive_s: int = 30

    @property
    def tls(self) -> bool:
        return self.url.startswith("mqtts:")

    @property
    def files(self) -> Files:
        return Files(self.ca, self.cert, self.key)

    @property
    def address(self) -> tuple[str, int]:
        """(host, port). Raises LinkError if the URL names none."""
        try:
            parts = urlsplit(self.url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise LinkError("unreachable", f"broker {self.url}: {error}") from error
        return host, port or (8883 if self.tls else 1883)


class Puback(NamedTuple):
    """The broker's answer to message `token`."""

    token: int
    code: int
    reason: str


class Message(NamedTuple):
    """A message from the broker."""

    topic: str
    payload: bytes
    retained: bool


class Will(NamedTuple):
    """What the broker publishes, retained, when this session ends without a goodbye."""

    topic: str
    payload: bytes


class Subscription(NamedTuple):
    """A topic to listen to. retained: what the broker keeps there is wanted too; needed: refused, the link is no use.

    Maximum Packet Size makes the broker drop what is larger; mosquitto (2.0) then never frees the place in flight
    that it had given to a QoS 1 message. So qos 0 where others may publish: nothing is given a place.
    """

    topic: str
    qos: int = 1
    retained: bool = False
    needed: bool = True
