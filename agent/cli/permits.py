"""Visits, impairments and drills from the command line: a row that begins or ends one; the panel hears it.

The panel need not run: what was begun stands in the journal, and it takes it up at its start.
"""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from agent.cli.confirm import confirmed, user
from agent.cli.place import Place, UsageError, journal_to_read, journal_to_write, look
from agent.cli.rule_texts import TEXTS
from agent.cli.signing import add_key, opened
from agent.cli.terminal import columns, span
from agent.cli.texts import Texts
from agent.config import SiteConfig, keys_of, load
from agent.core.commands import INCIDENT_CLOSE, OPS
from agent.core.events import Event
from agent.core.people import Key, Role
from agent.core.permits import CONSENT, DISK, ENDS, MOST_S, by_command, may_sign, signed_fields
from agent.core.signed import PERMIT, fits
from agent.journal import Journal
from agent.journal.facts import as_event
from agent.journal.projections import clock_anchors, corrected_ns, standing
from agent.runtime.keys import verify
from agent.runtime.paths import Paths

# Whose signature a permit may bear: as for the same by command.
ROLES: Mapping[str, frozenset[Role]] = {
    "visit.opened": OPS["arm"].roles,
    "impairment.started": OPS["impairment-start"].roles,
    "drill.started": OPS["drill-start"].roles,
    "footage.disk": frozenset({Role.IT_ADMIN}),
    "incident.declared": OPS["incident-declare"].roles,
    "incident.closed": OPS[INCIDENT_CLOSE].roles,
}


def new_id(word: str) -> str:
    """A name for a permit, short enough to type."""
    return f"{word}-{secrets.token_hex(2)}"


def length_s(args: argparse.Namespace, most_s: int, t: Texts) -> int:
    """--minutes as seconds. UsageError beyond what such a permit may last."""
    if not 1 <= args.minutes <= most_s // 60:
        raise UsageError(t("permit-length", most=span(most_s)))
    return int(args.minutes) * 60


def known(paths: Paths, of: list[str], t: Texts, *, doors: bool = False) -> None:
    """UsageError if the site has no such thing (or no such door)."""
    site = load(paths.site)
    things = [point.id for point in site.point if point.kind == "door" or not doors]
    if not doors:
        things += [pump.id for pump in site.pump] + [camera.id for camera in site.camera] + [*CONSENT]
    for id_ in of:
        if id_ not in things:
            raise UsageError(t("permit-unknown", id=id_, known=" ".join(things)))


def signs(parser: argparse.ArgumentParser) -> None:
    """--key: a permit may bear its writer's signature."""
    add_key(parser, required=False)


def signed(args: argparse.Namespace, paths: Paths, permit: Event, t: Texts) -> Event:
    """The permit, or another statement of ROLES, signed with --key if it is given.

    UsageError for a key that may not sign it here, and without one where it takes a certain role's.
    """
    of = permit.data().get("of", [])
    assert isinstance(of, list)
    allowed = may_sign(map(str, of), ROLES[permit.KIND])
    if args.key is None and allowed == ROLES[permit.KIND]:
        return permit
    if args.key is None:
        raise UsageError(t("permit-key", of=" ".join(map(str, of)), roles=" ".join(sorted(allowed))))
    signer, about = opened(args)
    site = load(paths.site)
    known = keys_of(site).get(signer.key_id)
    if known is None or known.person != about.person:
        raise UsageError(t("permit-stranger", key=args.key))
    if known.role not in allowed:
        roles = " ".join(sorted(allowed))
        raise UsageError(t("permit-role", person=known.person, role=known.role, roles=roles))
    fields: dict[str, Any] = {"by": known.person, "key": known.id}
    permit = replace(permit, **fields)
    fields = {"sig": signer.sign(PERMIT, signed_fields(site.site.id, site.site.board, permit))}
    return replace(permit, **fields)


