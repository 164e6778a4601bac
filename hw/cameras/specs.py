"""A camera's source as site.toml has it -> what FFmpeg is to open. HardwareError says what is wrong with it."""

from __future__ import annotations

import functools
import urllib.parse

from hw.cameras.child import Child, words_of
from hw.cameras.feed import Feed, TcpSource
from hw.cameras.stream import OPEN_S, StreamSpec
from hw.ports import HardwareError

START_S = 12.0  # a command has its camera to start before the first byte
PORTS = {"rtsp": 554, "rtsps": 322}
TRANSPORTS = {
    "tcp": {"rtsp_transport": "tcp"},
    "tcp-or-udp": {"rtsp_transport": "tcp+udp", "rtsp_flags": "prefer_tcp"},
    "udp": {"rtsp_transport": "udp"},
}


def rtsp_spec(source: str, credentials: tuple[str, str] | None, transport: str = "tcp") -> StreamSpec:
    """rtsp:// or rtsps://; user and password, if any, go into the location only."""
    url = urllib.parse.urlsplit(source)
    host = url.netloc.rpartition("@")[2]
    shown = urllib.parse.urlunsplit((url.scheme, host, url.path, "", ""))
    location = source
    if credentials is not None:
        user, password = (urllib.parse.quote(part, safe="") for part in credentials)
        location = urllib.parse.urlunsplit(url._replace(netloc=f"{user}:{password}@{host}"))
    options = {"allowed_media_types": "video", **TRANSPORTS[transport]}
    try:
        port = url.port or PORTS[url.scheme]
    except ValueError:
        raise HardwareError(f"{shown}: its port is no number from 1 to 65535") from None
    return StreamSpec(shown, location, "rtsp", options, glance=True, rests=True, host=url.hostname or "", port=port)


def tcp_spec(source: str, open_s: float = OPEN_S) -> StreamSpec:
    """tcp://host:port that sends MPEG-TS."""
    try:
        url = urllib.parse.urlsplit(source)
        host, port = url.hostname, url.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise HardwareError(f"{source}: tcp://HOST:PORT is the form")
    feed = functools.partial(_tcp_feed, host, port, open_s)
    return StreamSpec(source, "", "mpegts", rests=True, feed=feed)


def _tcp_feed(host: str, port: int, open_s: float) -> Feed:
    return Feed(TcpSource(host, port, open_s), open_s)


def pipe_spec(source: str, credentials: tuple[str, str] | None, start_s: float = START_S) -> StreamSpec:
    """pipe: COMMAND that writes MPEG-TS on its standard output."""
    words = words_of(source.removeprefix("pipe:"))
    feed = functools.partial(_pipe_feed, words, credentials, start_s)
    return StreamSpec(f"pipe: {words[0]}", "", "mpegts", rests=True, feed=feed)


def _pipe_feed(words: list[str], credentials: tuple[str, str] | None, start_s: float) -> Feed:
    return Feed(Child(words, credentials=credentials), start_s)


def file_spec(source: str) -> StreamSpec:
    """file:/path, played at the pace of its times."""
    path = source.removeprefix("file:")
    path = path[2:] if path.startswith("//") else path
    return StreamSpec(source, path, paced=True, endless=False)
