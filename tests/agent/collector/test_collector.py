"""The collector as a process beside a real mosquitto: rows and files arrive once, strangers stop nothing."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from sp_broker import Broker
from sp_collect import BOARD, SITE, Board, Collect, batches, chain, new_epoch, stored, wait_until
from sp_ports import free_port
from sp_postgres import Postgres
from sp_stub_broker import Stub
from sp_weed import BUCKET, KEY, SECRET, Weed

from agent.collector import link as link_module
from agent.collector.books import Boards, Book
from agent.collector.collector import Collector
from agent.collector.link import Broker as At
from agent.collector.link import Link, LinkError
from agent.collector.report import report
from agent.collector.store import DatabaseError, Store
from agent.collector.stores import Where
from agent.core import wire
from agent.core.chain import first_hash
from agent.core.wire import MESSAGE_BYTES_MAX


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def collect(broker: Broker, tmp_path: Path) -> Iterator[Collect]:
    with Collect(broker.url, tmp_path / "store") as running:
        yield running


@pytest.fixture
def board(broker: Broker) -> Iterator[Board]:
    with Board(broker.port) as connected:
        yield connected


def only_epoch(store: Path) -> dict[str, Any]:
    found: dict[str, Any] = stored(store)
    (board,) = found["boards"]
    (epoch,) = board["epochs"]
    return dict(epoch)


def test_rows_live_and_replayed_are_stored_once_and_acknowledged(collect: Collect, board: Board) -> None:
    epoch = new_epoch()
    links = chain(200, epoch)
    for row, prev in links[195:]:
        board.publish("event", wire.row_event(SITE, BOARD, epoch, row, prev, live=True).encode())
    order = random.Random(1)
    board.send_until_acked(epoch, links, order.shuffle)
    found = only_epoch(collect.store)
    assert (found["rows"], found["missing"], found["chain"]["whole"]) == (200, [], True)
    assert board.garbled == []
    assert collect.stop() == 0


def test_birth_is_answered_at_once_and_by_a_new_collector_too(collect: Collect, board: Board) -> None:
    epoch = new_epoch()
    board.birth(epoch)
    wait_until(lambda: board.acks, "an ack to the birth")
    assert board.acks[-1].lanes["alarm"].hash == first_hash(epoch).hex()
    board.send_until_acked(epoch, chain(50, epoch))
    collect.stop()
    board.acks.clear()
    collect.start()
    wait_until(lambda: board.acks and board.acked(epoch) == set(range(1, 51)), "the presence kept is answered again")


def test_wiped_store_says_that_it_has_nothing(collect: Collect, board: Board) -> None:
    epoch = new_epoch()
    board.birth(epoch)
    links = chain(100, epoch)
    board.send_until_acked(epoch, links)
    collect.kill()
    shutil.rmtree(collect.store)
    board.acks.clear()
    collect.start()
    wait_until(lambda: board.acks, "an ack to the birth")
    assert board.acked(epoch) == set()
    board.send_until_acked(epoch, links)
    assert only_epoch(collect.store)["chain"]["whole"]


def test_without_a_collector_the_broker_says_nobody_listens(broker: Broker, board: Board, tmp_path: Path) -> None:
    with Collect(broker.url, tmp_path / "store") as collect:
        one = board.publish("event", b"{}")
        wait_until(lambda: one in board.codes, "PUBACK")
        assert board.codes[one] == 0
        collect.kill()
    two = board.publish("event", b"{}")
    wait_until(lambda: two in board.codes, "PUBACK")
    assert board.codes[two] == 0x10


def test_broker_that_restarts_is_found_again(collect: Collect, broker: Broker, board: Board) -> None:
    epoch = new_epoch()
    links = chain(60, epoch)
    board.send_until_acked(epoch, links[:30])
    broker.kill()
    wait_until(lambda: "again in" in collect.log, "the loss is told")
    broker.start()
    board.send_until_acked(epoch, links)
    assert only_epoch(collect.store)["rows"] == 60
    assert "Traceback" not in collect.log


def test_gzip_batch(collect: Collect, board: Board) -> None:
    epoch = new_epoch()
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("content-encoding", "gzip")]
    (payload,) = batches(epoch, chain(80, epoch))
    board.client.publish(board.topics.of("replay"), gzip.compress(payload), 1, properties=properties)
    wait_until(lambda: board.acked(epoch) == set(range(1, 81)), "the batch is acknowledged")


def test_conflict_is_answered_and_the_rest_goes_on(collect: Collect, board: Board) -> None:
    epoch = new_epoch()
    ours, theirs = chain(20, epoch), chain(20, epoch, salt="!")
    board.send_until_acked(epoch, ours)
    for payload in batches(epoch, theirs[6:8]):
        board.publish("replay", payload)
    wait_until(lambda: board.acks[-1].conflicts, "the conflict is told")
    assert [seq for seq, _ in board.acks[-1].conflicts] == [7, 8]
    assert 7 not in board.acked(epoch) - {7}
    other = new_epoch()
    board.send_until_acked(other, chain(10, other))
    assert "kept aside" in collect.log


@contextlib.contextmanager
def collecting(broker: Broker, where: Where, prepare: Callable[[Store], None]) -> Iterator[None]:
    """A collector in a thread of this process; `prepare` is told its store."""
    over = threading.Event()

    def run() -> None:
        store = where.open()
        prepare(store)
        Collector(At.from_url(broker.url), store, where.shelf(store), []).run(over.is_set, lambda: None)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(20)


def test_nothing_is_answered_before_it_is_committed(
    broker: Broker, board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uncommitted: list[bool] = []

    def watch(store: Store) -> None:
        def publish(link: Link, topic: str, payload: bytes) -> bool:
            uncommitted.append(store.in_transaction)
            return published(link, topic, payload)

        monkeypatch.setattr(Link, "publish", publish)

    published = Link.publish
    with collecting(broker, Where(str(tmp_path / "store")), watch):
        epoch = new_epoch()
        board.birth(epoch)
        wait_until(lambda: board.acks, "the birth is answered")
        board.send_until_acked(epoch, chain(500, epoch))
        assert board.send_file(b"abc" * 10_000, "clip.mp4").state == "done"
    assert len(uncommitted) > 10
    assert not any(uncommitted)


def test_of_a_transaction_that_failed_halfway_nothing_stays(
    broker: Broker, board: Board, where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows written without their marks would be doubles for ever after, and never acknowledged."""
    full = threading.Event()

    def save(boards: Boards, books: Iterable[Book]) -> None:
        if full.is_set():
            full.clear()
            raise DatabaseError("the disk is full")
        saved(boards, books)

    saved = Boards.save
    monkeypatch.setattr(Boards, "save", save)
    with collecting(broker, where, lambda _: None):
        epoch = new_epoch()
        links = chain(300, epoch)
        board.birth(epoch)
        wait_until(lambda: board.acks, "the birth is answered")
        full.set()
        board.send_until_acked(epoch, links)
    assert not full.is_set()
    (found,) = report(where)["boards"]
    assert [(e["rows"], e["missing"], e["chain"]["upto"]) for e in found["epochs"]] == [(300, [], 300)]


