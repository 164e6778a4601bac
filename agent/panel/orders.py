"""What a signed command makes the panel do. One table: op -> function; the order was judged before it comes here.

Each function acts on the Response (in the alarm loop, pure) and returns why nothing was done, "" if it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from agent.core.events import ClipRequested, CommandDone, CommandFailed, Event, HoldRequested
from agent.panel.response import Response

BEFORE_S, AFTER_S = 15, 45
_SECOND = 1_000_000_000


class Order(NamedTuple):
    """A command that is to be carried out. request: the row that holds it; at_ns: UTC to reckon with."""

    command: str
    op: str
    args: Mapping[str, Any]
    by: str
    request: int
    at_ns: int

    @property
    def who(self) -> str:
        """As it stands in records: nobody at the site can write this with `--by`."""
        return f"signed:{self.by}"


def carry_out(response: Response, order: Order) -> str:
    """Do it; why nothing was done, if nothing was."""
    do = DO.get(order.op)
    return do(response, order) if do is not None else f"this version of the panel cannot {order.op}"


def outcome(order: Order, reason: str) -> Event:
    """What is said of an order that was carried out, or of which nothing came for that reason."""
    if reason:
        return CommandFailed(
            source="panel", command=order.command, request=order.request, op=order.op, by=order.by, reason=reason
        )
    return CommandDone(source="panel", command=order.command, request=order.request, op=order.op, by=order.by)


def _ask(response: Response, order: Order) -> str:
    return response.ask(order.op, str(order.args["alarm"]), order.who)


def _unknown_camera(response: Response, order: Order) -> str:
    unknown = sorted(set(order.args["cameras"]) - set(response.plan.cameras))
    return f"there is no camera {unknown[0]}" if unknown else ""


def _id(letter: str, order: Order) -> str:
    return f"{letter}-{hashlib.sha256(f'{order.command} {order.by} {order.request}'.encode()).hexdigest()[:12]}"


def _clip(response: Response, order: Order) -> str:
    """Around `at_s` (now, if not given). Of another boot than this one it can be asked for, by UTC."""
    if why := _unknown_camera(response, order):
        return why
    ago_ns = order.at_ns - int(order.args["at_s"]) * _SECOND if "at_s" in order.args else 0
    if ago_ns < 0:
        return "that is in the future"
    now = response.now
    at_mono_ns = now.mono_ns - ago_ns
    response.said.append(
        ClipRequested(
            source="panel",
            clip=_id("c", order),
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
    return ""


def _hold(response: Response, order: Order) -> str:
    if why := _unknown_camera(response, order):
        return why
    if order.args["to_s"] <= order.args["from_s"]:
        return "its end is not after its beginning"
    response.said.append(
        HoldRequested(
            source="panel",
            hold=_id("h", order),
            cameras=list(order.args["cameras"]),
            from_ns=order.args["from_s"] * _SECOND,
            to_ns=order.args["to_s"] * _SECOND,
            reason=order.args["reason"],
            by=order.who,
        )
    )
    return ""


DO: Mapping[str, Callable[[Response, Order], str]] = {
    "acknowledge": _ask,
    "silence": _ask,
    "reset": _ask,
    "clip": _clip,
    "hold": _hold,
}
