"""A file's transfer, both ends tied together in memory over a link that loses, doubles and reorders."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.core import transfer
from agent.core.filewire import RANGES_MAX, Info, init_payload
from agent.core.ranges import add_range, subtract
from agent.core.transfer import (
    CANCEL,
    PAUSE,
    RESEND,
    RESTART,
    STORED,
    Chunk,
    Fin,
    Init,
    Message,
    Receiver,
    Response,
    Sender,
    Stat,
    TransferError,
    chunk_step,
    file_id,
    parse_init,
    parse_response,
    parse_step,
    response_payload,
    split_topic,
)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Far:
    """The far end as its shell would run it: what is durable survives forget(), the receiver's memory does not."""

    def __init__(self) -> None:
        self.part = bytearray()
        self.receiver = Receiver()
        self.durable: tuple[Info | None, list[tuple[int, int]], bool] = (None, [], False)
        self.final: bytes | None = None

    def restart(self) -> None:
        info, stored, done = self.durable
        self.receiver = Receiver(info, stored, done=done)

    def wipe(self) -> None:
        self.__init__()  # type: ignore[misc]

    def handle(self, topic: str, payload: bytes) -> bytes:
        action = self.receiver.receive(parse_step(split_topic(topic)[1]), payload)
        answer = action.answer
        if action.do == "write":
            self.part.extend(b"\0" * (action.offset + len(payload) - len(self.part)))
            self.part[action.offset : action.offset + len(payload)] = payload
        elif action.do == "finish":
            info = self.receiver.info
            assert info is not None
            good = sha(bytes(self.part)) == info.sha256
            self.final = bytes(self.part) if good else None
            answer = self.receiver.finished(good)
        self.durable = (self.receiver.info, list(self.receiver.stored), self.receiver.done)
        return response_payload(topic, *answer)


class Pair:
    """Sender and far end, with the messages between them in two bags."""

    def __init__(self, data: bytes, chunk_bytes: int, *, claimed: str | None = None) -> None:
        self.data = data
        self.fid = file_id("plant-3", "pump-house", claimed or sha(data))
        self.claimed = claimed or sha(data)
        self.chunk_bytes = chunk_bytes
        self.far = Far()
        self.to_far: list[tuple[Message, str, bytes]] = []
        self.to_near: list[bytes] = []
        self.sender = self.new_sender()

    def new_sender(self) -> Sender:
        return Sender(self.fid, "clip-1.mp4", len(self.data), self.claimed, self.chunk_bytes, {"event": "e-12"})

    def publish(self) -> bool:
        message = self.sender.next()
        if message is None:
            return False
        step, payload = message.step, message.payload
        if message.read is not None:
            payload = self.data[message.read[0] : sum(message.read)]
            step = chunk_step(message.read[0], sha(payload))
        assert payload is not None
        self.to_far.append((message, f"standpipe/plant-3/pump-house/file/{self.fid}/{step}", payload))
        return True

    def deliver(self, at: int = 0) -> None:
        message, topic, payload = self.to_far.pop(at)
        self.sender.acked(message)
        self.to_near.append(self.far.handle(topic, payload))

    def answer(self, at: int = 0) -> None:
        self.sender.response(parse_response(self.to_near.pop(at)))

    def is_due(self) -> bool:
        return copy.deepcopy(self.sender).next() is not None

    def run_honestly(self) -> int:
        """No faults: until nobody has anything to do. Returns the number of messages published."""
        published = 0
        while self.to_far or self.to_near or self.is_due():
            published += self.publish()
            while self.to_far:
                self.deliver()
            while self.to_near:
                self.answer()
        return published


