"""One connection to the broker, from CONNECT to its end. paho is the wire driver here and nothing more.

Rules of this file:
- a Link is used once: when it breaks it is thrown away, and paho's own queue with it;
- paho never holds more than `window` unacknowledged messages, so it never queues by itself (it would flood the broker
  at a reconnect, and knows no Receive Maximum);
- nothing paho claims (is_published, is_connected, rc of a publish) is believed: only a PUBACK's reason code;
- one thread; whatever goes wrong is a LinkError with a state for `standpipe status` and a reason in words.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.exception import MQTTException
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.uplink.broker import BrokerAt, LinkError, Message, Puback, Subscription, Will
from agent.uplink.tls import Fault, broken, context, refused

__all__ = ["BrokerAt", "Link", "LinkError", "Message", "Puback", "Subscription", "Will"]

INBOUND_BYTES_MAX = 256 * 1024
PLACES = 100  # messages of ours that the broker may have under way: acks and file responses
CONNECT_S = 10.0
WAIT_S = 0.2
PUBLISH_OVERHEAD = 512  # topic, properties and fixed header of a PUBLISH
_NOTSENT_LOWAT = 128 * 1024
_TCP_NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 25)
_SENSELESS = (ValueError, IndexError, KeyError, AssertionError, struct.error, MQTTException)
REFUSED_STATES = {0x86: "refused", 0x87: "refused", 0x84: "refused", 0x85: "refused", 0x8A: "refused", 0x97: "quota"}


def _any_code(self: ReasonCode, buffer: bytes | bytearray) -> int:
    """Take any reason code for what it is. paho calls one that is not in its table for this packet a protocol error
    and drops the connection; mosquitto's PUBACK 0x95 (message_size_limit) is such a one: an endless loop."""
    self.value = buffer[0]
    return 1


ReasonCode.unpack = _any_code  # type: ignore[method-assign]


