"""What a signed command makes the panel do. One table: op -> function; the order was judged before it comes here.

Each function acts on the Response (in the alarm loop, pure) and returns the order's Fate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from agent.core.answers import About, done, failed
from agent.core.chain import Row
from agent.core.commands import APPROVE, INCIDENT_CLOSE
from agent.core.events import (
    ClipRequested,
    DrillStarted,
    Event,
    HoldRequested,
    ImpairmentStarted,
    IncidentClosed,
    IncidentDeclared,
    SnapshotRequested,
)
from agent.core.incidents import OPENED_MS, since_ms
from agent.core.people import Role
from agent.core.permits import CONSENT, ENDS, MOST_S, may_sign
from agent.core.statements import parse
from agent.panel.response import Cause, Response

BEFORE_S, AFTER_S = 15, 45
LINE_MOST = 180  # of an answer's 200 characters (core/results.py)
_SECOND = 1_000_000_000


class Order(NamedTuple):
    """A command that is to be carried out. request: the row that holds it; at_ns: UTC to reckon with.

    key, role: of who signed it; fresh: a number that nobody could know before; incidents: those that are open by the
    journal (of an order that closes one).
    """

    command: str
    op: str
    args: Mapping[str, Any]
    by: str
    request: int
    at_ns: int
    key: str = ""
    role: Role = Role.AUDITOR
    fresh: str = ""
    incidents: Mapping[str, Row] = MappingProxyType({})

    @property
    def who(self) -> str:
        """As it stands in records: nobody at the site can write this with `--by`."""
        return f"signed:{self.by}"


class Fate(NamedTuple):
    """What becomes of an order. reason: why nothing was done, "" if it was; code: a stable word for it, where there is
    one; answer: what is told beside "done"; later: its last word follows by itself."""

    reason: str = ""
    code: str = ""
    answer: Mapping[str, str] = MappingProxyType({})
    later: bool = False


class Starter(Protocol):
    """Remote starts, at a site that has any."""

    def order(self, order: Order) -> Fate: ...


def carry_out(response: Response, order: Order, starts: Starter | None = None) -> Fate:
    """Do it, if it can be done."""
    if order.op in STARTS:
        return Fate("this site has no remote start", "no-start") if starts is None else starts.order(order)
    do = DO.get(order.op)
    return do(response, order) if do is not None else Fate(f"this version of the panel cannot {order.op}")


def outcome(order: Order, fate: Fate) -> Event:
    """What is said of an order that was carried out, or of which nothing came."""
    said = About(order.command, order.op, order.by, order.request)
    return failed("panel", said, fate.reason, fate.code) if fate.reason else done("panel", said, fate.answer)


def _ask(response: Response, order: Order) -> Fate:
    return Fate(response.ask(order.op, str(order.args["alarm"]), order.who))


def _arm(response: Response, order: Order) -> Fate:
    reason = str(order.args.get("reason", ""))
    return Fate(response.ask(order.op, str(order.args["door"]), f"{order.who}: {reason}" if reason else order.who))


def _unknown_camera(response: Response, order: Order) -> str:
    unknown = sorted(set(order.args["cameras"]) - set(response.plan.cameras))
    return f"there is no camera {unknown[0]}" if unknown else ""


def _id(letter: str, order: Order) -> str:
    return f"{letter}-{hashlib.sha256(f'{order.command} {order.by} {order.request}'.encode()).hexdigest()[:12]}"


def _clip(response: Response, order: Order) -> Fate:
    """Around `at_s` (now, if not given). Of another boot than this one it can be asked for, by UTC."""
    if why := _unknown_camera(response, order):
        return Fate(why)
    ago_ns = order.at_ns - int(order.args["at_s"]) * _SECOND if "at_s" in order.args else 0
    if ago_ns < 0:
        return Fate("that is in the future")
    now = response.now
    at_mono_ns, clip = now.mono_ns - ago_ns, _id("c", order)
    response.said.append(
        ClipRequested(
            source="panel",
            clip=clip,
            cameras=list(order.args["cameras"]),
            at_ns=now.at_ns - ago_ns,
            at_mono_ns=max(0, at_mono_ns),
            boot=now.boot if at_mono_ns > 0 else "",
            before_s=int(order.args.get("before_s", BEFORE_S)),
            after_s=int(order.args.get("after_s", AFTER_S)),
            hold=bool(order.args.get("hold", False)),
            cause=f"command:{order.by}",
        )
    )
    return Fate(answer={"clip": clip})


def _hold(response: Response, order: Order) -> Fate:
    if why := _unknown_camera(response, order):
        return Fate(why)
    if order.args["to_s"] <= order.args["from_s"]:
        return Fate("its end is not after its beginning")
    hold = _id("h", order)
    response.said.append(
        HoldRequested(
            source="panel",
            hold=hold,
            cameras=list(order.args["cameras"]),
            from_ns=order.args["from_s"] * _SECOND,
            to_ns=order.args["to_s"] * _SECOND,
            reason=order.args["reason"],
            by=order.who,
        )
    )
    return Fate(answer={"hold": hold})


def _snapshot(response: Response, order: Order) -> Fate:
    if why := _unknown_camera(response, order):
        return Fate(why)
    cameras, cause = list(order.args["cameras"]), f"command:{order.by}"
    snapshot = _id("s", order)
    response.said.append(SnapshotRequested(source="panel", snapshot=snapshot, cameras=cameras, cause=cause))
    return Fate(answer={"snapshot": snapshot})


def _approve(response: Response, order: Order) -> Fate:
    """Judged against what was asked before it came here (commands.py): the row that `standpipe approve` writes."""
    statement = parse(str(order.args["statement"]))
    if statement is None:
        return Fate("it holds no verdict that can be read")
    response.said.append(statement.event())
    return Fate(answer={"request": statement.request, "verdict": statement.verdict})


# --- how the board stands ---


def _report(response: Response, order: Order) -> Fate:
    """In one line each, an answer's length at most: what is latched, in trouble, armed, running, driven, permitted."""
    plan = response.plan
    lines = {
        "alarms": (f"{one.id} {one.state}" for one in response.alarms.latched.values()),
        "troubles": iter(response.troubles),
        "doors": (f"{id_} {door.state}" for id_, door in plan.doors.items()),
        "armed": (id_ for id_, door in response.arming.doors.items() if door.armed),
        "pumps": (f"{id_} {pump.state}" for id_, pump in plan.pumps.items()),
        "relays": (id_ for id_, on in response.driven.items() if on),
        "permits": response.permits.standing,
    }
    return Fate(answer={name: _line(list(things)) for name, things in lines.items()})


