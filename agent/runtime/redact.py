"""Passwords out of anything that is shown, logged or stored. Library errors print whole URLs."""

from __future__ import annotations

import re
import urllib.parse

_IN_URL = re.compile(r"(?<=://)[^/\s@'\"]*@")
_secrets: set[str] = set()


def register(secret: str) -> None:
    """Never show this text again, plain or URL-quoted. Shorter than 4 characters would blot out ordinary words."""
    if len(secret) >= 4:
        _secrets.update((secret, urllib.parse.quote(secret, safe="")))


def redact(text: str) -> str:
    """The text without `user:password@` in URLs and without registered secrets."""
    text = _IN_URL.sub("", text)
    for secret in _secrets:
        text = text.replace(secret, "***")
    return text
