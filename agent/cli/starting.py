"""The dialogue of a remote start: armed, typed, held, confirmed; then the board's nonce goes back signed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from agent.cli.holding import held_ms, terminal, typed
from agent.cli.place import CommandError
from agent.cli.reach import Reached
from agent.cli.start_texts import ZH
from agent.cli.terminal import safe
from agent.cli.texts import Texts
from agent.core.commands import Envelope
from agent.core.results import Told
from agent.core.start_table import ARMED_S, HOLD_MS

STEP_S, SPARE_S = 10.0, 15.0
Sign = Callable[[str, dict[str, Any]], Envelope]  # op, arguments -> a signed command


class StartDialogue:
    """One remote start by one person at a terminal. say: a line for them; CommandError if nobody is there."""

    def __init__(self, board: Reached, sign: Sign, t: Texts, say: Callable[[str], None], *, chinese: bool) -> None:
        self._board, self._sign, self._t, self._say, self._chinese = board, sign, t, say, chinese
        self._fd = terminal()
        if self._fd < 0:
            raise CommandError(t("start-nobody"))

    def run(self, pump: str, by: str, reason: str) -> Told | None:
        """All of it; the board's last word, None if there was none. state "left" where the person left it."""
        t, where = self._t, self._board.where
        self._say(t("start-arms", pump=pump, site=where.site, board=where.board, by=by, reason=reason))
        armed = self._ask("start-arm", {"pump": pump, "reason": reason}, STEP_S)
        if armed is None or armed.state != "done":
            return self._ended(pump, armed, STEP_S)
        end_s = time.monotonic() + ARMED_S
        self._warn(armed)
        confirmation = self._confirmed(pump, end_s)
        if isinstance(confirmation, str):
            self._say(t(confirmation))
            return Told("left", "", "", {})
        confirmed = self._ask("start-confirm", {"pump": pump, **confirmation}, STEP_S)
        if confirmed is None or confirmed.state != "done":
            return self._ended(pump, confirmed, STEP_S)
        within_s = int(armed.answer.get("within_s", "120"))
        self._say(t("start-pulse", s=within_s))
        told = {"pump": pump, "nonce": confirmed.answer.get("nonce", "?"), "reason": reason}
        return self._ended(pump, self._ask("start", told, within_s + SPARE_S), within_s + SPARE_S)

    def _ask(self, op: str, told: dict[str, Any], wait_s: float) -> Told | None:
        return self._board.send(self._sign(op, told), wait_s, lambda told: None)

    def _warn(self, armed: Told) -> None:
        self._say(self._t("start-is-armed", s=ARMED_S))
        if warnings := armed.answer.get("warnings", "").split():
            self._say(self._t("start-warns", what=", ".join(self._t(f"warn-{one}") for one in warnings)))

    def _confirmed(self, pump: str, end_s: float) -> dict[str, Any] | str:
        """What the person confirmed, or the text of why they did not."""
        self._say(self._t("start-type", pump=pump))
        text = typed(self._fd, max(0.0, end_s - time.monotonic()))
        if text is None:
            return "start-late"
        if text != pump:
            return "start-left"
        self._say(self._t("start-hold"))
        ms = held_ms(self._fd, HOLD_MS, max(0.0, end_s - time.monotonic()))
        return {"typed": text, "held_ms": ms} if ms else "start-late"

    def _ended(self, pump: str, told: Told | None, waited_s: float) -> Told | None:
        t = self._t
        if told is None:
            self._say(t("start-unknown", s=f"{waited_s:g}"))
        elif told.state == "done":
            self._say(t("start-runs", pump=pump, s=f"{int(told.answer.get('start_ms', '0')) / 1000:.1f}"))
            if told.answer.get("readback") == "missing":
                self._say(t("start-no-readback"))
        else:
            reason = ZH.get(told.code, told.reason) if self._chinese else told.reason
            self._say(t("start-not", pump=pump, reason=safe(reason)))
        return told