def test_site_filter(broker: Broker, tmp_path: Path) -> None:
    collect = Collect(broker.url, tmp_path / "store", "--site-filter", "plant-9")
    with collect, Board(broker.port, site="plant-9") as ours, Board(broker.port) as other:
        epoch = new_epoch()
        other.birth(epoch)
        ours.birth(epoch)
        wait_until(lambda: ours.acks, "an ack")
        assert other.acks == []


# --- files ---


def test_file_arrives_whole_and_is_not_sent_twice(collect: Collect, board: Board) -> None:
    data = random.Random(3).randbytes(300_001)
    assert board.send_file(data, "clip-1.mp4", 65536).state == "done"
    found: dict[str, Any] = stored(collect.store)
    (file,) = found["boards"][0]["files"]
    assert (collect.store / file["path"]).read_bytes() == data
    published = len(board.responses)
    assert board.send_file(data, "clip-1.mp4", 65536).state == "done"
    assert len(board.responses) - published == 2  # stat and fin


# --- several collectors ---


def test_two_over_postgresql_and_an_object_store(
    broker: Broker, postgres: Postgres, weed: Weed, tmp_path: Path
) -> None:
    secrets, port = tmp_path / "secrets.toml", free_port()
    secrets.write_text(f'[files]\nuser = "{KEY}"\npassword = "{SECRET}"\n')
    secrets.chmod(0o600)
    url, prefix = postgres.fresh(), new_epoch()
    options = ("--files", weed.url(prefix), "--secrets", str(secrets))
    first = Collect(broker.url, tmp_path / "c1", *options, "--metrics", f"127.0.0.1:{port}", to=url)
    second = Collect(broker.url, tmp_path / "c2", *options, to=url)
    epoch, data = new_epoch(), random.Random(6).randbytes(400_000)
    with first, second, Board(broker.port) as board:
        board.birth(epoch)
        board.send_until_acked(epoch, chain(400, epoch))
        assert board.send_file(data, "clip.mp4", 16384).state == "done"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            figures = answer.read().decode()
    for log in (first.log, second.log):
        assert ", sharing as collector" in log
        assert SECRET not in log
    assert f'standpipe_rows_total{{site="{SITE}",board="{BOARD}"}} 400' in figures
    assert f'standpipe_files_complete_total{{site="{SITE}",board="{BOARD}"}} 1' in figures
    told = command("report", "--store", url, *options, "--of", f"{SITE}/{BOARD}", "--json")
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert (found["totals"]["rows"], found["totals"]["chains_whole"]) == (400, True)
    path = found["boards"][0]["files"][0]["path"]
    assert path.startswith(f"s3://{BUCKET}/{prefix}/{SITE}/{BOARD}/")
    assert weed.read(path.removeprefix(f"s3://{BUCKET}/")) == data


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--store", "postgresql://127.0.0.1:1/none", "--files", "x"), "--store"),
        (("--store", "postgresql://127.0.0.1:1/none"), "--files"),
        (("--store", "{store}", "--files", "s3://"), "--files"),
        (("--store", "{store}", "--files", "s3://bucket?endpoint=http://127.0.0.1:1"), "s3://bucket"),
        (("--store", "{store}", "--files", "s3://bucket?endpoint=http://a b/c"), "s3://bucket"),
        (("--store", "{store}", "--share", "a/b"), "--share"),
        (("--store", "{store}", "--files", "/dev/null/x"), "--store"),
    ],
)
def test_mistakes_of_a_central_store_are_one_line(tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    done = command("--broker", "mqtt://127.0.0.1:1", *(word.format(store=tmp_path / "none") for word in options))
    assert done.returncode in (1, 2)
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_group_is_let_in_by_the_access_rules_that_we_ship(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[3] / "provisioning/broker/acl"
    rules, passwords, secrets = tmp_path / "acl", tmp_path / "passwords", tmp_path / "secrets.toml"
    rules.write_text("topic readwrite standpipe/#\n" + shipped.read_text())  # the board of this test has no name
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "collector", "sesame99"], check=True)
    secrets.write_text('[collector]\nuser = "collector"\npassword = "sesame99"\n')
    secrets.chmod(0o600)
    options = {"password_file": passwords, "acl_file": rules}
    epoch = new_epoch()
    with (
        Broker(tmp_path / "broker", options=options) as broker,
        Collect(broker.url, tmp_path / "store", "--secrets", str(secrets), "--share", "all") as collect,
        Board(broker.port) as board,
    ):
        board.birth(epoch)
        board.send_until_acked(epoch, chain(50, epoch))
        assert ", sharing as all" in collect.log