# --- without faults ---


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 5000])
def test_file_arrives(size: int) -> None:
    data = random.Random(size).randbytes(size)
    pair = Pair(data, 1000)
    published = pair.run_honestly()
    assert pair.sender.state == "done"
    assert pair.far.final == data
    assert published == 3 + -(-size // 1000)  # stat, init, chunks, fin
    assert pair.sender.left_bytes == 0


def test_nothing_is_sent_without_an_answer_to_the_question_before() -> None:
    pair = Pair(b"x" * 10, 4)
    assert pair.publish()
    assert pair.sender.state == "asking"
    assert not pair.publish()


def test_no_more_chunks_in_the_air_than_allowed() -> None:
    pair = Pair(b"x" * 100_000, 10)
    for _ in range(2):
        pair.publish()
        pair.deliver()
        pair.answer()
    while pair.publish():
        pass
    assert len(pair.to_far) == transfer.UNANSWERED_MAX


def test_only_the_rest_goes_after_a_restart_of_both_ends() -> None:
    data = random.Random(1).randbytes(10_000)
    pair = Pair(data, 1000)
    for _ in range(6):  # stat, init, four chunks
        pair.publish()
        pair.deliver()
        pair.answer()
    pair.far.restart()
    pair.sender = pair.new_sender()
    assert pair.run_honestly() == 1 + 6 + 1
    assert pair.sender.gained_bytes == 6000, "what it had already is no gain"
    assert pair.far.final == data


def test_delivered_file_is_not_sent_again() -> None:
    pair = Pair(b"abc" * 1000, 1000)
    pair.run_honestly()
    pair.sender = pair.new_sender()
    assert pair.run_honestly() == 2  # stat, fin
    assert pair.sender.state == "done"


def test_wiped_far_end_gets_all_again() -> None:
    pair = Pair(b"abc" * 1000, 1000)
    for _ in range(4):
        pair.publish()
        pair.deliver()
        pair.answer()
    pair.far.wipe()
    pair.run_honestly()
    assert pair.sender.state == "done"
    assert pair.far.final == pair.data


def test_without_stat_only_unanswered_chunks_go_again() -> None:
    pair = Pair(b"abcd" * 1000, 1000)
    pair.sender = Sender(pair.fid, "clip.mp4", 4000, pair.claimed, 1000, {}, ask=False)
    for _ in range(3):  # init, two chunks
        pair.publish()
        pair.deliver()
        # EMQX does not say what is missing
        answer = json.loads(pair.to_near.pop())
        answer.pop("missing", None)
        pair.sender.response(parse_response(json.dumps(answer).encode()))
    pair.sender.restarted()
    assert pair.sender.state == "init"
    assert pair.sender.left_bytes == 2000
    pair.run_honestly()
    assert pair.far.final == pair.data


# --- faults ---


def test_wrong_file_fails_clearly_instead_of_for_ever() -> None:
    pair = Pair(b"abc" * 1000, 1000, claimed="ab" * 32)
    published = pair.run_honestly()
    assert pair.sender.state == "failed"
    assert "again" in pair.sender.reason
    assert published < 8 * (transfer.STRIKES_MAX + 1)
    assert pair.far.final is None


@pytest.mark.parametrize("code", [0x87, 0x83, 0x95])
def test_refusal_by_the_broker_ends_it(code: int) -> None:
    pair = Pair(b"abc", 1000)
    message = pair.sender.next()
    assert message is not None
    pair.sender.acked(message, code)
    assert pair.sender.state == "failed"
    assert f"0x{code:02x}" in pair.sender.reason
    pair.sender.restarted()
    assert pair.sender.state == "failed"


@pytest.mark.parametrize("code", [RESTART, PAUSE])
def test_quota_and_nobody_listening_pause_it(code: int) -> None:
    pair = Pair(b"abc", 1000)
    message = pair.sender.next()
    assert message is not None
    pair.sender.acked(message, code)
    assert pair.sender.state == "paused"
    assert pair.sender.next() is None
    pair.sender.restarted()
    pair.run_honestly()
    assert pair.sender.state == "done"


def test_answers_to_other_files_and_old_questions_change_nothing() -> None:
    pair = Pair(b"abc" * 10, 10)
    pair.publish()
    for response in (
        Response("another", Stat(), CANCEL),
        Response(pair.fid, Fin(30, ""), STORED),
        Response(pair.fid, Init(), CANCEL),
        Response(pair.fid, Chunk(0, ""), CANCEL),
    ):
        pair.sender.response(response)
        assert pair.sender.state == "asking"


def test_far_end_that_never_gets_the_chunk_right_is_given_up() -> None:
    pair = Pair(b"abc" * 10, 10)
    for _ in range(2):
        pair.publish()
        pair.deliver()
        pair.answer()
    for _ in range(transfer.STRIKES_MAX + 1):
        assert pair.sender.state == "sending"
        pair.publish()
        pair.sender.response(Response(pair.fid, Chunk(0, ""), RESEND))
    assert pair.sender.state == "failed"


@pytest.mark.parametrize(("shrinks", "ends"), [(True, "done"), (False, "failed")])
def test_far_end_that_lacks_ever_less_is_served_and_one_that_lacks_the_same_is_not(shrinks: bool, ends: str) -> None:
    pair = Pair(b"abcdefghij" * 2, 1)
    fin = Fin(20, pair.claimed)
    rounds = 0
    while pair.sender.state not in ("done", "failed"):
        message = pair.sender.next()
        if message is not None and message.read is not None:
            pair.sender.response(Response(pair.fid, Chunk(message.read[0], ""), STORED))
        elif pair.sender.state == "asking":
            pair.sender.response(Response(pair.fid, Stat(), STORED, "", []))
        elif pair.sender.state == "finishing":
            rounds += 1
            lacks = [(0, 2 * transfer.STRIKES_MAX - rounds)] if shrinks else [(0, 5)]
            done = lacks[0][1] <= 0
            pair.sender.response(Response(pair.fid, fin, STORED if done else RESEND, "", None if done else lacks))
    assert pair.sender.state == ends
    assert rounds == (2 * transfer.STRIKES_MAX if shrinks else transfer.STRIKES_MAX + 2)


DOINGS = ["publish", "publish", "deliver", "deliver", "answer", "answer"]
HARMS = ["lose,far", "lose,near", "double,far", "double,near", "restart,session", "restart,near", "restart,far", "wipe"]
Faults = st.lists(st.tuples(st.sampled_from([*DOINGS, *HARMS]), st.integers(0, 1000)), max_size=150)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 60), st.integers(1, 20), Faults)
@example(50, 10, [("publish", 0), ("deliver", 0), ("double,near", 0), ("restart,far", 0), ("wipe", 0)] * 20)
def test_whatever_the_link_does_the_file_is_equal_in_the_end(
    size: int, chunk: int, faults: list[tuple[str, int]]
) -> None:
    pair = Pair(random.Random(size).randbytes(size), chunk)
    for fault, pick in faults:
        _fault(pair, fault, pick)
        assert pair.far.final in (None, pair.data)
    for _ in range(5):  # the link is good again; the shell asks when nothing came back
        if pair.sender.state == "failed":
            break
        pair.sender.restarted()
        pair.run_honestly()
        if pair.sender.state == "done" and pair.far.final is None:
            pair.sender = pair.new_sender()  # done before the far end was wiped
    assert pair.sender.state == "done" or (pair.sender.state == "failed" and pair.sender.reason)
    if pair.sender.state == "done":
        assert pair.far.final == pair.data


