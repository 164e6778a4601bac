"""Remote starts at the panel: signed orders and the pump room go into core/remote_start.py, pulses and rows come out.

Pure, as decide.py. Loaded only at a site that has a start relay: nobody else pays for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.core.events import (
    CommandDone,
    CommandFailed,
    Event,
    PumpStartCommissioned,
    PumpStartEnded,
    PumpStartPulsed,
    PumpStartReset,
)
from agent.core.people import Role
from agent.core.remote_start import Ask, RemoteStart
from agent.core.rules import ClipWish
from agent.core.start_table import REASONS, Input, Room, State, blocked
from agent.panel.orders import Fate, Order
from agent.panel.response import Cause, Response
from agent.panel.start_plan import StartPlan

WHAT: Mapping[str, Input] = {"start-arm": Input.ARM, "start-confirm": Input.CONFIRM, "start": Input.START}
BEFORE_S, AFTER_S = 15, 60
# What speaks against a start and does not forbid it: role -> its bad level.
WARNS: Mapping[str, bool] = {"low_suction": True, "tank_low": True, "auto": False, "power": False, "valve": False}
FACTS = (PumpStartPulsed, PumpStartReset)


class Starts:
    """All remote starts of one panel. Every method works on the Response at its `now`."""

    def __init__(self, response: Response, plans: Iterable[StartPlan]) -> None:
        self._response = response
        self._plans = {plan.pump: plan for plan in plans}
        self.machines = {
            plan.pump: RemoteStart(plan.pump, plan.relay, plan.wiring, plan.run_within_s)
            for plan in self._plans.values()
        }
        self.relays = {plan.relay: plan.pump for plan in self._plans.values()}

    # --- what comes in ---

    def order(self, order: Order) -> Fate:
        """One of WHAT, judged and written down as started. A start's own fate follows with what came of its pulse."""
        pump, args, now_ns = str(order.args["pump"]), order.args, self._response.now.mono_ns
        machine = self.machines.get(pump)
        if machine is None:
            return Fate(f"there is no remote start of {pump} here", "no-start")
        ask = Ask(
            WHAT[order.op],
            order.by,
            order.key,
            order.request,
            order.command,
            reason=str(args.get("reason", "")),
            typed=str(args.get("typed", "")),
            held_ms=int(args.get("held_ms", 0)),
            nonce=str(args.get("nonce", "")),
            testing=order.role is Role.TECHNICIAN and self._response.plan.pumps[pump].window is not None,
            fresh=order.fresh,
        )
        room = self._room(machine)
        events, code = machine.order(ask, room, now_ns)
        self._say(machine, events)
        if code:
            return Fate(REASONS[code], code)
        if ask.what is Input.ARM:
            return Fate(answer={"within_s": str(machine.run_within_s), "warnings": " ".join(room.warns)})
        if ask.what is Input.CONFIRM:
            return Fate(answer={"nonce": machine.nonce})
        return Fate(later=True)

    def look(self) -> None:
        """What time and the pump rooms bring by now."""
        for machine in self.machines.values():
            self._say(machine, machine.look(self._room(machine), self._response.now.mono_ns))

    def restarted(self) -> list[str]:
        """Pins are about to be opened: pulses that are cut off by it, by their relays."""
        cut = []
        for machine in self.machines.values():
            if machine.driven:
                cut.append(machine.relay)
                self._response.driven[machine.relay] = False
                if machine.relay in self._response.plan.readbacks:
                    self._response.plan.readbacks[machine.relay].drive(False, self._response.now.mono_ns)
            self._say(machine, machine.restarted(self._response.now.mono_ns))
        return cut

    def recorded(self, events: Iterable[Event]) -> None:
        """Rows of the journal: which wiring was proven, and how many attempts there were, if we do not know better."""
        for event in events:
            machine = self.machines.get(event.source)
            if machine is None:
                continue
            if isinstance(event, PumpStartCommissioned):
                machine.commissioned(event.wiring)
            elif isinstance(event, FACTS) and machine.state is State.IDLE and not machine.attempts:
                machine.recorded(event, self._response.now.mono_ns)

    # --- what comes out ---

    def driven(self) -> dict[str, str]:
        """Start relays that are to be energised now -> why."""
        return {one.relay: f"start:{one.id}" for one in self.machines.values() if one.driven}

    def due_ns(self) -> int | None:
        """When time alone brings something."""
        return min((due for one in self.machines.values() if (due := one.due_ns()) is not None), default=None)

    def view(self) -> dict[str, dict[str, Any]]:
        """For people: how each stands, who has armed it, and what forbids a start now."""
        return {
            one.id: {
                "state": str(one.state),
                "by": one.by,
                "attempts": one.attempts,
                "blocked": "spent" if one.state is State.SPENT else blocked(self._room(one)),
                "end_mono_ns": one.end_ns,
            }
            for one in self.machines.values()
        }

    def _say(self, machine: RemoteStart, events: list[Event]) -> None:
        response = self._response
        for event in events:
            response.because(Cause(), [event])
            if isinstance(event, PumpStartPulsed):
                self._pulsed(machine, event)
            elif isinstance(event, PumpStartEnded):
                response.because(Cause(), [_fate(event)])

    def _pulsed(self, machine: RemoteStart, event: PumpStartPulsed) -> None:
        response, cameras = self._response, self._plans[machine.id].cameras
        response.because(Cause(), response.plan.pumps[machine.id].command(response.now.mono_ns))
        if cameras:
            wish = ClipWish(cameras, BEFORE_S, AFTER_S, hold=True)
            response.ask_clip(wish, f"{event.KIND}:{machine.id}")

    def _room(self, machine: RemoteStart) -> Room:
        """The pump room by what the panel sees."""
        response = self._response
        pump, readback = response.plan.pumps[machine.id], response.plan.readbacks.get(machine.relay)
        running = pump.shows("running")
        warns = tuple(role for role, bad in WARNS.items() if pump.shows(role) is bad)
        return Room(
            key_on=bool(pump.shows("start_enable")),
            locked_out=bool(pump.shows("start_lockout")) or self._lost(machine, "start_lockout"),
            impaired=response.permits.impaired(machine.id),
            follows=readback is not None and readback.follows and not readback.failed,
            written=machine.relay not in response.failed,
            running=bool(running),
            commissioned=machine.proven,
            warns=warns if running is not None else (*warns, "running_unknown"),
        )

    def _lost(self, machine: RemoteStart, role: str) -> bool:
        """True for a contact that is wired and cannot be read."""
        return role in self._plans[machine.id].wired and self._response.plan.pumps[machine.id].shows(role) is None

    # --- a restart ---

    def snapshot(self) -> dict[str, list[Any]]:
        """What a restart has to know, for restore()."""
        return {id_: one.snapshot() for id_, one in self.machines.items()}

    def restore(self, snapshot: Mapping[str, list[Any]]) -> None:
        """Take up where a snapshot of the same boot left. Raises ValueError."""
        for id_, one in snapshot.items():
            if id_ in self.machines:
                self.machines[id_].restore(one)


def _fate(event: PumpStartEnded) -> Event:
    """The last word on the command that gave the pulse."""
    op, by, command, request = "start", event.by, event.command, event.request
    if event.ok:
        answer = {"start_ms": str(event.start_ms), "readback": event.readback}
        return CommandDone(source="panel", command=command, request=request, op=op, by=by, answer=answer)
    reason = REASONS[event.code]
    return CommandFailed(source="panel", command=command, request=request, op=op, by=by, reason=reason, code=event.code)
