"""GET /metrics of a running collector, read by a parser of Prometheus' text; and boards that lie in their state."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from sp_broker import Broker
from sp_collect import BOARD, SITE, Board, Collect, batches, chain, new_epoch, wait_until, wire_row
from sp_ports import free_port

from agent.collector.batch import Batch
from agent.collector.books import Boards
from agent.collector.ledger import Ledger
from agent.collector.metrics import Metrics
from agent.collector.sqlite_store import SqliteStore as Store
from agent.collector.stores import Where
from agent.core.wire import Presence

SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>[^}]*)\})? (?P<value>-?\d+(?:\.\d+)?)\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def parsed(text: str) -> dict[tuple[str, str], float]:
    """(name, board) -> value; AssertionError for a line that is not of the format, or a family without its type."""
    found: dict[tuple[str, str], float] = {}
    types: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, type_ = line.split(" ")[2:]
            types[name] = type_
        elif not line.startswith("#"):
            match = SAMPLE.match(line)
            assert match, line
            labels = dict(LABEL.findall(match["labels"] or ""))
            assert types[match["name"]] in ("gauge", "counter")
            found[match["name"].removeprefix("standpipe_"), labels["board"]] = float(match["value"])
    return found


def asked(port: int, path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        assert path != "/metrics" or answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return str(answer.read().decode())


def test_a_running_collector_tells_what_it_has_and_how_the_links_are(tmp_path: Path) -> None:
    port = free_port()
    with (
        Broker(tmp_path / "broker") as broker,
        Collect(broker.url, tmp_path / "store", "--metrics", f"127.0.0.1:{port}"),
        Board(broker.port) as board,
    ):
        epoch = new_epoch()
        board.birth(epoch, 20)
        for payload in batches(epoch, chain(20, epoch)):
            board.publish("replay", payload)
        state = {
            "queue_rows": 7,
            "queue_bytes": 900,
            "oldest_s": 60,
            "rate_kbit_s": 64,
            "free_days": None,
            "clips": "x",
        }
        board.publish("state/uplink", json.dumps(state).encode(), retain=True)
        name = board.topics.board
        wait_until(lambda: parsed(asked(port)).get(("rows_total", name)) == 20, "the rows are counted")
        wait_until(lambda: ("uplink_queue_rows", name) in parsed(asked(port)), "the uplink's state is told")
        found = parsed(asked(port))
        assert found["board_up", name] == 1
        assert found["uplink_queue_rows", name] == 7
        assert found["uplink_rate_kbit_per_second", name] == 64
        assert found["chains_broken", name] == 0
        assert ("uplink_clips", name) not in found, "not a number: not told"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            asked(port, "/else")


def test_counters_go_on_where_a_board_begins_a_new_journal(where: Where) -> None:
    """A journal that was damaged is followed by another epoch: what was counted of the first stays counted."""
    store, old, new = where.open(), new_epoch(), new_epoch()
    ledger = Ledger(store, Boards(store))
    ours, theirs = chain(30, old), chain(30, old, salt="!")
    for epoch, links in ((old, ours[:20]), (old, ours[10:20]), (old, theirs[4:6]), (new, chain(12, new))):
        batch = Batch()
        batch.of(SITE, BOARD).rows.extend(wire_row(epoch, link) for link in links)
        batch.of(SITE, BOARD).presences.append(Presence("online", epoch, len(links)))
        store.begin()
        ledger.store(batch)
        store.commit()
    found = parsed(Metrics(where).text())
    told = {name: value for (name, board), value in found.items() if board == BOARD}
    assert told.pop("board_seen_seconds") > 1.7e9
    assert told == {
        "board_up": 1,
        "board_head": 12,
        "refused_total": 0,
        "rows_total": 32,
        "doubles_total": 10,
        "chains_broken": 0,
        "gaps_total": 0,
        "conflicts_total": 2,
        "files_complete_total": 0,
        "files_partial": 0,
    }
    store.close()


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[1]", b"[" * 10_000, b'{"queue_rows": 1e999}', b'{"queue_rows": true}']
)
def test_a_state_that_makes_no_sense_tells_nothing(tmp_path: Path, payload: bytes) -> None:
    Store(tmp_path / "store").close()
    metrics = Metrics(tmp_path / "store")
    metrics.told('si"te', "bo\\ard", payload)
    assert "queue_rows" not in metrics.text()


def test_labels_are_escaped(tmp_path: Path) -> None:
    Store(tmp_path / "store").close()
    metrics = Metrics(tmp_path / "store")
    metrics.told('si"te', "bo\\ard\n", b'{"queue_rows": 3}')
    assert r'standpipe_uplink_queue_rows{site="si\"te",board="bo\\ard\n"} 3' in metrics.text().splitlines()