def test_broker_without_shared_subscriptions_gives_everything_to_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """RabbitMQ says so in its answer; paho's callbacks are called as paho would."""
    link = Link(At.from_url("mqtt://127.0.0.1:1"), [], share="collector")
    asked: list[list[str]] = []
    monkeypatch.setattr(link._client, "subscribe", lambda topics: asked.append([topic for topic, _ in topics]))
    link._on_connect(None, None, None, ReasonCode(PacketTypes.CONNACK, "Success"), None)
    assert link.shared
    assert asked[0][:2] == ["standpipe/+/+/presence", "$share/collector/standpipe/+/+/event"]
    no = ReasonCode(PacketTypes.SUBACK, identifier=0x9E)
    link._on_subscribe(None, None, 1, [ReasonCode(PacketTypes.SUBACK, "Granted QoS 1"), no, no, no], None)
    assert not link.shared
    assert asked[1][1] == "standpipe/+/+/event"
    said = Properties(PacketTypes.CONNACK)
    said.SharedSubscriptionAvailable = 0
    link._on_connect(None, None, None, ReasonCode(PacketTypes.CONNACK, "Success"), said)
    assert not link.shared


# --- strangers ---


def test_strange_messages_cost_a_line_and_nothing_else(collect: Collect, broker: Broker, board: Board) -> None:
    epoch = new_epoch()
    links = chain(30, epoch)
    board.send_until_acked(epoch, links[:10])
    good = wire.row_event(SITE, BOARD, epoch, *links[10], live=True)
    _attack(board, good)
    with Board(broker.port, board="x" * 60) as stranger, Board(broker.port, site="other") as elsewhere:
        stranger.publish("event", good.encode())
        elsewhere.publish("event", good.encode())  # a row of plant-3/pump-house
        elsewhere.publish("presence", b'{"state":"online"}', retain=True)
        board.send_until_acked(epoch, links)
    found: dict[str, Any] = stored(collect.store)
    ours = next(b for b in found["boards"] if b["site"] == SITE)
    assert [e["rows"] for e in ours["epochs"]] == [30]
    assert ours["refused"] > 10
    assert found["totals"]["rows"] == 30
    assert "Traceback" not in collect.log
    assert len(collect.log.splitlines()) < 40
    assert max(map(len, collect.log.splitlines())) < 800
    collect.stop()
    collect.start()  # what was retained does not stop a new one either


