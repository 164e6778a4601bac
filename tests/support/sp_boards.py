"""Many boards in one process: each a session of its own, its rows by the real Delivery and Feed, from memory.

Usage: python sp_boards.py PORTS BOARDS ROWS SEED EVERY_S: each of BOARDS boards sends ROWS rows, half of them as
backlog, the rest as they happen, one each EVERY_S on average; now and then one loses its connection,
or is killed, and comes back by the next of PORTS (with commas between). When the collector
has acknowledged all of them it prints one JSON line: {"boards", "rows", "sent", "alarm_s", "epochs", "seconds"}. sent
counts rows that went out, again ones too; alarm_s is how long live alarms took to be acknowledged (median, worst).
"""

# ruff: noqa: E402 - run as a program it finds the checkout first

from __future__ import annotations

import json
import random
import select
import statistics
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from sp_collect import Link, chain, new_epoch

from agent.core import lane as lane_module
from agent.core.chain import Row, first_hash
from agent.core.delivery import Delivery, Want
from agent.core.wire import Presence, Topics, parse_ack, presence_payload
from agent.uplink.feed import Feed, Parcel

WINDOW = 20
TURN_S = 0.02
SITES = 10


class Memory:
    """As much of a journal as Feed needs."""

    def __init__(self, links: list[Link], epoch: str) -> None:
        self.links = links
        self.epoch = epoch
        self.head = 0

    def read_chained(self, after: int, lane: str, limit: int) -> list[tuple[Row, bytes]]:
        found: list[tuple[Row, bytes]] = []
        for link in self.links[after : self.head]:
            if link.row.lane == lane:
                found.append((link.row, link.prev_hash))
                if len(found) == limit:
                    break
        return found


