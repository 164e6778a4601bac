"""Zones and masks as site.toml has them."""

from __future__ import annotations


def corners_of(texts: list[str]) -> list[list[int]]:
    """["0,40", ...] as numbers."""
    return [[int(number) for number in text.split(",")] for text in texts]
