"""Every input of the collector, mangled: it never ends, never stores what does not hold, and serves the others.

The collector takes the messages as they would come from the broker, in its own process and with a real store. Among
them a good board sends its rows and a file; afterwards every one of them is there, and nothing that is not a row.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sp_collect import Link, chain, new_epoch
from sp_postgres import Postgres

from agent.collector.collector import Collector
from agent.collector.link import Broker, Message
from agent.collector.metrics import Metrics
from agent.collector.report import report
from agent.collector.stores import Where
from agent.core import wire
from agent.core.chain import canonical_row, next_hash, row_from_canonical
from agent.core.filewire import Info, init_payload
from agent.core.transfer import chunk_step, fin_step

COMMIT_EVERY = 400
GOOD_EVERY = 40
STRANGE: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e308, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**400, "", "\0", "\ud800",
    "😀", "../..", "a" * 300, "Infinity", "1e9", "0x10", " 12", "١٢", [], {}, [[]], [None], {"": None}, {"a": {}},
    "online", "alarm", "status", "'; drop table row; --", "%s", "?", "\\u0000", "plant-3", "pump-house",
]  # fmt: skip
BYTES = [b"", b"\0", b"[" * 5000, b"{" * 50, b'"', b"\xff\xfe\x00", b"\xed\xa0\x80", b"NaN", b"-Infinity", b"1e999"]


class Fuzzer:
    """Messages that begin as good ones."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._epochs = [new_epoch() for _ in range(3)]
        self._chains = {epoch: chain(60, epoch) for epoch in self._epochs}
        self._data = chance.randbytes(3000)
        self._sha = hashlib.sha256(self._data).hexdigest()

    def message(self) -> Message:
        """One message, mostly mangled in one or two ways."""
        leaf, payload = self._chance.choice((self._event, self._event, self._replay, self._presence, self._file))()
        site, board = self._chance.choice((("plant-3", "liar"), ("plant-3", f"b{self._chance.randrange(30)}")))
        topic = f"standpipe/{site}/{board}/{leaf}"
        encoding = ""
        how = self._chance.randrange(10)
        if how < 4:
            payload = self._bent(payload)
        elif how < 8:
            payload = self._twisted(payload)
        elif how == 8:
            payload, encoding = self._packed(payload), self._chance.choice(("gzip", "zip"))
        if self._chance.random() < 0.05:
            topic = self._other_topic(topic)
        return Message(topic, payload, encoding)

    # --- as a board would send them ---

    def _row(self) -> tuple[str, Link]:
        epoch = self._chance.choice(self._epochs)
        link = self._chance.choice(self._chains[epoch])
        if self._chance.random() < 0.3:  # a board that signs what it likes: the hash fits, the row does not belong
            row = self._odd(link.row)
            link = Link(row._replace(hash=next_hash(link.prev_hash, canonical_row(row))), link.prev_hash)
        return epoch, link

    def _odd(self, row: Any) -> Any:
        field = self._chance.choice(("seq", "at_ns", "lane", "lane_prev", "kind", "source", "data", "mono_ns"))
        numbers = (0, 1, 2, 59, 61, 10**6, 2**62, 2**63 - 1, 2**63, -1, -(2**63))
        gap = {"of_lane": "status", "from_seq": self._chance.choice(numbers), "to_seq": self._chance.choice(numbers)}
        odd: dict[str, Any] = {
            "lane": self._chance.choice(("alarm", "status", "none")),
            "kind": self._chance.choice(("gap", "x\0y", "k" * 5000, "\ud800", "")),
            "source": self._chance.choice(("s\0", "", "水" * 3000)),
            "data": json.dumps(gap, separators=(",", ":"), sort_keys=True),
        }
        value = odd.get(field, self._chance.choice(numbers))
        changed = row._replace(**{field: value})
        try:
            canonical_row(changed)
        except UnicodeError:
            return row
        return changed._replace(kind="gap") if field == "data" else changed

    def _events(self, count: int) -> list[str]:
        texts = []
        for _ in range(count):
            epoch, link = self._row()
            texts.append(wire.row_event("plant-3", "liar", epoch, *link, live=self._chance.random() < 0.5))
        return texts

    def _event(self) -> tuple[str, bytes]:
        return "event", self._events(1)[0].encode(errors="replace")

    def _replay(self) -> tuple[str, bytes]:
        return "replay", f"[{','.join(self._events(self._chance.randrange(1, 6)))}]".encode(errors="replace")

    def _presence(self) -> tuple[str, bytes]:
        state = self._chance.choice(("online", "offline"))
        presence = wire.Presence(state, self._chance.choice(self._epochs), 60, "ab" * 32, "synced", 1, "1", "b")
        return "presence", wire.presence_payload(presence)

    def _file(self) -> tuple[str, bytes]:
        fid = self._chance.choice(("f-1", "f-2", "..", "", "x" * 70))
        start = self._chance.choice((0, 1000, 2000, 2**40, -1))
        part = self._data[start : start + 1000] if 0 <= start < 3000 else b"abc"
        steps = {
            "init": init_payload(Info("clip.mp4", len(self._data), self._sha, {"event": "e"})),
            chunk_step(start, hashlib.sha256(part).hexdigest()): part,
            str(start): part,
            fin_step(len(self._data), self._sha): b"",
            "abort": b"",
            "stat": b"",
            "what": b"",
        }
        step = self._chance.choice(list(steps))
        return f"file/{fid}/{step}", steps[step]

    # --- mangled ---

    def _bent(self, payload: bytes) -> bytes:
        """Bytes changed, cut, doubled."""
        bent = bytearray(payload or b"{}")
        at = self._chance.randrange(len(bent))
        how = self._chance.randrange(5)
        if how == 0:
            bent[at] = self._chance.randrange(256)
        elif how == 1:
            del bent[at:]
        elif how == 2:
            bent[at:at] = self._chance.choice(BYTES)
        elif how == 3:
            del bent[at : at + self._chance.randrange(1, 30)]
        else:
            bent += bent[at:]
        return bytes(bent)

    def _twisted(self, payload: bytes) -> bytes:
        """Still JSON, but another value in one place, or a name more or less."""
        try:
            value = json.loads(payload)
        except ValueError:
            return self._chance.choice(BYTES)
        self._twist(value)
        return json.dumps(value, ensure_ascii=self._chance.random() < 0.5).encode(errors="surrogatepass")

    def _twist(self, value: Any) -> None:
        while isinstance(value, (dict, list)) and value:
            key = self._chance.choice(list(value)) if isinstance(value, dict) else self._chance.randrange(len(value))
            if isinstance(value[key], (dict, list)) and value[key] and self._chance.random() < 0.7:
                value = value[key]
                continue
            if isinstance(value, dict) and self._chance.random() < 0.2:
                del value[key]
            else:
                value[key] = self._chance.choice(STRANGE)
            return

    def _packed(self, payload: bytes) -> bytes:
        packed = gzip.compress(payload, 1)
        return self._chance.choice((packed, packed[:-4], packed + packed, gzip.compress(b"\0" * 300_000), b"\x1f\x8b"))

    def _other_topic(self, topic: str) -> str:
        parts = topic.split("/")
        parts[self._chance.randrange(len(parts))] = self._chance.choice(("", "..", "A", "\0", "é", "x" * 300, "$share"))
        return "/".join(parts) + self._chance.choice(("", "/", "/more"))