class SimulatedBoard:
    """One board. turn() does what there is to do."""

    def __init__(self, number: int, rows: int, every_s: float, ports: list[int], chance: random.Random) -> None:
        self.topics = Topics(f"plant-{number % SITES}", f"board-{number}")
        self.epoch = new_epoch()
        self.journal = Memory(chain(rows, self.epoch), self.epoch)
        self.journal.head = rows // 2
        self.delivery = Delivery({}, chance.random, window=WINDOW)
        self.feed = Feed(self.journal, self.topics.site, self.topics.board)  # type: ignore[arg-type]
        self.sent = 0
        self.happened: OrderedDict[int, float] = OrderedDict()  # live alarms not yet acknowledged
        self.took_s: list[float] = []
        self._kept: dict[str, int] = {}
        self._every_s = every_s
        self._ports = ports[number % len(ports) :] + ports[: number % len(ports)]
        self._chance = chance
        self._lost = True
        self._next_row_s = 0.0
        self._again_s = 0.0
        self.client: paho.Client | None = None

    @property
    def done(self) -> bool:
        rows = self.journal.links
        ends = {lane: max(link.row.seq for link in rows if link.row.lane == lane) for lane in ("alarm", "status")}
        cursors = self.delivery.cursors()
        return self.journal.head == len(rows) and all(cursors[lane] >= end for lane, end in ends.items())

    def turn(self, now_s: float) -> None:
        if self.journal.head < len(self.journal.links) and now_s >= self._next_row_s:
            self._happen(now_s)
        if self._lost:
            if now_s >= self._again_s:
                self._connect(now_s)
            return
        assert self.client is not None
        self.client.loop_misc()
        self.delivery.expire(now_s)
        while not self._lost and (want := self.delivery.want(now_s)) is not None:
            self._send(want, now_s)

    def _happen(self, now_s: float) -> None:
        row = self.journal.links[self.journal.head].row
        self.journal.head += 1
        self.delivery.seen(self.journal.head)
        self._next_row_s = now_s + self._chance.uniform(0, 2 * self._every_s)
        if row.lane == "alarm":
            self.happened[row.seq] = now_s

    # --- the session ---

    def _connect(self, now_s: float) -> None:
        self._again_s = now_s + self._chance.uniform(0.2, 1.5)
        name = f"{self.topics.site}-{self.topics.board}"
        self.client = client = paho.Client(CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5)
        client.max_inflight_messages = 1000
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.will_set(self.topics.of("presence"), presence_payload(Presence("offline", self.epoch)), 1, True)
        try:
            client.connect("127.0.0.1", self._ports[0], 60, clean_start=True)
        except OSError:
            self._ports.append(self._ports.pop(0))
            return
        self._lost = False

    def cut(self) -> None:
        """The link goes, without a goodbye; now and then the board with it, and it starts from marks it once had."""
        sock: Any = self.client.socket() if self.client and not self._lost else None
        if sock is not None:
            sock.close()
            self._over()
        if self._chance.random() < 0.2:
            self.delivery = Delivery(self._kept, self._chance.random, window=WINDOW)
        self._kept = self.delivery.cursors()

    def _over(self) -> None:
        self._lost = True
        self.delivery.offline()
        self.feed.forget()

    def _on_connect(self, client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            return
        client.subscribe(self.topics.of("ack"), 1)
        head = self.journal.head
        birth = Presence("online", self.epoch, head, self.journal.links[head - 1].row.hash.hex(), "synced", boot="b")
        self.delivery.online(head, 65535, 1 << 20)
        info = client.publish(self.topics.of("presence"), presence_payload(birth), 1, retain=True)
        self.delivery.occupied(info.mid)

    def _on_disconnect(self, *_: Any) -> None:
        if not self._lost:
            self._over()

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        self.delivery.published(mid, reason.value, time.monotonic())

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        ack = parse_ack(message.payload)
        if ack.epoch != self.epoch:
            return
        conflicts = self.delivery.acknowledged(ack, self._hash_of)
        assert not conflicts, f"{self.topics.base}: {conflicts}"
        assert not ack.conflicts, f"{self.topics.base}: {ack.conflicts}"
        mark, now_s = ack.lanes["alarm"], time.monotonic()
        for seq in list(self.happened):
            if seq <= mark.upto or any(first <= seq <= last for first, last in mark.ranges):
                self.took_s.append(now_s - self.happened.pop(seq))

    def _hash_of(self, lane: str, seq: int) -> str | None:
        if seq == 0:
            return first_hash(self.epoch).hex()
        row = self.journal.links[seq - 1].row if seq <= self.journal.head else None
        return row.hash.hex() if row is not None and row.lane == lane else None

    # --- rows ---

    def _send(self, want: Want, now_s: float) -> None:
        if not want.live:
            parcel = self.feed.backlog(want)
            parcels = [parcel] if parcel else []
        elif (live := self.feed.live(want)) is None:
            return self.delivery.overrun(want)
        else:
            parcels = live
        if not parcels:
            return self.delivery.nothing(want)
        for one in parcels:
            self._publish(want, one, now_s)
        return None

    def _publish(self, want: Want, parcel: Parcel, now_s: float) -> None:
        assert self.client is not None
        properties = Properties(PacketTypes.PUBLISH)
        if parcel.encoding:
            properties.UserProperty = [("content-encoding", parcel.encoding)]
        leaf = "event" if want.live else "replay"
        info = self.client.publish(self.topics.of(leaf), parcel.payload, 1, properties=properties)
        self.delivery.handed(info.mid, want, parcel.span, parcel.rows, len(parcel.payload), now_s)
        self.sent += parcel.rows


class Boards:
    """All of them, in one thread."""

    def __init__(self, ports: list[int], count: int, rows: int, every_s: float, chance: random.Random) -> None:
        self.all = [SimulatedBoard(number, rows, every_s, ports, chance) for number in range(count)]
        self._chance = chance

    def run(self, patience_s: float) -> None:
        """Until every row of every board is acknowledged. TimeoutError naming some that are not."""
        end = time.monotonic() + patience_s
        left = list(self.all)
        while left:
            now_s = time.monotonic()
            if now_s > end:
                some = [(board.topics.base, board.delivery.cursors(), board.journal.head) for board in left[:5]]
                raise TimeoutError(f"{len(left)} boards not delivered: {some}")
            for board in left:
                board.turn(now_s)
            if self._chance.random() < 0.1:
                self._chance.choice(left).cut()
            self._wire()
            left = [board for board in left if not board.done]

    def _wire(self) -> None:
        """Read and write what the sockets have, for a moment."""
        poll, by_fd = select.poll(), {}
        for board in self.all:
            sock: Any = board.client.socket() if board.client else None
            if sock is not None and sock.fileno() >= 0:
                assert board.client is not None
                by_fd[sock.fileno()] = board.client
                poll.register(sock, select.POLLIN | (select.POLLOUT if board.client.want_write() else 0))
        for fd, event in poll.poll(TURN_S * 1000):
            if event & (select.POLLIN | select.POLLHUP | select.POLLERR):
                by_fd[fd].loop_read()
            if event & select.POLLOUT and by_fd[fd].socket() is not None:
                by_fd[fd].loop_write()


def main() -> None:
    ports = [int(port) for port in sys.argv[1].split(",")]
    count, rows, seed = map(int, sys.argv[2:5])
    lane_module.RETRY_S = 1.0
    start = time.monotonic()
    boards = Boards(ports, count, rows, float(sys.argv[5]), random.Random(seed))
    print("ready", flush=True)
    boards.run(3000)
    took = [took_s for board in boards.all for took_s in board.took_s]
    told = {
        "boards": count,
        "rows": count * rows,
        "sent": sum(board.sent for board in boards.all),
        "alarm_s": [round(statistics.median(took), 3), round(max(took), 3)] if took else [],
        "epochs": {f"{board.topics.site}/{board.topics.board}": board.epoch for board in boards.all},
        "seconds": round(time.monotonic() - start, 1),
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
