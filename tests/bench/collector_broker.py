"""Rows a second by the real way: mosquitto, then `standpipe collect` as a process, until all are acknowledged.

live: one row a message; replay: batches of a drain; 40 boards by turns. apart: live, of 2,000 boards by turns, so that
each row of a commit is another board's, proven and acknowledged by itself: the worst there is. Each board's first
message goes before the measuring. Reference, same run: a subscriber of paho's that counts the messages, stores nothing
and answers nobody. The value is rows for each second of the collector's own processor time, which is what a core takes;
wall_rows_s is this machine's. Usage: collector_broker.py [--long] (ten times more).
"""

# ruff: noqa: E402 - a bench is run by its path and finds its helpers first

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2])]

import paho.mqtt.client as paho
import psycopg
import sp_bench
from paho.mqtt.enums import CallbackAPIVersion
from sp_broker import Broker
from sp_collect import Collect, Link, chain, new_epoch
from sp_postgres import Postgres

from agent.core import wire
from agent.core.wire import parse_ack

BOARDS, BOARDS_APART = 40, 2000
BATCH_ROWS = 80
ROWS_A_S = 10_000
TICK_S = 1 / os.sysconf("SC_CLK_TCK")

COUNT = """
import sys, paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
left = int(sys.argv[2])
client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
def came(*_):
    global left
    left -= 1
    if not left: client.disconnect()
client.on_message = came
client.on_connect = lambda c, *_: c.subscribe("standpipe/#", 1)
client.on_subscribe = lambda *_: print("ready", flush=True)
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_forever()
print(__import__("time").process_time(), flush=True)
"""


def messages(rows: int, boards: int, *, live: bool) -> tuple[list[tuple[str, bytes]], dict[str, tuple[str, int]]]:
    """(topic, payload) of all boards by turns, and epoch -> (board, the last row of the alarm lane)."""
    made: list[list[tuple[str, bytes]]] = []
    ends = {}
    for number in range(boards):
        epoch, board = new_epoch(), f"board-{number}"
        links = chain(rows // boards, epoch)
        ends[epoch] = (board, max(link.row.seq for link in links if link.row.lane == "alarm"))
        step = 1 if live else BATCH_ROWS
        leaf = "event" if live else "replay"
        parts = [links[first : first + step] for first in range(0, len(links), step)]
        made.append([(f"standpipe/bench/{board}/{leaf}", _payload(epoch, board, part, live)) for part in parts])
    return [message for turn in zip(*made, strict=True) for message in turn], ends


def _payload(epoch: str, board: str, links: list[Link], live: bool) -> bytes:
    events = [wire.row_event("bench", board, epoch, row, prev, live=live) for row, prev in links]
    return events[0].encode() if live else wire.batch(events)


class Sender:
    """Publishes QoS 1 with a window, and hears the acks."""

    def __init__(self, port: int) -> None:
        self.left: dict[str, tuple[str, int]] = {}
        self.heard: set[str] = set()  # epochs acknowledged at all
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.max_inflight_messages_set(200)
        self.client.max_queued_messages_set(0)
        self.client.on_message = self._acked
        self.client.connect("127.0.0.1", port)
        self.client.subscribe("standpipe/+/+/ack", 1)
        self.client.loop_start()

    def _acked(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        ack = parse_ack(message.payload)
        self.heard.add(ack.epoch)
        if ack.epoch in self.left and ack.lanes["alarm"].upto >= self.left[ack.epoch][1]:
            del self.left[ack.epoch]

    def send(self, all_: list[tuple[str, bytes]]) -> None:
        for number, (topic, payload) in enumerate(all_):
            info = self.client.publish(topic, payload, 1)
            if number % 100 == 99:
                info.wait_for_publish(60)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def database_cpu_s(server: Postgres) -> float:
    """Of the server's children that have ended, the collector's among them."""
    with psycopg.connect(server.url()) as db:
        ask = "select count(*) from pg_stat_activity where application_name = 'standpipe collect'"
        while db.execute(ask).fetchone() != (0,):
            time.sleep(0.01)
            db.rollback()
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) * TICK_S


def counted(port: int, all_: list[tuple[str, bytes]]) -> float:
    """Processor seconds of the reference."""
    command = [sys.executable, "-c", COUNT, str(port), str(len(all_))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as counter:
        assert counter.stdout is not None
        assert counter.stdout.readline() == "ready\n"
        sender = Sender(port)
        sender.send(all_)
        seconds = float(counter.stdout.readline())
        sender.close()
    return seconds


def collected(
    port: int, pid: int, all_: list[tuple[str, bytes]], ends: dict[str, tuple[str, int]]
) -> tuple[float, float]:
    """(processor, wall) seconds of the collector until every row is acknowledged."""
    sender = Sender(port)
    sender.left = dict(ends)
    sender.send(all_[: len(ends)])
    end = time.monotonic() + 300
    while len(sender.heard) < len(ends):
        assert time.monotonic() < end, "not every board was heard"
        time.sleep(0.005)
    busy, start = cpu_s(pid), time.perf_counter()
    sender.send(all_[len(ends) :])
    while sender.left:
        assert time.monotonic() < end, f"{len(sender.left)} boards not acknowledged"
        time.sleep(0.005)
    busy, wall = cpu_s(pid) - busy, time.perf_counter() - start
    sender.close()
    return busy, wall


def measure(rows: int, *, postgres: bool, live: bool, boards: int = BOARDS) -> None:
    all_, ends = messages(rows, boards, live=live)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=Path.cwd())))
        limits = {"max_queued_messages": 0, "max_inflight_messages": 0}
        broker = stack.enter_context(Broker(folder / "broker", options=limits))
        server = stack.enter_context(Postgres()) if postgres else None
        url = server.fresh() if server else ""
        options = ("--files", str(folder / "files")) if postgres else ()
        with Collect(broker.url, folder / "store", *options, to=url) as collect:
            assert collect.process is not None
            busy, wall = collected(broker.port, collect.process.pid, all_, ends)
        database_s = database_cpu_s(server) if server else 0.0
        reference = counted(broker.port, all_)
    measured = rows * (len(all_) - boards) // len(all_)
    rate = measured / busy
    kind = "apart" if boards > BOARDS else "live" if live else "replay"
    name = f"collector, {'PostgreSQL' if postgres else 'SQLite'}, {kind}"
    more = {"rows": rows, "messages": len(all_), "cpu_s": round(busy, 2), "wall_rows_s": round(measured / wall)}
    more["cpu_s_a_10000"] = round(10_000 / rate, 3)
    if postgres:
        more["database_cpu_s"] = round(database_s, 2)
    sp_bench.report(name, "rows/cpu s", rate, rows / reference, f">= {ROWS_A_S} rows/s", rate >= ROWS_A_S, **more)


def main() -> None:
    times = 10 if sp_bench.long_wanted() else 1
    for postgres in (False, True):
        measure(16_000 * times, postgres=postgres, live=True)
        measure(32_000 * times, postgres=postgres, live=False)
        measure(20_000 * times, postgres=postgres, live=True, boards=BOARDS_APART)


if __name__ == "__main__":
    main()
