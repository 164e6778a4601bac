"""standpipe footage accept-volume: another disk is recorded on; who did it, and by whose consent, is a row."""

from __future__ import annotations

import argparse

from agent.cli import permits
from agent.cli.confirm import asks, user
from agent.cli.place import UsageError, journal_to_write
from agent.cli.rule_texts import TEXTS
from agent.cli.texts import Texts
from agent.config import SiteConfig, load
from agent.core.events import FootageDisk
from agent.core.people import Role
from agent.footage.volume import Volume
from agent.journal import Journal
from agent.runtime.disks import disk_of
from agent.runtime.paths import Paths


def wants(parser: argparse.ArgumentParser) -> None:
    """The options: --by, --key."""
    asks(parser)
    permits.signs(parser)


def accept(args: argparse.Namespace, paths: Paths, volume: Volume, t: Texts) -> int:
    """UsageError without key or consent, where the site has who gives them."""
    site, words = load(paths.site), Texts(t.language, TEXTS)
    with journal_to_write(paths) as journal:
        permit = _permitted(args, journal, site, t)
        about = disk_of(volume.footage)
        before = volume.expected
        told = {"volume": volume.mark(), "before": before, **about._asdict(), "by": args.by or user()}
        journal.append(permits.signed(args, paths, FootageDisk(source="footage", permit=permit, **told), words))
        volume.accept()
    print(t("accepted", path=volume.footage))
    print(t("accepted-disk", **{**told, "before": before or "-", "serial": about.serial or "-"}))
    return 0


def _permitted(args: argparse.Namespace, journal: Journal, site: SiteConfig, t: Texts) -> str:
    """The consent that stands, "" if there is none and the site has nobody to give it."""
    roles = {one.role for one in site.person}
    permit = permits.consent(journal, site)
    if not {Role.IT_ADMIN, Role.SAFETY_OFFICE} <= roles:
        return permit
    if args.key is None:
        raise UsageError(t("accept-key"))
    if not permit:
        raise UsageError(t("accept-consent"))
    return permit
