"""A start relay in a walk test: tried by a signed start, heard by the pump that runs."""

from __future__ import annotations

import pytest
from sp_cli import Board
from sp_starts import RELAY, START_SITE

from agent.cli.walk import Walk
from agent.config import load
from agent.core.events import PumpStartEnded, WalkTestStarted


@pytest.mark.parametrize(("ok", "tried"), [(True, True), (False, False), (None, False)])
def test_a_start_relay_counts_by_what_the_pump_did(board: Board, ok: bool | None, tried: bool) -> None:
    board.paths.site.write_text(START_SITE)
    board.note(WalkTestStarted(source="panel", for_s=600, by="tea", request=0))
    if ok is not None:
        start_ms, code = (900, "") if ok else (None, "no-run")
        ended = PumpStartEnded(
            source="pump-1",
            by="tea",
            command="c",
            request=1,
            attempt=1,
            ok=ok,
            start_ms=start_ms,
            readback="seen",
            code=code,
        )
        board.note(ended)
    journal = board.journal()
    began = journal.last("walk_test.started")
    assert began is not None
    record = Walk(journal, began).record(load(board.paths.site), board.paths, journal.epoch, "", "tea")
    journal.close()
    (relay,) = [one for one in record["relays"] if one["id"] == RELAY]
    assert (relay["ok"], relay["heard_ns"] is not None) == (tried, tried)
    assert (RELAY not in record["left"]) == tried
