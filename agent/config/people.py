"""The people of a site as the keys they sign with."""

from __future__ import annotations

from msgspec import UNSET

from agent.config.model import SiteConfig
from agent.core.people import Key, keyring


def keys_of(site: SiteConfig) -> dict[str, Key]:
    """Key id -> key, old ones that are still believed among them."""
    return keyring(
        (one.id, one.role, [one.key] if one.old_key is UNSET else [one.key, one.old_key]) for one in site.person
    )
