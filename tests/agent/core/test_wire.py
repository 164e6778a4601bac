"""What goes over MQTT comes back as it was sent, and whatever else comes is refused in words."""

from __future__ import annotations

import gzip
import json
import random
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.core import wire
from agent.core.chain import NUMBER_MAX, Row, canonical_data, canonical_row, first_hash, next_hash
from agent.core.wire import (
    MESSAGE_BYTES_MAX,
    Ack,
    LaneAck,
    Presence,
    Topics,
    WireError,
    ack_payload,
    batch,
    board_of,
    parse_ack,
    parse_presence,
    parse_rows,
    presence_payload,
    row_event,
    unzip,
)

EPOCH = "3a1f7d52-1111-4222-8333-123456789abc"
HASHES = st.binary(min_size=32, max_size=32)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    seq = draw(st.integers(1, NUMBER_MAX))
    data = draw(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.text(), max_size=3), max_size=4))
    row = Row(
        seq, draw(st.integers(0, 4 * 10**18)), draw(st.text()), draw(st.integers(0, NUMBER_MAX)),
        draw(st.sampled_from(["synced", "rtc", "unset"])), draw(st.sampled_from(wire.LANES)),
        draw(st.integers(0, seq - 1)), draw(st.text()), draw(st.text()), "status", canonical_data(data), b"",
    )  # fmt: skip
    return row._replace(hash=next_hash(draw(HASHES), canonical_row(row)))


@given(st.lists(st.tuples(rows(), HASHES), max_size=5), st.booleans())
def test_rows_come_back(links: list[tuple[Row, bytes]], live: bool) -> None:
    events = [row_event("plant-3", "pump-house", EPOCH, row, prev, live=live) for row, prev in links]
    found = parse_rows(batch(events))
    assert [(one.row, one.prev_hash) for one in found] == links
    assert [one.text for one in found] == [canonical_row(row).decode() for row, _ in links]
    assert {(one.site, one.board, one.epoch) for one in found} <= {("plant-3", "pump-house", EPOCH)}
    for event, (row, prev) in zip(events, links, strict=True):
        (single,) = parse_rows(event.encode())
        assert (single.row, single.prev_hash) == (row, prev)


def event(**changes: object) -> bytes:
    """A good row's event with some attributes changed, or taken out (None)."""
    row = Row(7, 10**18, "b", 6, "synced", "alarm", 5, "door.opened", "d", "alarm", '{"found":true}', b"")
    row = row._replace(hash=next_hash(first_hash(EPOCH), canonical_row(row)))
    made = json.loads(row_event("plant-3", "pump-house", EPOCH, row, first_hash(EPOCH), live=True))
    made.update(changes)
    return json.dumps({name: value for name, value in made.items() if value is not None}).encode()


def test_live_event_is_a_cloud_event_that_people_can_read() -> None:
    (found,) = parse_rows(event())
    made = json.loads(event())
    assert made["type"] == "standpipe.door.opened.v1"
    assert made["time"] == "2001-09-09T01:46:40.000000Z"
    assert made["data"] == {"found": True}
    assert made["id"] == f"{EPOCH}-7"
    assert found.row.seq == 7


@pytest.mark.parametrize(
    "changes",
    [
        {"specversion": "2.0"},
        {"specversion": [[]]},
        {"source": "/standpipe/plant-3"},
        {"source": "/other/plant-3/pump-house"},
        {"source": 5},
        {"hash": "ab"},
        {"hash": "zz" * 32},
        {"prevhash": None},
        {"prevhash": 5},
        {"epoch": "x" * 36, "id": "x" * 36 + "-7"},
        {"epoch": ["x"] * 36},
        {"epoch": EPOCH.upper(), "id": EPOCH.upper() + "-7"},
        {"id": f"{EPOCH}-8"},
        {"seq": 7},
        {"seq": "07"},
        {"lane": "status"},
        {"laneprev": "4"},
        {"row": None},
        {"row": {"seq": 7}},
        {"row": "[7]"},
        {"row": 7},
    ],
)
def test_event_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(WireError):
        parse_rows(event(**changes))


def test_lane_of_its_own_is_refused() -> None:
    row = Row(7, 1, "b", 6, "synced", "express", 5, "k", "s", "status", "{}", b"h" * 32)
    with pytest.raises(WireError, match="disagree"):
        parse_rows(row_event("plant-3", "pump-house", EPOCH, row, b"p" * 32, live=False).encode())


def test_message_too_large_is_refused_unread() -> None:
    with pytest.raises(WireError, match="allowed"):
        parse_rows(b" " * (MESSAGE_BYTES_MAX + 1))


# --- gzip ---


@given(st.binary(max_size=2000))
def test_gzip_comes_back(payload: bytes) -> None:
    assert unzip(gzip.compress(payload)) == payload


@pytest.mark.parametrize(
    "payload",
    [b"", b"plain", gzip.compress(b"x" * 100)[:-9], gzip.compress(b"\0" * 300_000_000, 1)[:200_000]],
    ids=["empty", "plain", "cut off", "bomb"],
)
def test_gzip_cut_off_or_a_bomb_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError, match="gzip"):
        unzip(payload)


def test_gzip_up_to_the_limit() -> None:
    assert len(unzip(gzip.compress(b"\0" * MESSAGE_BYTES_MAX))) == MESSAGE_BYTES_MAX
    with pytest.raises(WireError):
        unzip(gzip.compress(b"\0" * (MESSAGE_BYTES_MAX + 1)))


# --- acks and presence ---