def _attack(board: Board, good: str) -> None:
    chance = random.Random(5)
    for leaf in ("event", "replay", "presence", "file/f/init", "file/f/0", "file/f/fin/1", "file/../init", "file/f"):
        for payload in (b"", b"\0" * 100, b"[" * 100_000, b"{}", b"[{}]", b"null", b'"x"', b"\xff\xfe", b"1e999"):
            board.publish(leaf, payload)
        for _ in range(20):
            mangled = bytearray(good.encode())
            mangled[chance.randrange(len(mangled))] = chance.randrange(256)
            board.publish(leaf, bytes(mangled))
    board.publish("event", b"x" * (MESSAGE_BYTES_MAX + 500))
    for _ in range(25):  # more than the broker has places in flight
        board.publish("event", b"x" * 1_000_000)
    board.publish("file/f/0/" + "g" * 64, b"x")
    board.publish("file/f/99999999999999999999", b"x")
    bomb = Properties(PacketTypes.PUBLISH)
    bomb.UserProperty = [("x", ""), ("content-encoding", "zip"), ("content-encoding", "gzip")]
    board.client.publish(board.topics.of("replay"), gzip.compress(b"\0" * 50_000_000, 1)[:250_000], 1, properties=bomb)
    gzipped = Properties(PacketTypes.PUBLISH)
    gzipped.UserProperty = [("content-encoding", "gzip")]
    board.client.publish(board.topics.of("replay"), b"not gzip", 1, properties=gzipped)


