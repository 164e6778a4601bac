"""standpipe rules: what would follow from an event and why, and which alarms nothing follows from."""

from __future__ import annotations

import argparse

from agent.cli.alarm_texts import named
from agent.cli.explaining import Answer, alarms, answer, heard, sources
from agent.cli.permits import place_and_texts
from agent.cli.place import UsageError
from agent.cli.terminal import BOLD, RED, YELLOW, columns, paint, span
from agent.cli.texts import Texts
from agent.config import SiteConfig, load
from agent.config.words import nearest
from agent.core.events import KINDS, AlarmRaised, ContactTold
from agent.core.rules import Rule
from agent.runtime.paths import Paths

HELP = """\
explain EVENT   what the panel would do if this happened now, and because of which rule; nothing is done. EVENT: a
                kind of event, or an alarm as `alarm list` shows it
lint            every kind of alarm that this site can raise, its rules and plan; exit code 1 if one has none"""


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="explain|lint")
    explain = actions.add_parser("explain", help="what would follow from an event, and why")
    explain.add_argument("event", metavar="EVENT", help="such as pump.fail_to_start, or pump.fail_to_start:pump-1")
    explain.add_argument(
        "--source", metavar="ID", help="to which point, door, pump, relay or camera (default: the first)"
    )
    actions.add_parser("lint", help="alarms without a rule or a plan")


def run(args: argparse.Namespace, paths: Paths) -> int:
    _, t = place_and_texts(paths)
    site = load(paths.site)
    if args.action == "lint":
        return _lint(site, t)
    kind, _, source = args.event.partition(":")
    return _explain(site, kind, args.source or source.partition(":")[0] or None, t)


# --- explain ---


def _explain(site: SiteConfig, kind: str, source: str | None, t: Texts) -> int:
    if kind not in KINDS:
        near = nearest(kind, KINDS)
        raise UsageError(t("no-event", kind=kind, near=t("near", near=near) if near else ""))
    if not heard(kind):
        print(t("not-heard", kind=kind))
        return 0
    known = sources(kind, site)
    if not known or (source and source not in known and known != ["panel"]):
        raise UsageError(t("no-source", kind=kind, source=source or "-", known=" ".join(known) or t("none")))
    of = source or known[0]
    name = named(kind, t.language)
    print(paint(t("happens", kind=f"{kind}（{name}）" if name else kind, source=of), BOLD))
    print("\n".join(f"  {line}" for line in _lines(site, answer(site, kind, of), t)))
    return 0


def _lines(site: SiteConfig, found: Answer, t: Texts) -> list[str]:
    raised = [event for event in found.said if isinstance(event, AlarmRaised)]
    lines = [t("latched", id=one.source, signal=t(f"class-{one.signal}")) for one in raised] or [t("no-alarm")]
    for _, rule in found.rules:
        lines += [_relay(site, relay, rule, found.relays, t) for relay in rule.drive if relay in found.relays]
        lines += _rest(rule, t)
    told = [event.source for event in found.said if isinstance(event, ContactTold)]
    lines += [t("tells", to=" ".join(dict.fromkeys(told)))] if told else []
    for (_, after_s), (to, _) in zip(found.chain, found.chain[1:], strict=False):
        lines.append(t("next-contact", s=span(after_s), to=to))
    lines += [_because(number, rule, t) for number, rule in found.rules]
    return lines if found.rules else [*lines, t("nothing")]


def _relay(site: SiteConfig, id_: str, rule: Rule, driven: dict[str, bool], t: Texts) -> str:
    relay = next(one for one in site.relay if one.id == id_)
    until = t(f"until-{rule.until}", s=span(rule.for_s))
    until += t("at-most", s=span(relay.max_on_s)) if isinstance(relay.max_on_s, int) else ""
    until += t("at-least", s=span(relay.min_on_s)) if relay.min_on_s else ""
    return t("drives", relay=id_, state=t("energised" if driven[id_] else "released"), until=until)


def _rest(rule: Rule, t: Texts) -> list[str]:
    lines = []
    if rule.clip is not None:
        cameras, held = " ".join(rule.clip.cameras), t("held") if rule.clip.hold else ""
        lines.append(
            t("cuts", cameras=cameras, before=span(rule.clip.before_s), after=span(rule.clip.after_s), held=held)
        )
    if rule.plan:
        lines.append(t("plan", plan=rule.plan))
    return lines


def _because(number: int, rule: Rule, t: Texts) -> str:
    of = t("because-of", of=" ".join(rule.of)) if rule.of else ""
    return t("because", number=number, on=" ".join(rule.on), of=of)


# --- lint ---


def _lint(site: SiteConfig, t: Texts) -> int:
    rows, colours, bare, planless = [], [], 0, 0
    for kind, things in alarms(site).items():
        found = [answer(site, kind, one) for one in things]
        unanswered = [one for one, said in zip(things, found, strict=True) if not said.rules]
        unplanned = [one for one, said in zip(things, found, strict=True) if not any(r.plan for _, r in said.rules)]
        numbers = sorted({number for said in found for number, _ in said.rules})
        bare, planless = bare + bool(unanswered), planless + bool(unplanned and not unanswered)
        told = [t("lint-rule", number=" ".join(map(str, numbers)))] if numbers else []
        told += [f"{t('lint-no-rule')}: {' '.join(unanswered)}"] if unanswered else []
        told += [t("lint-no-plan")] if unplanned and not unanswered else []
        name = named(kind, t.language)
        rows.append([kind, *([name] if name else []), ", ".join(told)])
        colours.append(RED if unanswered else YELLOW if unplanned else "0")
    for line, colour in zip(columns(rows), colours, strict=True):
        print(paint(line, colour))
    print(t("lint-bad", rules=bare, plans=planless) if bare or planless else t("lint-good"))
    return 1 if bare or planless else 0
