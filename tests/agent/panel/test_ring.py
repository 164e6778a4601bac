"""The ring: notes that count as a whole or not at all, and a queue that is never overwritten before it is marked."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.panel.ring import SIZE, SLOT_BYTES, SLOTS, Ring, RingBusy, slots_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "ring"


def reopened(ring: Ring, path: Path) -> Ring:
    ring.close()
    return Ring.open(path)


def payloads(ring: Ring) -> list[bytes]:
    return [record.payload for record in ring.pending(10_000)]


def test_a_new_ring_holds_nothing(path: Path) -> None:
    ring = Ring.open(path)
    assert (ring.state, ring.pending(9), ring.waiting(), ring.room()) == (b"", [], 0, SLOTS)
    assert path.stat().st_size == SIZE
    assert path.stat().st_blocks * 512 >= SIZE, "allocated in full"


def test_notes_are_there_after_a_reopening(path: Path) -> None:
    ring = Ring.open(path)
    assert ring.note([b"one", b"two"], b"state 1")
    assert ring.note([], b"state 2")
    ring = reopened(ring, path)
    assert ring.state == b"state 2"
    assert payloads(ring) == [b"one", b"two"]
    ring.mark(ring.pending(1)[0].number)
    assert payloads(ring) == [b"two"]
    assert payloads(reopened(ring, path)) == [b"two"]


def test_long_records_take_several_slots(path: Path) -> None:
    ring = Ring.open(path)
    long = os.urandom(5 * SLOT_BYTES)
    ring.note([b"a", long, b"", b"b"], b"s")
    assert payloads(reopened(ring, path)) == [b"a", long, b"", b"b"]
    assert slots_of(long) == 6
    assert slots_of(b"") == 1


def test_full_is_refused_and_nothing_is_overwritten(path: Path) -> None:
    ring = Ring.open(path)
    for i in range(SLOTS):
        assert ring.note([b"%d" % i], b"s%d" % i)
    assert not ring.note([b"too many"], b"never")
    assert ring.note([], b"state alone has room")
    ring = reopened(ring, path)
    assert ring.state == b"state alone has room"
    assert payloads(ring) == [b"%d" % i for i in range(SLOTS)]
    ring.mark(ring.pending(1)[-1].number)
    assert ring.note([b"again"], b"s")
    assert payloads(ring)[-1] == b"again"


def test_round_and_round(path: Path) -> None:
    ring, dice, noted, read = Ring.open(path), random.Random(3), 0, 0
    for _ in range(2000):
        batch = [b"%d " % (noted + i) * dice.randrange(1, 400) for i in range(dice.randrange(4))]
        if ring.note(batch, b"n%d" % noted):
            noted += len(batch)
        for record in ring.pending(dice.randrange(4)):
            assert record.payload.split()[0] == b"%d" % read
            read += 1
            ring.mark(record.number)
        if dice.random() < 0.02:
            ring = reopened(ring, path)
    assert noted > 1000
    assert ring.torn == 0


def test_a_note_without_its_turn_never_was(path: Path) -> None:
    """Everything a note writes before its last 8 bytes changes nothing."""
    ring = Ring.open(path)
    ring.note([b"one"], b"state 1")
    before = path.read_bytes()
    ring.note([b"two"], b"state 2")
    after = bytearray(path.read_bytes())
    after[64:72] = before[64:72]
    ring.close()
    path.write_bytes(after)
    ring = Ring.open(path)
    assert ring.state == b"state 1"
    assert payloads(ring) == [b"one"]
    ring.note([b"three"], b"state 3")
    assert payloads(reopened(ring, path)) == [b"one", b"three"]


def test_torn_records_are_left_out_and_counted(path: Path) -> None:
    ring = Ring.open(path)
    ring.note([b"one", b"two", b"three"], b"s")
    ring.close()
    raw = bytearray(path.read_bytes())
    at = raw.index(b"two")
    raw[at] ^= 1
    path.write_bytes(raw)
    ring = Ring.open(path)
    assert payloads(ring) == [b"one", b"three"]
    assert ring.torn == 1


def test_a_torn_state_falls_back_to_the_one_before(path: Path) -> None:
    ring = Ring.open(path)
    ring.note([b"one"], b"state 1")
    ring.note([b"two"], b"state 2")
    ring.close()
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"state 2")] ^= 1
    path.write_bytes(raw)
    ring = Ring.open(path)
    assert ring.state == b"state 1"


@pytest.mark.parametrize(
    "junk", [b"", b"short", os.urandom(SIZE), b"\xff" * SIZE], ids=["empty", "short", "noise", "ones"]
)
def test_junk_is_started_anew(path: Path, junk: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(junk)
    ring = Ring.open(path)
    assert (ring.state, ring.pending(9)) == (b"", [])
    assert ring.note([b"one"], b"s")
    assert payloads(reopened(ring, path)) == [b"one"]


def test_an_attempt_stands_until_the_mark_and_the_first_one_counts(path: Path) -> None:
    ring = Ring.open(path)
    epoch = "0b51b1d8-5a43-4a2c-a6ad-6cb5e8b1f001"
    ring.note([b"one", b"two"], b"s")
    assert ring.attempted() is None
    ring.attempt(epoch, 41)
    ring.attempt(epoch, 99)
    ring = reopened(ring, path)
    assert ring.attempted() == (epoch, 41)
    ring.mark(1)
    assert ring.attempted() is None
    ring.attempt(epoch, 0)
    assert reopened(ring, path).attempted() == (epoch, 0)


def test_one_panel_at_a_time(path: Path) -> None:
    ring = Ring.open(path)
    with pytest.raises(RingBusy, match="another panel"):
        Ring.open(path)
    ring.close()
    Ring.open(path).close()


def test_without_a_file() -> None:
    ring = Ring.without_file()
    ring.note([b"one"], b"s")
    assert payloads(ring) == [b"one"]
    ring.close()
    ring.close()


NOTER = """
import sys
from pathlib import Path
from agent.panel.ring import Ring
ring = Ring.open(Path(sys.argv[1]))
ring.mark(ring.pending(10**6)[-1].number if ring.waiting() else 0)
print("ready", flush=True)
for i in range(10**9):
    text = b"%d" % i
    if not ring.note([text, text * 40], text):
        ring.mark(ring.pending(500)[-1].number)
"""


def test_killed_while_noting(path: Path, rounds) -> None:  # type: ignore[no-untyped-def]
    """State and records always belong together, whenever the kill comes."""
    for i in range(rounds(3, 40)):
        with subprocess.Popen([sys.executable, "-c", NOTER, str(path)], stdout=subprocess.PIPE) as noter:
            assert noter.stdout is not None
            assert noter.stdout.readline() == b"ready\n"
            try:
                noter.wait(0.01 + 0.013 * i)
            except subprocess.TimeoutExpired:
                noter.send_signal(signal.SIGKILL)
        ring = Ring.open(path)
        found = payloads(ring)
        assert ring.torn == 0
        assert ring.state
        if found:
            assert found[-1] == ring.state * 40
            assert found[-2] == ring.state
        ring.close()