class Desk:
    """A collector without a broker; `failures` are the times it could not store."""

    def __init__(self, where: Where) -> None:
        self.where = where
        self.store = where.open()
        at = Broker("127.0.0.1", 1)
        self.collector = Collector(at, self.store, where.shelf(self.store), [], metrics=Metrics(where))
        self.failures: list[str] = []
        self.collector._quiet.say = self._say  # type: ignore[method-assign]

    def _say(self, sort: str, _level: int, text: str, *values: object) -> None:
        if sort == "store":
            self.failures.append(text % values)

    def take(self, message: Message) -> None:
        self.collector._take(message)

    def commit(self) -> None:
        self.collector._save()
        self.collector._replies.clear()
        self.collector._to_ack.clear()


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    logging.getLogger("agent").setLevel(logging.CRITICAL)  # a million lines
    if request.param == "sqlite":
        made = Desk(Where(str(tmp_path / "store")))
        yield made
        made.collector.close()
    else:
        with Postgres() as server:
            made = Desk(Where(server.fresh(), str(tmp_path / "files")))
            yield made
            made.collector.close()
    logging.getLogger("agent").setLevel(logging.NOTSET)


@pytest.mark.timeout(3600)
def test_mangled_messages_stop_nothing_and_become_nothing(desk: Desk, rounds: Callable[[int, int], int]) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    fuzzer, epoch = Fuzzer(random.Random(seed)), new_epoch()
    cases = rounds(2_500, 500_000)  # a million over both kinds of store
    good = chain(-(-cases // GOOD_EVERY), epoch)
    for number in range(cases):
        desk.take(fuzzer.message())
        if number % GOOD_EVERY == 0:
            link = good[number // GOOD_EVERY]
            event = wire.row_event("plant-3", "good", epoch, *link, live=True)
            desk.take(Message("standpipe/plant-3/good/event", event.encode(), ""))
        if number % COMMIT_EVERY == 0:
            desk.commit()
    desk.commit()
    while desk.collector._files.busy:
        desk.commit()
    assert desk.failures == []
    _only_rows_that_hold(desk)
    (told,) = report(desk.where, "plant-3/good")["boards"]
    (found,) = told["epochs"]
    assert (found["rows"], found["missing"], found["chain"]["whole"], told["refused"]) == (len(good), [], True, 0)


def _only_rows_that_hold(desk: Desk) -> None:
    """What is stored is what its hash says, in a lane, with the mark on a row that is there."""
    refused = report(desk.where)["totals"]["refused"]
    assert refused > 100, "the fuzzer must have been refused often"
    last = (0, 0)
    while page := desk.store.execute(
        'select epoch, seq, text, hash, prev_hash, kind, lane from "row" where (epoch, seq) > (?, ?)'
        " order by epoch, seq limit 1000",
        last,
    ):
        for _, seq, text, hash_, prev_hash, kind, lane in page:
            row = row_from_canonical(text, hash_)
            assert (row.seq, row.kind, row.lane) == (seq, kind, lane)
            assert next_hash(prev_hash, text.encode()) == hash_
        last = page[-1][:2]
    marks = desk.store.execute(
        'select count(*) from lane l where upto > 0 and not exists (select 1 from "row" r where r.epoch = l.epoch'
        " and r.seq = l.upto and r.lane = l.lane and r.hash = l.hash)"
    )
    assert marks == [(0,)]