def test_flood_of_junk_is_told_in_a_few_lines(collect: Collect, board: Board) -> None:
    epoch = new_epoch()
    for _ in range(500):
        board.publish("event", b"junk")
    board.send_until_acked(epoch, chain(5, epoch))
    assert collect.log.count("refused") == 5


# --- the command ---


def command(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent.cli", "collect", *args], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "--store"),
        (("--store", "{store}"), "--broker"),
        (("--store", "{store}", "--broker", "http://x"), "mqtt://HOST"),
        (("--store", "{store}", "--broker", "mqtt://x:port"), "port"),
        (("--store", "/dev/null/x", "--broker", "mqtt://127.0.0.1:1"), "--store"),
        (("report", "--store", "{store}"), "--store"),
    ],
)
def test_mistakes_are_one_line_with_the_next_step(tmp_path: Path, args: tuple[str, ...], says: str) -> None:
    done = command(*(arg.format(store=tmp_path / "none") for arg in args))
    assert done.returncode in (1, 2)
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_password_in_the_address_is_never_shown(tmp_path: Path) -> None:
    collect = Collect("mqtt://user:hunter22@127.0.0.1:1", tmp_path / "store", wait=False)
    with collect:
        wait_until(lambda: "again in" in collect.log, "the refusal is told")
    assert "hunter22" not in collect.log
    assert "127.0.0.1:1" in collect.log


def test_login_and_refusal(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "collector", "sesame99"], check=True)
    secrets = tmp_path / "secrets.toml"
    options = {"allow_anonymous": "false", "password_file": passwords}
    with Broker(tmp_path / "broker", options=options) as broker:
        with Collect(broker.url, tmp_path / "store", wait=False) as stranger:
            wait_until(lambda: "refuses the connection: Not authorized" in stranger.log, "the refusal is told")
        secrets.write_text('[collector]\nuser = "collector"\npassword = "sesame99"\n')
        secrets.chmod(0o600)
        with Collect(broker.url, tmp_path / "store", "--secrets", str(secrets)) as friend:
            assert "sesame99" not in friend.log


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate of 127.0.0.1 and its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    named = ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*made, *named, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key


def test_tls(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    with Broker(tmp_path / "broker", options={"certfile": cert, "keyfile": key}) as broker:
        url = broker.url.replace("mqtt:", "mqtts:")
        with Collect(url, tmp_path / "distrustful", wait=False) as stranger:
            wait_until(lambda: "CERTIFICATE_VERIFY_FAILED" in stranger.log, "the certificate is not believed")
        with Collect(url, tmp_path / "store", "--ca", str(cert)) as friend:
            assert "mqtts://" in friend.log


def test_subscription_refused_ends_the_session() -> None:
    """mosquitto's access file cannot refuse one, other brokers do: so paho's callback is called as paho would."""
    link = Link(At.from_url("mqtt://127.0.0.1:1"), [])
    link._on_subscribe(None, None, 1, [ReasonCode(PacketTypes.SUBACK, "Not authorized")], None)
    with pytest.raises(LinkError, match="access rules"):
        link.turn(0)


def test_something_that_is_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "CONNECT_S", 0.3)
    stub = Stub(silent=True)
    with stub, pytest.raises(LinkError, match="does not answer as a broker"):
        Link(At.from_url(stub.url), []).open()


def test_report_in_words_and_as_json(collect: Collect, board: Board) -> None:
    epoch = new_epoch()
    links = chain(30, epoch)
    board.send_until_acked(epoch, links[:10] + links[20:])
    told = command("report", "--store", str(collect.store))
    assert told.returncode == 1
    assert "missing: 11-20" in told.stdout
    assert "chain proven to row 10" in told.stdout
    board.send_until_acked(epoch, links)
    told = command("report", "--store", str(collect.store), "--json")
    assert told.returncode == 0
    assert json.loads(told.stdout)["totals"]["missing"] == 0