def _fault(pair: Pair, fault: str, pick: int) -> None:
    what, _, where = fault.partition(",")
    bag: list[Any] = pair.to_near if where == "near" or what == "answer" else pair.to_far
    if what == "publish":
        pair.publish()
    elif what == "restart":
        _restart(pair, where)
    elif what == "wipe":
        pair.far.wipe()
    elif bag and what == "double":
        bag.append(bag[pick % len(bag)])
    elif bag:
        {"deliver": pair.deliver, "answer": pair.answer, "lose": bag.pop}[what](pick % len(bag))


def _restart(pair: Pair, who: str) -> None:
    if who == "far":
        pair.far.restart()
    elif who == "near":
        pair.sender = pair.new_sender()
    else:
        pair.sender.restarted()


# --- the receiver, asked by strangers ---


def known(size: int = 100) -> Receiver:
    receiver = Receiver()
    action = receiver.receive(Init(), init_payload(Info("a.mp4", size, "ab" * 32)))
    assert (action.do, action.answer.code, action.answer.missing) == ("keep", STORED, [(0, size)])
    return receiver


def test_chunks_before_init_ask_for_all_again() -> None:
    for step in (Chunk(0, ""), Fin(3, ""), Stat()):
        assert Receiver().receive(step, b"abc") == ("none", Receiver().receive(step, b"abc").answer, 0)
        assert Receiver().receive(step, b"abc").answer.code == RESTART


def test_damaged_chunk_is_asked_for_again() -> None:
    assert known().receive(Chunk(0, sha(b"abc")), b"abd").answer.code == RESEND


@pytest.mark.parametrize(("offset", "payload"), [(98, b"abc"), (100, b"a"), (4 * 1024**3, b"a"), (0, b"")])
def test_bytes_outside_the_file_are_refused(offset: int, payload: bytes) -> None:
    receiver = known()
    assert receiver.receive(Chunk(offset, ""), payload).answer.code == CANCEL
    assert receiver.stored == []


def test_file_id_used_for_another_file_is_refused() -> None:
    answer = known().receive(Init(), init_payload(Info("b.mp4", 100, "ab" * 32))).answer
    assert answer.code == CANCEL


def test_fin_of_another_size_or_hash_is_refused() -> None:
    assert known().receive(Fin(99, "ab" * 32), b"").answer.code == CANCEL
    assert known().receive(Fin(100, "cd" * 32), b"").answer.code == CANCEL


def test_fin_says_what_is_missing() -> None:
    receiver = known()
    receiver.receive(Chunk(10, ""), b"x" * 20)
    answer = receiver.receive(Fin(100, "ab" * 32), b"").answer
    assert (answer.code, answer.missing) == (RESEND, [(0, 10), (30, 100)])


def test_abort_forgets_a_part_but_keeps_a_delivered_file() -> None:
    receiver = known()
    assert receiver.receive(parse_step("abort"), b"").do == "drop"
    assert receiver.receive(Stat(), b"").answer.code == RESTART
    done = Receiver(Info("a.mp4", 3, "ab" * 32), [(0, 3)], done=True)
    assert done.receive(parse_step("abort"), b"").do == "none"
    assert done.receive(Stat(), b"").answer == (STORED, "", [])