def _line(things: Sequence[str]) -> str:
    """Whole things as long as there is room, and how many more there are."""
    line = ""
    for at, thing in enumerate(things):
        longer = f"{line}, {thing}" if line else thing
        if len(longer) > LINE_MOST:
            return f"{line} + {len(things) - at}" if line else f"{len(things)}"
        line = longer
    return line or "-"


# --- permits ---


def _things(response: Response) -> set[str]:
    """What a permit can be for."""
    plan = response.plan
    return {*plan.points, *plan.pumps, *plan.cameras, *CONSENT}


def _begin(response: Response, order: Order, permit: Event) -> Fate:
    args = order.args
    if unknown := sorted(set(args["of"]) - _things(response)):
        return Fate(f"there is no {unknown[0]} here")
    if order.role not in (roles := may_sign(args["of"], frozenset(Role))):
        return Fate(f"that takes the signature of {' or '.join(sorted(roles))}")
    most_s = MOST_S[permit.KIND]
    if args["for_s"] > most_s:
        return Fate(f"it lasts {most_s // 3600} hours at most")
    response.because(Cause(), [permit])
    response.permit(permit, response.now)
    if permit.source not in response.permits.standing:
        return Fate("too many permits stand already")
    return Fate(answer={"permit": permit.source})


def _drill(response: Response, order: Order) -> Fate:
    of, reason, for_s = order.args["of"], order.args["reason"], order.args["for_s"]
    drill = DrillStarted(
        source=_id("drill", order),
        of=of,
        reason=reason,
        for_s=for_s,
        by=order.who,
        key=order.key,
        request=order.request,
    )
    return _begin(response, order, drill)


def _impairment(response: Response, order: Order) -> Fate:
    of, reason, for_s = order.args["of"], order.args["reason"], order.args["for_s"]
    impairment = ImpairmentStarted(
        source=_id("impairment", order),
        of=of,
        reason=reason,
        measures=order.args["measures"],
        for_s=for_s,
        by=order.who,
        key=order.key,
        request=order.request,
    )
    return _begin(response, order, impairment)


def _end(kind: str) -> Callable[[Response, Order], Fate]:
    """Ends a permit of that kind."""

    def end(response: Response, order: Order) -> Fate:
        id_ = str(order.args["permit"])
        known = response.permits.standing.get(id_)
        if known is None or known.kind != kind:
            return Fate(f"there is no {id_} that stands")
        ended = ENDS[kind](id_, order.who)
        response.permit(ended, response.now)
        response.because(Cause(), [ended])
        return Fate()

    return end


# --- incidents ---


def _declare(response: Response, order: Order) -> Fate:
    """The same row as `standpipe incident declare` writes, and what rules make of it."""
    args = order.args
    ago_ms = (order.at_ns - int(args["since_s"]) * _SECOND) // 1_000_000 if "since_s" in args else 0
    if ago_ms < 0:
        return Fate("that is in the future")
    if ago_ms > OPENED_MS:
        return Fate(f"it began more than {OPENED_MS // 3_600_000} hours ago")
    declared = IncidentDeclared(
        source=_id("incident", order),
        what=str(args["what"]),
        reason=str(args["reason"]),
        since_ms=ago_ms,
        by=order.who,
        key=order.key,
        request=order.request,
        drill=bool(args.get("drill", False)),
    )
    response.because(Cause(), [declared])
    return Fate(answer={"incident": declared.source})


def _close(response: Response, order: Order) -> Fate:
    """The one that it names, or the only one that is open."""
    opened = order.incidents
    id_ = str(order.args.get("incident", "")) or (next(iter(opened)) if len(opened) == 1 else "?")
    if id_ not in opened:
        return Fate(f"there is no open incident {id_}; open: {_line(list(opened))}")
    row = opened[id_]
    closed = IncidentClosed(
        source=id_,
        what=str(row.values()["what"]),
        outcome=str(order.args["outcome"]),
        since_ms=since_ms(row, response.now),
        by=order.who,
        key=order.key,
        request=order.request,
        drill=bool(row.values().get("drill")),
    )
    response.because(Cause(), [closed])
    return Fate(answer={"incident": id_})


STARTS = frozenset({"start-arm", "start-confirm", "start"})
DO: Mapping[str, Callable[[Response, Order], Fate]] = {
    "acknowledge": _ask,
    "silence": _ask,
    "reset": _ask,
    "arm": _arm,
    "disarm": _arm,
    "drill-start": _drill,
    "drill-end": _end("drill.started"),
    "impairment-start": _impairment,
    "impairment-end": _end("impairment.started"),
    "incident-declare": _declare,
    INCIDENT_CLOSE: _close,
    "clip": _clip,
    "hold": _hold,
    "snapshot": _snapshot,
    "report": _report,
    APPROVE: _approve,
}
