"""standpipe uplink status: what a running uplink says, in words and as JSON; and one that does not run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sp_cli import Board, Said

from agent.runtime import status

Standpipe = Callable[..., Said]
TOLD: dict[str, Any] = {
    "state": "connected",
    "broker": "mqtt://127.0.0.1:1",
    "queue": {
        "alarm": {"rows": 0, "bytes": 0, "oldest_s": 0},
        "status": {"rows": 1200, "bytes": 300_000, "oldest_s": 7200},
    },
    "files": {"state": "sending", "pending": 3, "pending_bytes": 5_000_000},
    "rate_kbit_s": 64,
    "rtt_ms": 600,
    "last_refusal": "rows: Quota exceeded",
}


def test_what_waits_how_fast_it_goes_and_what_was_refused(board: Board, standpipe: Standpipe) -> None:
    status.write(board.paths, "uplink", TOLD)
    said = standpipe("uplink", "status")
    assert said.code == 0
    for word in ("connected", "1200", "2 h", "3 wait", "64 kbit/s", "600 ms", "Quota exceeded"):
        assert word in said.out, said.out
    found = json.loads(standpipe("uplink", "status", "--json").out)
    assert found["lanes"]["status"] == {"rows": 1200, "bytes": 300_000, "oldest_s": 7200}
    assert (found["state"], found["rtt_ms"], found["files"]["pending"]) == ("connected", 600, 3)


def test_a_login_page_is_named(board: Board, standpipe: Standpipe) -> None:
    status.write(board.paths, "uplink", {**TOLD, "state": "captive-portal", "reason": "a web server answers"})
    said = standpipe("uplink", "status")
    assert said.code == 1
    assert "login page" in said.out


def test_one_that_does_not_run(board: Board, standpipe: Standpipe) -> None:
    said = standpipe("uplink", "status")
    assert said.code == 1
    assert "not running" in said.out
    assert json.loads(standpipe("uplink", "status", "--json").out)["lanes"] == {"alarm": None, "status": None}
