"""Where the pictures of a camera come from: addresses that can be one, and no password in them."""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from agent.config.convert import Report, Table
from agent.config.looking import all_of
from agent.config.problems import has_credentials, has_password

NETWORK_SOURCES = ("rtsp", "rtsps", "tcp")


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
