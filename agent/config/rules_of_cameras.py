"""Where the pictures of a camera come from: addresses that can be one, and no password in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from agent.config.convert import Report, Table
from agent.config.looking import all_of
from agent.config.problems import has_credentials, has_password

NETWORK_SOURCES = ("rtsp", "rtsps", "tcp")


class Form(NamedTuple):
    """What an address may be up to its "?", and what may be asked for behind it."""

    address: str
    options: Mapping[str, str]


_SIZE, _NUMBER, _FPS = r"\d{2,4}x\d{2,4}", r"\d+", r"[1-9]\d?|1[01]\d|120"
_RATE = r"\d+([./]\d+)?"  # FFmpeg takes 30000/1001 too
FORMS: Mapping[str, Form] = {
    "csi:": Form(r"csi:\d*", {"size": _SIZE, "fps": _FPS, "kbit_s": _NUMBER}),
    "/dev/": Form(r"/dev/[^#]+", {"format": r"\w+", "size": _SIZE, "fps": _RATE, "kbit_s": _NUMBER}),
    "tcp://": Form(r"tcp://[^/]+:\d+(/.*)?", {}),
    "testcard:": Form(r"testcard:(\d{3,4}x\d{3,4})?(/\d{1,2})?", {}),
}


def cameras(site: Table, report: Report) -> None:
    """A camera's source and its sub stream are addresses of a known form; a transport is RTSP's."""
    for camera in all_of(site, "camera"):
        for key in ("source", "sub"):
            if isinstance(address := camera.get(key), str):
                _judge(camera, key, address, report)
        source = camera.get("source")
        if camera.given("transport") and isinstance(source, str) and not source.startswith(("rtsp://", "rtsps://")):
            report.warn(camera, "transport", "rtsp-only")


def _judge(camera: Table, key: str, address: str, report: Report) -> None:
    if has_credentials(address):
        report.error(camera, key, "credentials", name=camera.get("id") or "ID")
    elif not _allowed(address):
        report.error(camera, key, "source")
    elif not _well_formed(address):
        report.error(camera, key, "source-form")
    elif has_password(address):
        report.warn(camera, key, "password-in-path")


def _allowed(source: str) -> bool:
    if source.startswith("pipe:"):
        return _is_command(source.removeprefix("pipe:"))
    if source.startswith(("testcard:", "csi:")):
        return True
    if source.startswith(("/dev/", "file:")):
        return len(PurePosixPath(source.removeprefix("file:")).parts) > 0
    return source.partition("://")[0] in NETWORK_SOURCES and host_and_port(source)


def _well_formed(source: str) -> bool:
    """Whether an address of FORMS is one, and asks for nothing that is not understood there."""
    form = next((form for start, form in FORMS.items() if source.startswith(start)), None)
    if form is None:
        return True
    address, _, query = source.partition("?")
    asked = parse_qsl(query, keep_blank_values=True)
    return bool(re.fullmatch(form.address, address)) and all(
        re.fullmatch(form.options.get(name, "(?!)"), value) for name, value in asked
    )


def _is_command(line: str) -> bool:
    """Words with every quote closed."""
    try:
        return bool(shlex.split(line))
    except ValueError:
        return False


def host_and_port(address: str) -> bool:
    """Whether an address has a host, and a port that can be one if it has any."""
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0) and " " not in address
    except ValueError:
        return False