Seqs = st.integers(1, NUMBER_MAX)
Ranges = st.lists(st.tuples(Seqs, Seqs).map(lambda pair: (min(pair), max(pair))), max_size=5)
Lanes = st.dictionaries(
    st.sampled_from(wire.LANES), st.builds(LaneAck, st.integers(0, NUMBER_MAX), HASHES.map(bytes.hex), Ranges)
)
Conflicts = st.lists(st.tuples(Seqs, HASHES.map(bytes.hex)), max_size=3)


@given(st.builds(Ack, st.just(EPOCH), Lanes, st.integers(-NUMBER_MAX, NUMBER_MAX), Conflicts))
def test_ack_comes_back(ack: Ack) -> None:
    assert parse_ack(ack_payload(ack)) == ack


def test_ack_without_conflicts_has_no_such_key() -> None:
    assert "conflicts" not in json.loads(ack_payload(Ack(EPOCH, {})))


Clocks = st.sampled_from(["synced", "rtc", "unset"])
States = st.sampled_from(["online", "offline"])


@given(st.builds(Presence, States, st.just(EPOCH), Seqs, HASHES.map(bytes.hex), Clocks, Seqs, st.text("ab .1")))
def test_presence_comes_back(presence: Presence) -> None:
    assert parse_presence(presence_payload(presence)) == presence


PRESENCE = json.loads(presence_payload(Presence("online", EPOCH)))


@pytest.mark.parametrize(
    "changes",
    [{"state": "asleep"}, {"epoch": 5}, {"version": "v" * 201}, {"boot": "\ud800"}, {"boot": "a\nb"}]
    + [{"head_seq": value} for value in (float("inf"), "x", [], 2**63, None)],
)
def test_presence_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(WireError):
        parse_presence(json.dumps({**PRESENCE, **changes}).encode())


@pytest.mark.parametrize(
    "lane",
    [
        {"upto": "-1", "hash": "", "ranges": []},
        {"upto": "1e3", "hash": "", "ranges": []},
        {"upto": str(2**63), "hash": "", "ranges": []},
        {"upto": float("inf"), "hash": "", "ranges": []},
        {"upto": "1", "hash": 5, "ranges": []},
        {"upto": "1", "hash": "", "ranges": [["5", "4"]]},
        {"upto": "1", "hash": "", "ranges": [["0", "4"]]},
        {"upto": "1", "hash": "", "ranges": [["4"]]},
        {"upto": "1", "hash": "", "ranges": [["4", "5"]] * 1001},
        {"upto": "1", "hash": ""},
        [],
    ],
)
def test_ack_that_makes_no_sense_is_refused(lane: object) -> None:
    with pytest.raises(WireError):
        parse_ack(json.dumps({"v": 1, "epoch": EPOCH, "at_ns": "0", "lanes": {"alarm": lane}}).encode())


# --- whatever else comes ---

Json: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.just(EPOCH),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
NAMES = [*json.loads(event()), *PRESENCE, "lanes", "alarm", "status", "upto", "ranges", "conflicts", "v"]


@settings(max_examples=200)
@given(
    st.binary(max_size=300)
    | Json.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from(NAMES), Json).map(lambda changes: event(**changes))
    | st.dictionaries(st.sampled_from(NAMES), Json).map(lambda changes: json.dumps({**PRESENCE, **changes}).encode())
    | st.dictionaries(st.sampled_from(NAMES), Json | st.dictionaries(st.sampled_from(NAMES), Json)).map(
        lambda value: json.dumps({"epoch": EPOCH, "at_ns": 0, "lanes": {"alarm": value}, **value}).encode()
    )
)
@example(b"[" * 100_000)
@example(b'{"specversion":' * 50_000)
@example(b'{"specversion":' + b"[" * 900 + b"]" * 900 + b"}")
@example(b'{"lanes":{"alarm":{"upto":Infinity,"ranges":[]}},"at_ns":0,"epoch":""}')
@example(b'{"lanes":{},"at_ns":' + b"9" * 5000 + b"}")
@example(b'{"lanes":{},"at_ns":0,"epoch":"","conflicts":{"a":1}}')
@example("﻿{}".encode())
@example("{}".encode("utf-16"))
def test_parsers_only_ever_raise_their_own_error(payload: bytes) -> None:
    for parse in (parse_rows, parse_ack, parse_presence, unzip):
        with suppress(WireError):
            parse(payload)


@given(st.randoms(use_true_random=False))
def test_flipped_bits_never_pass_for_the_row(chance: random.Random) -> None:
    payload = bytearray(event())
    at = chance.randrange(len(payload))
    payload[at] ^= 1 << chance.randrange(8)
    with suppress(WireError):
        for one in parse_rows(bytes(payload)):
            good = next_hash(one.prev_hash, one.text.encode()) == one.row.hash
            assert not good or one.text == parse_rows(event())[0].text


# --- topics ---


def test_topics_and_back() -> None:
    topics = Topics("plant-3", "pump-house")
    assert topics.of("ack") == "standpipe/plant-3/pump-house/ack"
    assert board_of(topics.file("f", "1/ab")) == ("plant-3", "pump-house", "file/f/1/ab")
    assert board_of(topics.state("door")) == ("plant-3", "pump-house", "state/door")
    assert topics.file("f", "fin/1/" + "ab" * 32).count("/") <= 7


@pytest.mark.parametrize("topic", ["", "standpipe", "standpipe/a/b", "other/a/b/c", "standpipe//b/c", "standpipe/a/b/"])
def test_topics_of_others(topic: str) -> None:
    with pytest.raises(WireError):
        board_of(topic)
