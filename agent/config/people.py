"""The people of a site as the keys they sign with, and what their roles may sign here."""

from __future__ import annotations

from msgspec import UNSET

from agent.config.model import SiteConfig
from agent.core.commands import Here
from agent.core.people import Key, Role, keyring
from agent.core.signed import Verify


def keys_of(site: SiteConfig) -> dict[str, Key]:
    """Key id -> key, old ones that are still believed among them."""
    return keyring(
        (one.id, one.role, [one.key] if one.old_key is UNSET else [one.key, one.old_key]) for one in site.person
    )


def here_of(site: SiteConfig, verify: Verify) -> Here:
    """Where signatures are judged: this board, its people, and whom it lets grant viewings."""
    granted_by = frozenset(Role(one) for one in site.viewing.granted_by)
    return Here(site.site.id, site.site.board, keys_of(site), verify, {"footage.view": granted_by})