def _signature(event: Event, site: SiteConfig, t: Texts) -> str:
    """How a permit is signed, in words."""
    values = event.data()
    if by_command(event):
        return t("permit-command", row=values["request"])
    if not values.get("sig"):
        return t("permit-unsigned")
    key = _signer(event, site)
    return t("permit-wrong") if key is None else t("permit-signed", person=key.person, role=key.role)


def _signer(event: Event, site: SiteConfig) -> Key | None:
    """Whose good signature it bears."""
    values = event.data()
    key = keys_of(site).get(str(values["key"]))
    told = signed_fields(site.site.id, site.site.board, event)
    if key is None or key.person != values["by"]:
        return None
    return key if fits(key.public, str(values["sig"]), PERMIT, told, verify) else None


def consent(journal: Journal, site: SiteConfig) -> str:
    """Id of a permit that stands for the disk of the footage, signed by who may; "" if there is none."""
    for row in standing(journal):
        event = as_event(row)
        of = event.data().get("of", [])
        if row.kind != "impairment.started" or not isinstance(of, list) or DISK not in of:
            continue
        key = _signer(event, site)
        if by_command(event) or (key is not None and key.role in CONSENT[DISK]):
            return row.source
    return ""


def begin(args: argparse.Namespace, paths: Paths, event: Event, t: Texts) -> int:
    """Write it down, signed if there is a key."""
    event = signed(args, paths, event, t)
    with journal_to_write(paths) as journal:
        journal.append(event)
    print(t(f"did-{event.KIND}", id=event.source, s=span(float(str(event.data()["for_s"])))))
    return 0


def run(args: argparse.Namespace, paths: Paths, kind: str, make: Callable[..., Event]) -> int:
    """start, end or list for a permit of things that a person must confirm. make: its event, of the usual fields."""
    place, t = place_and_texts(paths)
    if args.action == "list":
        return show(paths, kind, place, t)
    by = args.by or user()
    if args.action == "end":
        return end(paths, kind, args.id, by, t)
    word = kind.partition(".")[0]
    known(paths, args.of, t)
    for_s = length_s(args, MOST_S[kind], t)
    if not confirmed(args, t(f"{word}-asks", of=" ".join(args.of), minutes=args.minutes), t):
        return 1
    permit = make(source=new_id(word), of=args.of, reason=args.reason, for_s=for_s, by=by)
    return begin(args, paths, permit, t)


def end(paths: Paths, kind: str, id_: str, by: str, t: Texts) -> int:
    """End the permit of that name; without a name the only one there is. UsageError if there is none."""
    with journal_to_write(paths) as journal:
        found = [row.source for row in standing(journal) if row.kind == kind]
        wanted = id_ or (found[0] if len(found) == 1 else "")
        if wanted not in found:
            raise UsageError(t("permit-none", id=id_ or "?", known=" ".join(found) or t("none")))
        event = ENDS[kind](wanted, by)
        journal.append(event)
    print(t("permit-over", id=wanted))
    return 0


def show(paths: Paths, kind: str, place: Place, t: Texts) -> int:
    """The permits of a kind that stand."""
    with journal_to_read(paths) as journal:
        rows = [row for row in standing(journal) if row.kind == kind]
        anchors = clock_anchors(journal)
    told, site = [], load(paths.site)
    for row in rows:
        values = row.values()
        of = values["of"]
        begun_ns = corrected_ns(row, anchors)
        end_ns = begun_ns + int(str(values["for_s"])) * 1_000_000_000
        things = " ".join(map(str, of)) if isinstance(of, list) and of else "*"
        who, signed = str(values.get("who") or values["by"]), _signature(as_event(row), site, t)
        span_ = f"{place.time(begun_ns)} - {place.time(end_ns)}"
        told.append([row.source, who, things, span_, str(values["reason"]), signed])
    print("\n".join(columns(told)) if told else t("none"))
    return 0


def place_and_texts(paths: Paths) -> tuple[Place, Texts]:
    """Where, and in which language."""
    place = look(paths)
    return place, Texts(place.language, TEXTS)
