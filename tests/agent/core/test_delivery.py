"""Delivery's books: plain cases, then a hostile network made up by hypothesis."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.delivery import (
    AWAIT_MOST,
    LIVE_MOST,
    NOBODY,
    OVERTAKEN_NS,
    RETRY_S,
    UNHEARD_MOST,
    Delivery,
    Want,
)
from agent.core.pace import Pace
from agent.core.refused import DEADLY_MAX, QUOTA, STRIKES_MAX
from agent.core.wire import Ack, LaneAck

EPOCH = "e" * 36


def hash_of(lane: str, seq: int) -> str | None:
    return f"{lane}{seq}"


def ack(alarm: int = 0, status: int = 0, beyond: list[tuple[int, int]] | None = None) -> Ack:
    """Marks of both lanes; `beyond` are ranges of the status lane."""
    return Ack(
        EPOCH,
        {
            "alarm": LaneAck(alarm, f"alarm{alarm}" if alarm else ""),
            "status": LaneAck(status, f"status{status}" if status else "", beyond or []),
        },
    )


def made(*, head: int = 0, window: int = 100, **cursors: int) -> Delivery:
    delivery = Delivery({"alarm": head, "status": head, **cursors}, lambda: 0.0, window=window)
    delivery.online(head, 65535, 1 << 20)
    return delivery


def hand(delivery: Delivery, token: int, *, rows: int = 1, now_s: float = 0.0, size: int = 100) -> Want:
    """Hand over `rows` rows of what is wanted, all of one lane with no holes."""
    want = delivery.want(now_s)
    assert want is not None
    delivery.handed(token, want, (want.after + 1, want.after + rows + 1), rows, size, now_s)
    return want


def test_nothing_new_nothing_wanted() -> None:
    assert made(head=10).want(0) is None


def test_backlog_is_read_past_the_cursor() -> None:
    want = made(head=10, status=4).want(0)
    assert want is not None
    assert (want.lane, want.after, want.before, want.live) == ("status", 4, 11, False)


def test_alarms_go_before_status() -> None:
    delivery = made(head=10, status=0, alarm=0)
    assert hand(delivery, 1, rows=10).lane == "alarm"
    assert hand(delivery, 2, rows=10).lane == "status"


def test_live_rows_overtake_backlog_of_their_lane() -> None:
    delivery = made(head=1000, status=0)
    assert not hand(delivery, 1, rows=10).live
    delivery.seen(1001)
    for lane in ("alarm", "status"):
        want = delivery.want(0)
        assert want is not None
        assert (want.lane, want.live, want.after) == (lane, True, 1000)
        delivery.nothing(want)
    want = delivery.want(0)
    assert want is not None
    assert (want.live, want.after) == (False, 10)


def test_a_burst_of_live_rows_becomes_backlog() -> None:
    delivery = made(head=10)
    delivery.seen(10 + LIVE_MOST + 1)
    want = delivery.want(0)
    assert want is not None
    delivery.overrun(want)
    want = delivery.want(0)
    assert want is not None
    assert (want.lane, want.live, want.after, want.before) == ("alarm", False, 10, 10 + LIVE_MOST + 2)


def test_puback_alone_delivers_nothing() -> None:
    delivery = made(head=10, status=0)
    hand(delivery, 1, rows=10)
    assert delivery.published(1, 0, 0.1) is None
    assert delivery.cursors()["status"] == 0


def test_ack_delivers_and_ranges_do_not_move_the_cursor_over_a_hole() -> None:
    delivery = made(head=10, status=0)
    assert delivery.acknowledged(ack(10, 3, [(6, 8)]), hash_of) == []
    assert delivery.cursors()["status"] == 3
    want = hand(delivery, 1, rows=2)
    assert (want.after, want.before) == (3, 6)
    want = delivery.want(0)
    assert want is not None
    assert (want.after, want.before) == (8, 11)


def test_rows_of_other_lanes_between_ranges_do_not_stop_the_cursor() -> None:
    delivery = made(head=10, status=0)
    delivery.acknowledged(ack(10, 3, [(6, 10)]), hash_of)
    want = delivery.want(0)
    assert want is not None
    delivery.nothing(want)
    assert delivery.cursors()["status"] == 10


def test_a_mark_with_another_hash_moves_nothing() -> None:
    delivery = made(head=10, status=2)
    wrong = Ack(EPOCH, {"status": LaneAck(9, "not ours")})
    (conflict,) = delivery.acknowledged(wrong, hash_of)
    assert (conflict.lane, conflict.seq, conflict.theirs) == ("status", 9, "not ours")
    assert delivery.cursors()["status"] == 2


def test_a_mark_beyond_our_head_moves_nothing() -> None:
    """A restored journal: the far end has seen rows that this one has yet to write."""
    delivery = made(head=10, status=2)
    nothing_there: Callable[[str, int], None] = lambda lane, seq: None  # noqa: E731
    assert delivery.acknowledged(ack(0, 500), nothing_there)
    ranges = Ack(EPOCH, {"status": LaneAck(0, "", [(300, 400)])})
    assert delivery.acknowledged(ranges, nothing_there)
    assert delivery.cursors()["status"] == 2


def test_an_emptied_collector_gets_everything_again() -> None:
    delivery = made(head=10)
    delivery.acknowledged(ack(0, 0), hash_of)
    want = delivery.want(0)
    assert want is not None
    assert (want.lane, want.after) == ("alarm", 0)


def test_window_is_the_smaller_of_both_and_keeps_room_for_live() -> None:
    delivery = Delivery({}, lambda: 0.0, window=100)
    delivery.online(1000, 8, 1 << 20)
    delivery.acknowledged(ack(), hash_of)
    for token in range(6):
        hand(delivery, token, rows=1)
    assert delivery.want(0) is None
    delivery.seen(1001)
    assert hand(delivery, 6).live
    delivery.occupied(7)
    assert delivery.want(0) is None
    assert delivery.free == 0


def test_lost_session_sends_all_that_was_handed_over_again() -> None:
    delivery = made(head=10, status=0)
    hand(delivery, 1, rows=10)
    delivery.published(1, 0, 0.1)
    delivery.offline()
    delivery.online(10, 100, 1 << 20)
    want = delivery.want(0)
    assert want is not None
    assert (want.after, want.before) == (0, 11)


def test_of_two_collectors_acks_the_one_that_was_overtaken_moves_nothing_back() -> None:
    delivery = made(head=10, status=0)
    hand(delivery, 1, rows=10)
    delivery.published(1, 0, 1)
    delivery.acknowledged(replace(ack(status=10), at_ns=10**18 + 5), hash_of)
    delivery.acknowledged(replace(ack(status=4), at_ns=10**18), hash_of)
    assert delivery.cursors()["status"] == 10
    delivery.acknowledged(replace(ack(status=4), at_ns=10**18 + 6), hash_of)
    assert delivery.cursors()["status"] == 4, "made later: the far end has lost rows"
    delivery.acknowledged(replace(ack(status=3), at_ns=10**18 - OVERTAKEN_NS), hash_of)
    assert delivery.cursors()["status"] == 3, "nobody is overtaken for so long: a clock was set back"


def test_unacknowledged_goes_again_after_a_growing_wait() -> None:
    delivery = made(head=10, status=0)
    now_s, waits = 0.0, []
    for token in range(4):
        hand(delivery, token, rows=10, now_s=now_s)
        delivery.published(token, 0, now_s)
        start = now_s
        while not delivery.expire(now_s):
            assert delivery.want(now_s) is None
            now_s += 0.5
        waits.append(now_s - start)
    assert waits == sorted(waits)
    assert waits[0] >= RETRY_S
    assert waits[-1] > waits[0]


def test_a_session_in_which_acks_stop_coming_is_stalled_and_a_later_one_waits_longer() -> None:
    delivery, now_s, lasted = made(head=10, status=0), 0.0, []
    for _session in range(2):
        delivery.acknowledged(ack(10, 0), hash_of)
        start = now_s
        while not delivery.stalled:
            if (want := delivery.want(now_s)) is not None:
                token = int(now_s * 10)
                delivery.handed(token, want, (1, 11), 10, 100, now_s)
                delivery.published(token, 0, now_s)
            now_s += 0.5
            delivery.expire(now_s)
        lasted.append(now_s - start)
        delivery.offline()
        delivery.online(10, 100, 1 << 20)
        assert not delivery.stalled
    assert lasted[1] > lasted[0]


def test_without_a_word_of_the_collector_little_is_sent() -> None:
    delivery = made(head=1000, status=0)
    for token in range(UNHEARD_MOST):
        hand(delivery, token, rows=5)
        delivery.published(token, 0, 0)
    assert delivery.want(0) is None
    delivery.acknowledged(ack(1000, 0), hash_of)
    assert delivery.want(0) is not None


def test_what_waits_for_the_collector_is_bounded() -> None:
    delivery = made(head=100_000, status=0)
    delivery.acknowledged(ack(100_000, 0), hash_of)
    for token in range(AWAIT_MOST):
        hand(delivery, token, rows=5)
        delivery.published(token, 0, 0)
    assert delivery.want(0) is None


def test_nobody_listening_is_success_but_only_probes_follow() -> None:
    delivery = made(head=1000, status=0)
    hand(delivery, 1, rows=5)
    assert delivery.published(1, NOBODY, 0) is None
    assert delivery.nobody
    assert delivery.want(0) is None
    assert delivery.expire(1000)
    hand(delivery, 2, rows=5, now_s=1000)
    delivery.published(2, NOBODY, 1000)
    assert delivery.want(1000) is None
    delivery.acknowledged(ack(1000, 0), hash_of)
    want = delivery.want(1000)
    assert want is not None
    assert want.after == 0, "what reached nobody goes again at once"


def test_quota_is_not_delivered_and_waits() -> None:
    delivery = made(head=10, status=0)
    hand(delivery, 1, rows=10)
    verdict = delivery.published(1, QUOTA, 0)
    assert verdict is not None
    assert verdict.what == "retry"
    assert delivery.want(0) is None
    want = delivery.want(1.1)
    assert want is not None
    assert want.after == 0


def test_not_authorised_parks() -> None:
    delivery = made(head=10, status=0)
    hand(delivery, 1, rows=10)
    verdict = delivery.published(1, 0x87, 0)
    assert verdict is not None
    assert verdict.what == "park"
    assert delivery.want(10) is None
    assert delivery.want(31) is not None


@pytest.mark.parametrize("code", [0x83, 0x95])
def test_a_refused_batch_is_halved_until_one_row_is_left_and_given_up(code: int) -> None:
    """Row 3 of ten is refused whatever it travels with: the others arrive, it is given up, the cursor passes it."""
    delivery = made(head=10, status=0)
    delivery.acknowledged(ack(10, 0), hash_of)
    stored: list[tuple[int, int]] = []
    dead, now_s = [], 0.0
    for token in range(100):
        now_s += 100
        want = delivery.want(now_s)
        if want is None:
            break
        rows = min(want.rows, want.before - 1 - want.after)
        span = (want.after + 1, want.after + rows + 1)
        delivery.handed(token, want, span, rows, 100, now_s)
        verdict = delivery.published(token, code if span[0] <= 3 < span[1] else 0, now_s)
        if verdict is None:
            stored.append((span[0], span[1] - 1))
        elif verdict.what == "dead":
            dead.append(verdict.flight.span)
        delivery.acknowledged(ack(10, 2 if (1, 2) in stored or (2, 2) in stored else 0, stored), hash_of)
    assert dead == [(3, 4)]
    assert delivery.cursors()["status"] == 10


def test_batches_shrink_after_a_session_that_confirmed_nothing() -> None:
    """Some brokers simply cut the connection on a message they find too large."""
    delivery = made(head=1000, status=0)
    delivery.pace.budget_bytes = 1 << 20  # a good link
    sizes = []
    for token in range(5):
        sizes.append(hand(delivery, token, rows=5).bytes)
        delivery.offline()
        delivery.online(1000, 100, 1 << 20)
    assert sizes[4] < sizes[0]
    size = hand(delivery, 9, rows=5).bytes
    delivery.published(9, 0, 0.1)
    hand(delivery, 10, rows=5)
    delivery.offline()
    delivery.online(1000, 100, 1 << 20)
    assert hand(delivery, 11, rows=5).bytes == size


def test_a_single_row_is_tried_again_before_it_is_given_up() -> None:
    delivery = made(head=1, status=0)
    for strike in range(STRIKES_MAX):
        hand(delivery, strike, now_s=strike * 100)
        verdict = delivery.published(strike, 0x83, strike * 100)
        assert verdict is not None
        assert verdict.what == ("dead" if strike == STRIKES_MAX - 1 else "retry")
    assert delivery.cursors()["status"] == 1


# --- the hostile network ---


class World:
    """A journal of rows in two lanes, a far end that stores and acknowledges, and a network that does as told."""

    def __init__(self, chance: random.Random, window: int) -> None:
        self.chance = chance
        self.window = window
        self.rows: list[str] = []  # lane of row seq - 1
        self.kept: dict[str, int] = {"alarm": 0, "status": 0}  # the cursor file
        self.stored: set[int] = set()
        self.outstanding: dict[int, list[int]] = {}
        self.flying: set[int] = set()  # rows that need not be sent again yet
        self.receive_maximum = window
        self.now_s = 0.0
        self.token = 0
        self.restart()

    def restart(self) -> None:
        self.delivery = Delivery(dict(self.kept), self.chance.random, window=self.window)
        self.connect()

    def connect(self) -> None:
        self.receive_maximum = self.chance.randint(1, 12)
        self.outstanding.clear()
        self.flying.clear()
        self.delivery.online(len(self.rows), self.receive_maximum, 1 << 20)

    def of_lane(self, lane: str, after: int, before: int | None) -> list[int]:
        stop = len(self.rows) + 1 if before is None else before
        return [seq for seq in range(after + 1, stop) if self.rows[seq - 1] == lane]

    def write(self) -> None:
        self.rows += self.chance.choices(["alarm", "status"], [1, 3], k=self.chance.randint(1, 60))
        self.delivery.seen(len(self.rows))

    def pump(self) -> None:
        while (want := self.delivery.want(self.now_s)) is not None:
            found = self.of_lane(want.lane, want.after, want.before)
            if not found:
                self.delivery.nothing(want)
            elif want.live and len(found) > LIVE_MOST:
                self.delivery.overrun(want)
            elif want.live:
                for seq in found[: want.rows]:
                    self.send(want, [seq])
            else:
                self.send(want, found[: self.chance.randint(1, min(9, want.rows))])

    def send(self, want: Want, seqs: list[int]) -> None:
        before = self.of_lane(want.lane, 0, seqs[0])
        self.token += 1
        assert not self.flying & set(seqs), "sent twice without a reason"
        self.flying.update(seqs)
        self.outstanding[self.token] = seqs
        span = ((before[-1] if before else 0) + 1, seqs[-1] + 1)
        self.delivery.handed(self.token, want, span, len(seqs), 300 * len(seqs), self.now_s)
        assert len(self.outstanding) <= min(self.window, self.receive_maximum)

    def answer(self, *, kind: bool = False) -> None:
        """One message arrives, is lost behind the broker, or is refused."""
        if not self.outstanding:
            return
        token = self.chance.choice(list(self.outstanding))
        seqs = self.outstanding.pop(token)
        code = 0 if kind else self.chance.choice([0, 0, 0, 0, NOBODY, QUOTA, 0x87])
        if code == 0 and (kind or self.chance.random() < 0.8):
            self.stored.update(seqs)
        if self.delivery.published(token, code, self.now_s):
            self.flying.difference_update(seqs)

    def expire(self) -> None:
        if self.delivery.expire(self.now_s):
            self.flying = {seq for seqs in self.outstanding.values() for seq in seqs}

    def acknowledge(self) -> None:
        if self.delivery.nobody:
            self.flying = {seq for seqs in self.outstanding.values() for seq in seqs}
        lanes = {}
        for lane in ("alarm", "status"):
            upto, ranges = 0, []
            mine = self.of_lane(lane, 0, None)
            whole = True
            for seq in mine:
                whole = whole and seq in self.stored
                if whole:
                    upto = seq
                elif seq in self.stored:
                    ranges.append((seq, seq))
            lanes[lane] = LaneAck(upto, f"{lane}{upto}" if upto else "", ranges)
        assert self.delivery.acknowledged(Ack(EPOCH, lanes), hash_of) == []
        self.check()
        self.kept = self.delivery.cursors()

    def check(self) -> None:
        for lane, cursor in self.delivery.cursors().items():
            assert set(self.of_lane(lane, 0, cursor + 1)) <= self.stored

    def step(self, what: str) -> None:
        match what:
            case "write":
                self.write()
            case "answer":
                for _ in range(self.chance.randint(1, 5)):
                    self.answer()
            case "ack":
                self.acknowledge()
            case "lose":
                self.delivery.offline()
                self.connect()
            case "restart":
                self.restart()
            case "wait":
                self.now_s += self.chance.choice([0.1, 2, 30, 400])
                self.expire()
        self.pump()
        self.check()


STEPS = st.lists(st.sampled_from(["write", "answer", "answer", "ack", "lose", "restart", "wait"]), max_size=60)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), steps=STEPS, window=st.integers(1, 20))
def test_whatever_the_network_does_nothing_is_lost_and_the_cursor_never_lies(
    seed: int, steps: list[str], window: int
) -> None:
    world = World(random.Random(seed), window)
    for what in steps:
        world.step(what)
    for _ in range(2000):
        if len(world.stored) == len(world.rows):
            break
        world.now_s += 10
        world.expire()
        world.pump()
        while world.outstanding:
            world.answer(kind=True)
        world.acknowledge()
    assert world.stored == set(range(1, len(world.rows) + 1))
    world.acknowledge()
    world.pump()
    for lane, cursor in world.delivery.cursors().items():
        assert world.of_lane(lane, cursor, None) == []


def test_a_row_over_which_session_after_session_ends_is_given_up() -> None:
    """The broker cuts the connection without a word of how large is too large: one row must not block its lane."""
    delivery = made(head=10, status=0)
    verdicts = []
    for token in range(DEADLY_MAX + 5):
        hand(delivery, token, rows=1, size=60_000)
        verdicts.append(delivery.offline())
        delivery.online(10, 100, 1 << 20)
        if verdicts[-1]:
            break
    assert verdicts[-1] is not None
    assert verdicts[-1].what == "dead"
    assert delivery.cursors()["status"] == 1
    assert len(verdicts) >= DEADLY_MAX


def test_a_link_that_flaps_gives_up_no_row_of_usual_size() -> None:
    delivery = made(head=10, status=0)
    for token in range(50):
        hand(delivery, token, rows=1, size=1000)
        assert delivery.offline() is None
        delivery.online(10, 100, 1 << 20)


def test_both_sessions_of_a_board_go_on_sharing_one_pace() -> None:
    """The cap of the hours, and what files have in flight, hold for rows in every session."""
    pace = Pace()
    books = Delivery({}, lambda: 0.5, pace=pace)
    for _ in range(3):
        books.online(10, 100, 1 << 20)
        assert books.pace is pace
        books.offline()
    assert books.pace is pace
