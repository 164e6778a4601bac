"""The collector's connection to the broker, from CONNECT to its end. paho is the wire driver and nothing more.

Rules of this file:
- a Link is used once: when it breaks it is thrown away, and with it whatever paho had queued;
- a clean session, never a kept one: while no collector is there the broker has no subscriber, and says so to the
  boards in its PUBACK (0x10); a kept session would have it queue a thousand messages and then drop them silently;
- no Maximum Packet Size is declared: mosquitto 2.0.11 then keeps a larger message from us, but never frees its place
  in flight, and twenty of them stop everything for good. What is too large is read and thrown away;
- PUBACKs go out as messages are read. They promise nothing: a board counts a row as delivered by our ack alone;
- one thread. While it is busy nothing is read: TCP and the broker's queue hold back the boards.
"""

from __future__ import annotations

import contextlib
import select
import ssl
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.core.wire import PREFIX

CONNECT_S = 10.0
KEEPALIVE_S = 30
UNACKED_MAX = 1000
NO_SHARES = 0x9E
ALL_OF_THEM = ("presence",)  # retained: a broker gives what is retained to plain subscriptions only
DIVIDED = ("event", "replay", "file/#")


class LinkError(Exception):
    """The session cannot be had or has ended; the text says why, without credentials."""


@dataclass(frozen=True)
class Broker:
    """Where the broker is and how to get in. ca, cert, key: PEM files, empty if not used."""

    host: str
    port: int
    tls: bool = False
    user: str = ""
    password: str = ""
    ca: str = ""
    cert: str = ""
    key: str = ""

    @classmethod
    def from_url(cls, url: str, *, ca: str = "", cert: str = "", key: str = "") -> Broker:
        """mqtt://HOST[:1883] or mqtts://HOST[:8883], with user:password@ if need be. Raises LinkError."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise LinkError(f"broker address: {error}") from error
        if parts.scheme not in ("mqtt", "mqtts") or not host:
            raise LinkError("the broker's address looks like mqtt://HOST:1883 or mqtts://HOST:8883")
        tls = parts.scheme == "mqtts"
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(host, port or (8883 if tls else 1883), tls, user, password, ca, cert, key)

    def with_credentials(self, credentials: tuple[str, str] | None) -> Broker:
        """The same broker with (user, password), if there are any."""
        return replace(self, user=credentials[0], password=credentials[1]) if credentials else self

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


def check_group(name: str) -> str:
    """The name of a group of collectors, as it may stand in `$share/NAME/`. Raises LinkError."""
    if set(name) & set("/+#") or not name.isprintable() or len(name) > 64:
        raise LinkError("--share: up to 64 letters, without / + #")
    return name


class Message(NamedTuple):
    """A message of a board. encoding: its `content-encoding` user property, empty if none."""

    topic: str
    payload: bytes
    encoding: str


class Link:
    """A session. open(), then turn() for messages and publish() for answers. All raise LinkError when it is over.

    share: a group's name: the broker gives each message of a board to one collector of the group (MQTT 5 shared
    subscriptions). `shared` is False where the broker cannot: then each gets all of them.
    """

    def __init__(self, broker: Broker, sites: list[str], more: Sequence[str] = (), share: str = "") -> None:
        self._broker = broker
        self._sites = sites or ["+"]
        self._more = more
        self._share = share
        self.shared = False
        self._subscribed = False
        self._lost = ""
        self._messages: list[Message] = []
        self._unacked = 0
        self.refused = ""  # the broker's reason for refusing one of our answers
        client_id = f"standpipe-collector-{uuid.uuid4().hex[:12]}"
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
        self._client.connect_timeout = CONNECT_S
        self._client.max_inflight_messages = 0  # publish() counts them; paho goes through all at each PUBACK
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message

    def open(self) -> None:
        """Connect, log in, subscribe."""
        at = self._broker
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0
        try:
            if at.tls:
                self._client.tls_set_context(_context(at))
            if at.user:
                self._client.username_pw_set(at.user, at.password)
            self._client.connect(at.host, at.port, KEEPALIVE_S, clean_start=True, properties=properties)
        except (OSError, ValueError) as error:
            raise LinkError(f"{at}: {getattr(error, 'strerror', None) or error}") from error
        end = time.monotonic() + CONNECT_S
        while not self._subscribed:
            self._turn(0.2)
            if time.monotonic() > end:
                raise LinkError(f"{at}: takes connections, but does not answer as a broker")

    def turn(self, timeout_s: float) -> list[Message]:
        """Wait up to `timeout_s` for something, read and write what there is; returns the messages that came."""
        self._turn(timeout_s)
        messages, self._messages = self._messages, []
        return messages

    def _turn(self, timeout_s: float) -> None:
        sock: Any = self._client.socket()
        if self._lost or sock is None:
            raise LinkError(f"{self._broker}: {self._lost or 'connection lost'}")
        pending = isinstance(sock, ssl.SSLSocket) and sock.pending()  # decrypted already: select does not see it
        writers = [sock] if self._client.want_write() else []
        readable, writable, _ = select.select([sock], writers, [], 0 if pending else timeout_s)
        if readable or pending:
            self._client.loop_read()
        if writable and self._client.socket() is not None:
            self._client.loop_write()
        if self._client.socket() is not None:
            self._client.loop_misc()
        if self._lost:
            raise LinkError(f"{self._broker}: {self._lost}")

    def publish(self, topic: str, payload: bytes) -> bool:
        """Hand over an answer (QoS 1). False if too many wait for their PUBACK: say it again later."""
        if self._unacked >= UNACKED_MAX:
            return False
        info = self._client.publish(topic, payload, qos=1)
        if self._lost or info.rc != paho.MQTT_ERR_SUCCESS:
            raise LinkError(f"{self._broker}: {self._lost or paho.error_string(info.rc)}")
        self._unacked += 1
        return True

    def close(self) -> None:
        """Say goodbye if possible, and end it. Safe to call at any time."""
        with contextlib.suppress(OSError, ValueError):
            self._client.disconnect()
        sock: Any = self._client.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()

    # --- paho's callbacks: all run inside open(), turn() and publish() ---

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._lost = f"refuses the connection: {reason}"
            return
        self.shared = bool(self._share) and getattr(properties, "SharedSubscriptionAvailable", 1) != 0
        self._subscribe()

    def _subscribe(self) -> None:
        group = f"$share/{self._share}/" if self.shared else ""
        before = [*(("", leaf) for leaf in ALL_OF_THEM), *((group, leaf) for leaf in DIVIDED)]
        topics = [f"{start}{PREFIX}/{site}/+/{leaf}" for start, leaf in before for site in self._sites]
        topics += [f"{PREFIX}/{site}/+/{leaf}" for leaf in self._more for site in self._sites]
        self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._lost = self._lost or f"connection lost: {reason}"

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        needed = len(reasons) - len(self._more) * len(self._sites)
        refused = [str(reason) for reason in reasons[:needed] if reason.is_failure]
        if self.shared and any(reason.value == NO_SHARES for reason in reasons):  # it did not say so before
            self.shared = False
            self._subscribe()
        elif refused:
            self._lost = f"refuses us to read what boards send ({refused[0]}): see the broker's access rules"
        else:
            self._subscribed = True

    def _on_publish(self, _client: Any, _data: Any, _mid: int, reason: Any, _properties: Any) -> None:
        self._unacked -= 1
        if reason.is_failure:
            self.refused = str(reason)

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # a broker that lets such a topic through; it is none of ours
            topic = ""
        encoding = dict(getattr(message.properties, "UserProperty", [])).get("content-encoding", "")
        self._messages.append(Message(topic, bytes(message.payload), encoding))


def _context(at: Broker) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=at.ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if at.cert:
        context.load_cert_chain(at.cert, at.key or None)
    return context