class Link:
    """A session with the broker. open(), then publish() and turn(); pubacks and messages are taken from the lists."""

    def __init__(
        self, broker: BrokerAt, client_id: str, subscriptions: Sequence[str | Subscription], will: Will | None = None
    ) -> None:
        self.pubacks: list[Puback] = []
        self.messages: list[Message] = []
        self.receive_maximum = 65535
        self.packet_bytes = 1 << 28
        self._broker = broker
        self._subscriptions = [Subscription(one) if isinstance(one, str) else one for one in subscriptions]
        self._lost: LinkError | None = None
        self._connected = False
        self._answered = False
        self._types: dict[tuple[str, str], Properties] = {}
        self._client = self._made(client_id, will)

    # --- connecting ---

    def _made(self, client_id: str, will: Will | None) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
        client.max_inflight_messages = 0  # the caller keeps the window; else paho looks at all of it at each PUBACK
        client.connect_timeout = CONNECT_S
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_socket_open = self._on_socket_open
        if self._broker.user:
            client.username_pw_set(self._broker.user, self._broker.password)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        return client

    def open(self, waiting: Callable[[], bool]) -> None:
        """Resolve, connect, log in, subscribe. `waiting` is asked every WAIT_S whether to go on waiting.

        Raises LinkError: dns-failed / unreachable / captive-portal / refused / quota / closed, and those of tls.py:
        cert-unknown / cert-expired / cert-name of the broker's certificate, own-cert-expired / own-cert-refused of
        ours, tls-failed.
        """
        host, port = self._broker.address
        self._connect(host, port, waiting)
        end = time.monotonic() + CONNECT_S
        while not self._connected:
            self._look_who(f"{host}:{port}")
            self._await_answer(f"{host}:{port}")
            if time.monotonic() > end or not waiting():
                self.close()
                raise LinkError("unreachable", f"{host}:{port} takes connections but does not answer as a broker")
        if self._subscriptions:
            self._client.subscribe([(one.topic, _options(one)) for one in self._subscriptions])

    def _look_who(self, where: str) -> None:
        """What lets everybody in and answers in HTTP is no broker: the page where one pays for the hotel's network."""
        sock: Any = self._client.socket()
        if sock is None or isinstance(sock, ssl.SSLSocket):
            return
        first = b""
        with contextlib.suppress(OSError):
            first = sock.recv(5, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        if first.startswith(b"HTTP"):
            self.close()
            raise LinkError("captive-portal", f"{where}: a web server answers in the broker's place: log in there")

    def _await_answer(self, where: str) -> None:
        """A turn before the broker has said anything: if TLS ends here, it is our certificate that does not please."""
        try:
            self.turn(WAIT_S)
        except LinkError as error:
            if not self._broker.tls or self._answered:
                raise
            raise LinkError(*refused(where, self._broker.files)) from error

    def _connect(self, host: str, port: int, waiting: Callable[[], bool]) -> None:
        """In a thread of its own, as neither a name server nor a dead route can be hurried."""
        result: list[LinkError | None] = []
        thread = threading.Thread(target=lambda: result.append(self._try(host, port)), name="connect", daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(WAIT_S)
            if not waiting():
                raise LinkError("closed", "told to stop")
        failure = result[0] if result else LinkError("unreachable", f"{host}:{port}: cannot be connected to")
        if failure is not None:
            raise failure

    def _try(self, host: str, port: int) -> LinkError | None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0
        properties.ReceiveMaximum = PLACES
        properties.MaximumPacketSize = INBOUND_BYTES_MAX
        try:
            if (fault := self._use_tls()) is not None:
                return LinkError(*fault)
            self._client.connect(host, port, self._broker.keepalive_s, clean_start=True, properties=properties)
        except socket.gaierror as error:
            return LinkError("dns-failed", f"the broker's name {host} cannot be resolved: {error.strerror}")
        except ssl.SSLError as error:
            return LinkError(*broken(error, f"{host}:{port}", self._broker.files))
        except (OSError, ValueError) as error:
            return LinkError("unreachable", f"{host}:{port}: {_words(error)}")
        return None

    def _use_tls(self) -> Fault | None:
        made = context(self._broker.files) if self._broker.tls else None
        if isinstance(made, Fault):
            return made
        if made is not None:
            self._client.tls_set_context(made)
        return None

    # --- using ---

    def publish(
        self, topic: str, payload: bytes, content_type: str = "", encoding: str = "", *, retain: bool = False
    ) -> int:
        """Hand over one QoS 1 message; returns its token. The window is the caller's. LinkError if the link is gone."""
        properties = self._typed(content_type, encoding)
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        if self._lost is not None:
            raise self._lost
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise LinkError("unreachable", f"connection lost: {paho.error_string(info.rc)}")
        return info.mid

    def publish_for(self, topic: str, payload: bytes, life_s: int) -> int:
        """As publish, for a message that the broker throws away when it could not deliver it within `life_s`."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = life_s
        info = self._client.publish(topic, payload, qos=1, properties=properties)
        if self._lost is not None or info.rc != paho.MQTT_ERR_SUCCESS:
            raise self._lost or LinkError("unreachable", f"connection lost: {paho.error_string(info.rc)}")
        return info.mid

    def _typed(self, content_type: str, encoding: str) -> Properties | None:
        if not content_type:
            return None
        key = (content_type, encoding)
        if key not in self._types:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.ContentType = content_type
            if encoding:
                properties.UserProperty = [("content-encoding", encoding)]
            self._types[key] = properties
        return self._types[key]

    def turn(self, timeout_s: float, wake: int | None = None) -> bool:
        """Read and write what there is, waiting up to `timeout_s`, or until descriptor `wake` can be read (True then).

        Raises LinkError once the connection is lost; what came before it is in the lists.
        """
        sock: Any = self._client.socket()
        if sock is None or self._lost is not None:
            raise self._lost or LinkError("unreachable", "connection lost")
        if _pending(sock):
            timeout_s = 0
        readers = [sock] if wake is None else [sock, wake]
        writers = [sock] if self._client.want_write() else []
        readable, writable, _ = select.select(readers, writers, [], timeout_s)
        if sock in readable or _pending(sock):
            self._read()
        if writable and self._client.socket() is not None:
            self._client.loop_write()
        if self._client.socket() is not None:
            self._client.loop_misc()
        if self._lost is not None:
            raise self._lost
        return wake in readable

    def _read(self) -> None:
        """What comes from the broker is taken apart by paho, which trusts it."""
        try:
            self._client.loop_read()
        except _SENSELESS as error:
            raise LinkError("unreachable", f"the broker sends what makes no sense: {type(error).__name__}") from error
        size = self._client._in_packet["to_process"]
        if size > INBOUND_BYTES_MAX:  # we said so in CONNECT; paho would gather it all the same
            raise LinkError("unreachable", f"the broker sends {size} bytes in one packet, {INBOUND_BYTES_MAX} allowed")

    def take_pubacks(self) -> list[Puback]:
        """PUBACKs since last asked."""
        taken, self.pubacks = self.pubacks, []
        return taken

    def take_messages(self) -> list[Message]:
        """Messages since last asked."""
        taken, self.messages = self.messages, []
        return taken

    def close(self, *, goodbye: bool = False) -> None:
        """End it. With goodbye the broker drops the will (publish the offline presence first). Safe to call twice."""
        if goodbye:
            with contextlib.suppress(OSError, ValueError):
                self._client.disconnect()
        sock: Any = self._client.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()
        self._lost = self._lost or LinkError("closed", "closed by us")

    # --- paho's callbacks; all run inside open(), publish() and turn() ---

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        self._answered = True
        if reason.is_failure:
            state = REFUSED_STATES.get(reason.value, "unreachable")
            self._lost = LinkError(state, f"the broker refuses the connection: {_named(reason)}", reason.value)
            return
        self._connected = True
        self.receive_maximum = getattr(properties, "ReceiveMaximum", 65535)
        self.packet_bytes = max(256, getattr(properties, "MaximumPacketSize", 1 << 28) - PUBLISH_OVERHEAD)

    def _on_disconnect(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if self._lost is None:
            taken = flags.is_disconnect_packet_from_server and reason.value == 0x8E
            text = "another device uses our name" if taken else f"connection lost: {_named(reason)}"
            self._lost = LinkError("taken-over" if taken else "unreachable", text, reason.value)

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        self.pubacks.append(Puback(mid, reason.value, _named(reason) if reason.value else ""))

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        self.messages.append(Message(message.topic, bytes(message.payload), message.retain))

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        refused = [r for r, one in zip(reasons, self._subscriptions, strict=False) if r.is_failure and one.needed]
        if refused:
            reason = f"the broker refuses a subscription: {_named(refused[0])}"
            self._lost = LinkError("refused", reason, refused[0].value)

    def _on_socket_open(self, _client: Any, _data: Any, sock: Any) -> None:
        """A dead link is noticed by the kernel too, and little waits in its buffers where no alarm can overtake it.

        By default TCP takes a lost packet for a full line: of 2 Mbit/s with 300 ms that loses 2 % it leaves a sixth.
        """
        user_timeout_ms = 2000 * self._broker.keepalive_s
        for level, option, value in (
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, self._broker.keepalive_s),
            (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
            (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, user_timeout_ms),
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            (socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _NOTSENT_LOWAT),
        ):
            sock.setsockopt(level, option, value)
        with contextlib.suppress(OSError):  # a kernel without it: the unit has it loaded where there is one
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"bbr")


def _options(wanted: Subscription) -> SubscribeOptions:
    """What the broker kept is marked as such, and not asked for where it is stale by definition."""
    handling = SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE if wanted.retained else SubscribeOptions.RETAIN_DO_NOT_SEND
    return SubscribeOptions(qos=wanted.qos, retainAsPublished=True, retainHandling=handling)


def _pending(sock: Any) -> bool:
    """Bytes that TLS has decrypted already: select() does not see them."""
    return bool(sock.pending()) if isinstance(sock, ssl.SSLSocket) else False


def _named(reason: ReasonCode) -> str:
    """paho's name of a reason code, or its number."""
    try:
        return str(reason)
    except (AssertionError, KeyError, IndexError, ValueError):
        return {0x95: "Packet too large"}.get(reason.value, f"reason 0x{reason.value:02x}")


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    return getattr(error, "strerror", None) or str(error)
