"""Figures for a monitoring system: `standpipe collect --metrics HOST:PORT` answers GET /metrics in Prometheus' text.

Rules of this file:
- what is stored is read from the store at each request, by a connection of its own that never writes;
- what boards say of their uplink comes with their retained `state/uplink`; only whole numbers of it are believed;
- one request at a time, each within a few seconds: who asks too often waits, the collector does not.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from agent.collector.store import Reader, StoreError
from agent.collector.stores import Where, at
from agent.core.promtext import CONTENT_TYPE, Family, text

log = logging.getLogger(__name__)

BOARDS_MOST = 10_000
STATE_BYTES_MOST = 64 * 1024
REQUEST_S = 5.0
STATE_TOPIC = "state/uplink"

_EPOCHS = "board b join epoch e on e.board = b.id"
# name, type, help, and SQL: of what, from where
STORED = (
    (
        "board_up",
        "gauge",
        "1 while the board's session with the broker stands",
        "max(case when b.state = 'online' then 1 else 0 end)",
        "board b",
    ),
    ("board_seen_seconds", "gauge", "UTC of the board's last presence", "max(b.seen_ns) / 1000000000", "board b"),
    ("board_head", "gauge", "end of the board's chain at its last presence", "max(b.head_seq)", "board b"),
    ("refused_total", "counter", "messages of the board that were not understood", "max(b.refused)", "board b"),
    ("rows_total", "counter", "rows stored", "cast(sum(e.rows) as bigint)", _EPOCHS),
    (
        "doubles_total",
        "counter",
        "rows that came again and were stored once",
        "cast(sum(e.doubles) as bigint)",
        _EPOCHS,
    ),
    (
        "chains_broken",
        "gauge",
        "epochs whose chain does not hold",
        "sum(case when e.broken_at > 0 then 1 else 0 end)",
        _EPOCHS,
    ),
    (
        "gaps_total",
        "counter",
        "stretches of rows that the board gave up",
        "count(g.seq)",
        f"{_EPOCHS} left join given_up g on g.epoch = e.id",
    ),
    (
        "conflicts_total",
        "counter",
        "rows under numbers that other rows have",
        "count(c.seq)",
        f"{_EPOCHS} left join conflict c on c.epoch = e.id",
    ),
    (
        "files_complete_total",
        "counter",
        "files stored and proven",
        "sum(case when f.done_ns > 0 then 1 else 0 end)",
        "board b left join file f on f.board = b.id",
    ),
    (
        "files_partial",
        "gauge",
        "files of which a part has come",
        "sum(case when f.done_ns = 0 then 1 else 0 end)",
        "board b left join file f on f.board = b.id",
    ),
)
# name, help, key of the retained state
TOLD = (
    ("uplink_queue_rows", "rows at the board that are not yet delivered", "queue_rows"),
    ("uplink_queue_bytes", "bytes of these rows", "queue_bytes"),
    ("uplink_oldest_seconds", "age of the oldest of them", "oldest_s"),
    ("uplink_clips", "clips at the board that are not yet delivered", "clips"),
    ("uplink_rate_kbit_per_second", "measured rate of the board's link", "rate_kbit_s"),
    ("uplink_rtt_milliseconds", "time until a message is confirmed", "rtt_ms"),
    ("board_free_megabytes", "free space of the board's disk", "free_mb"),
    ("board_free_days", "days until recording has filled it", "free_days"),
)


class Metrics:
    """Figures of one store. `told` may be called from another thread than the one that serves."""

    def __init__(self, store: Where | Path) -> None:
        self._where = at(store)
        self._told: dict[tuple[str, str], dict[str, Any]] = {}

    def told(self, site: str, board: str, payload: bytes) -> None:
        """A board's `state/uplink`. What makes no sense is left out."""
        if len(payload) > STATE_BYTES_MOST or (len(self._told) >= BOARDS_MOST and (site, board) not in self._told):
            return
        with contextlib.suppress(ValueError, RecursionError):
            said = json.loads(payload) if payload else {}
            if isinstance(said, dict):
                self._told[site, board] = {key: said[key] for _, _, key in TOLD if type(said.get(key)) is int}

    def text(self) -> str:
        """All figures now. Raises StoreError if the store cannot be read."""
        with contextlib.closing(self._where.open_to_read()) as db:
            stored = [_stored(db, *one) for one in STORED]
        return text([*stored, *self._families()])

    def _families(self) -> Iterable[Family]:
        boards = list(self._told.items())
        for name, meaning, key in TOLD:
            samples = [({"site": site, "board": board}, said[key]) for (site, board), said in boards if key in said]
            yield Family(f"standpipe_{name}", "gauge", meaning, samples)

    def serve(self, host: str, port: int) -> HTTPServer:
        """Answer requests in a thread from now on, until shutdown() of what is returned. OSError: the port is taken."""
        server = HTTPServer((host, port), type("Handler", (_Handler,), {"metrics": self}))
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
        return server


def _stored(db: Reader, name: str, type_: str, meaning: str, what: str, where: str) -> Family:
    found = db.execute(f"select b.site, b.board, {what} from {where} group by b.id order by b.site, b.board")
    samples = [({"site": site, "board": board}, value) for site, board, value in found]
    return Family(f"standpipe_{name}", type_, meaning, samples)


class _Handler(BaseHTTPRequestHandler):
    metrics: Metrics
    timeout = REQUEST_S
    server_version = "standpipe"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            return self._answer(404, "text/plain", "ask for /metrics\n")
        try:
            return self._answer(200, CONTENT_TYPE, self.metrics.text())
        except StoreError as error:
            return self._answer(503, "text/plain", f"the store cannot be read: {error}\n")

    def _answer(self, code: int, content_type: str, said: str) -> None:
        body = said.encode()
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        log.debug(format, *args)