def test_crumbs_do_not_grow_the_list_for_ever() -> None:
    receiver = known(10 * RANGES_MAX)
    codes = [receiver.receive(Chunk(2 * i, ""), b"x").answer.code for i in range(RANGES_MAX + 1)]
    assert codes == [STORED] * RANGES_MAX + [PAUSE]
    assert len(receiver.stored) == RANGES_MAX
    assert len(parse_response(response_payload("$file/f/stat", 0, "", receiver.missing())).missing or []) == RANGES_MAX


# --- grammar and payloads ---


@pytest.mark.parametrize(
    "step",
    [
        "",
        "/",
        "init/x",
        "fin",
        "fin/",
        "fin/1/2/3",
        "-1/aa",
        "01",
        "1e3",
        "0x10",
        "٣",
        "1/AB" + "0" * 62,
        "1/" + "g" * 64,
        "99999999999999999999",
        "5000000000",
        "1/2/3",
        "stat/",
    ],
)
def test_steps_that_are_none(step: str) -> None:
    with pytest.raises(TransferError):
        parse_step(step)


def test_steps() -> None:
    digest = "ab" * 32
    assert parse_step("init") == Init()
    assert parse_step(chunk_step(65536, digest)) == Chunk(65536, digest)
    assert parse_step("0") == Chunk(0, "")
    assert parse_step(f"fin/12/{digest}") == Fin(12, digest)
    assert parse_step("fin/12") == Fin(12, "")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        ".hidden",
        "-rf",
        "a\0b",
        "a\nb",
        "x" * 241,
        "水" * 81,
        'a"b',
        "\u202egpj.exe",
    ],
)
def test_names_that_are_no_plain_file_names(name: str) -> None:
    with pytest.raises(TransferError, match="name"):
        parse_init(init_payload(Info(name, 1, "ab" * 32)))


def test_name_as_a_person_would_give_it() -> None:
    info = Info("泵房 2026-11-22 (1).mp4", 1, "ab" * 32, {"event": "12"})
    assert parse_init(init_payload(info)) == info


@pytest.mark.parametrize("size", [-1, 1.5, True, None, "1", 4 * 1024**3 + 1, [[[]]]])
def test_sizes_that_are_none(size: object) -> None:
    payload = json.dumps({"name": "a", "size": size, "checksum": "ab" * 32}).encode()
    with pytest.raises(TransferError):
        parse_init(payload)


def test_file_topics_of_both_kinds_of_broker() -> None:
    assert split_topic("standpipe/file/file/file/f-1/0/ab") == ("f-1", "0/ab")
    assert split_topic("$file-async/f-1/init") == ("f-1", "init")
    for topic in (
        "standpipe/a/b/event",
        "standpipe/a/b/file/f-1",
        "standpipe/a/b/file/../init",
        "standpipe/a/b/file//init",
    ):
        with pytest.raises(TransferError):
            split_topic(topic)


Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
NEARLY = ["vsn", "topic", "reason_code", "reason_description", "missing", "name", "size", "checksum", "user_data"]


@settings(max_examples=300)
@given(
    st.binary(max_size=300)
    | Json.map(lambda v: json.dumps(v).encode())
    | st.dictionaries(st.sampled_from(NEARLY), Json).map(lambda v: json.dumps(v).encode())
)
@example(b'{"reason_code":0,"topic":"$file/f/init","missing":' + b"[" * 20000)
@example(b"[" * 60000)
@example(b'{"name":"a","checksum":"x","size":' + b"9" * 5000 + b"}")
@example(b'{"topic":"$file/f/init","reason_code":0,"missing":[[3,1]]}')
def test_parsers_only_ever_raise_their_own_error(payload: bytes) -> None:
    for parse in (parse_init, parse_response):
        with suppress(TransferError):
            parse(payload)


@given(st.text(max_size=200))
def test_topics_only_ever_raise_their_own_error(text: str) -> None:
    for parse in (parse_step, split_topic):
        with suppress(TransferError):
            parse(text)


# --- ranges ---

Ranges = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=12)


@given(Ranges, Ranges)
def test_ranges_are_sets_of_numbers(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    def collected(pairs: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], set[int]]:
        ranges: list[tuple[int, int]] = []
        for start, length in pairs:
            ranges = add_range(ranges, start, start + length)
        return ranges, {n for start, length in pairs for n in range(start, start + length)}

    (one, one_set), (other, other_set) = collected(first), collected(second)
    for ranges, numbers in ((one, one_set), (subtract(one, other), one_set - other_set)):
        assert {n for start, stop in ranges for n in range(start, stop)} == numbers
        assert all(a[1] < b[0] for a, b in pairwise(ranges))
        assert all(start < stop for start, stop in ranges)
