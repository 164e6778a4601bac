"""The quantiser at the head of a slice: against FFmpeg's own reading of many kinds of streams, by hand, and garbage."""

from __future__ import annotations

import pytest
import sp_heads
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sp_heads import head, packets, se, stream, ue

from agent.core.quantiser import H264, HEAD_BYTES

# what x264 is asked for, and what of its headers that brings
KINDS = {
    "cavlc, order 2": "-preset ultrafast -profile:v baseline -crf 23",
    "cabac, B, weights of P": "-preset slower -bf 3 -crf 23 -x264-params weightp=2:keyint=30",
    "many references, lists modified, marking": "-preset slow -bf 5 -x264-params ref=12:b-pyramid=normal:keyint=60",
    "open groups": "-preset medium -bf 2 -x264-params open-gop=1:keyint=15",
    "slices": "-preset veryfast -x264-params slices=4",
    "interlaced": "-preset fast -flags +ildct+ilme -x264-params tff=1",
    "interlaced, cavlc": "-preset slow -flags +ildct -x264-params tff=1:cabac=0",
    "frames that say they are fields": "-preset fast -x264-params fake-interlaced=1",
    "4:4:4": "-preset fast -pix_fmt yuv444p -crf 18",
    "4:2:2 of 10 bits, finer than 0": "-preset fast -pix_fmt yuv422p10le -qp 2",
    "grey": "-preset slow -pix_fmt gray -x264-params weightp=2",
    "scaling lists": "-preset fast -x264-params cqm=jvt",
    "constant rate, timing, delimiters": "-preset superfast -tune zerolatency -b:v 80k -maxrate 80k -bufsize 80k "
    "-x264-params nal-hrd=cbr:aud=1:slices=2",
    "no IDR": "-preset fast -bf 0 -x264-params intra-refresh=1:keyint=20",
    "another number of sets": "-preset fast -x264-params sps-id=7:constrained-intra=1",
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_what_ffmpeg_reads(kind: str) -> None:
    data, wanted = stream("h264", KINDS[kind])
    headers, found = packets("h264", data)
    assert len(wanted) >= 40
    assert len(set(wanted)) > 1 or "-qp" in KINDS[kind]
    quantiser = H264(None)
    assert [quantiser.of(head(packet)) for packet in found] == wanted, "by the sets in front of the keyframes"
    quantiser = H264(headers)
    assert [quantiser.of(bytes(packet)[:HEAD_BYTES]) for packet in found if not packet.is_keyframe] == [
        value for value, packet in zip(wanted, found, strict=True) if not packet.is_keyframe
    ], "by the headers that come apart"


# --- what no encoder here makes: by hand ---


def unit(kind: int, bits: str, *, referred: int = 1) -> bytes:
    """A unit with its start code and escapes."""
    return sp_heads.unit(bytes([referred << 5 | kind]), bits)


def sps(order: str, *, number: int = 0, frames_only: int = 1, profile: int = 77, more: str = "") -> bytes:
    """frame_num of 4 bits. order: pic_order_cnt_type and what belongs to it; more: what profiles above main have."""
    fixed = f"{profile:08b}" + "0" * 8 + f"{30:08b}"
    return unit(
        7,
        fixed
        + ue(number)
        + more
        + ue(0)
        + order
        + ue(1)
        + "0"
        + ue(7)
        + ue(5)
        + f"{frames_only}"
        + "0" * (1 - frames_only)
        + "100",
    )


def pps(
    *,
    number: int = 0,
    of: int = 0,
    groups: int = 0,
    start: int = 0,
    redundant: int = 0,
    both: int = 0,
    weights: int = 0,
) -> bytes:
    head_ = ue(number) + ue(of) + "0" + f"{both}" + ue(groups) + ue(0) + ue(0) + f"{weights:03b}"
    return unit(8, head_ + se(start) + se(0) + se(0) + "10" + f"{redundant}")


ORDER_0, ORDER_1, ORDER_2 = ue(0) + ue(0), ue(1) + "0" + se(-1) + se(2) + ue(3) + se(1) * 3, ue(2)
P, B = ue(0) + ue(5), ue(0) + ue(6)  # first_mb_in_slice, slice_type
LISTS = "1" + se(1) * 16 + "1" + se(-8) + "0" + "1" + se(8) + se(-16) + "00" + "1" + se(-1) * 7 + se(2) * 57 + "0"
COLOUR = ue(1) + ue(0) + ue(0) + "0"  # 4:2:0 of 8 bits
PLANES = ue(3) + "1" + ue(0) + ue(0) + "0"  # 4:4:4, each plane by itself
BY_HAND = {
    "plain": (sps(ORDER_2) + pps(), unit(1, P + ue(0) + "0001" + "00" + "0" + se(5)), 31),
    "order of kind 1": (sps(ORDER_1) + pps(), unit(1, P + ue(0) + "0001" + se(-4) + "00" + "0" + se(-5)), 21),
    "order of kind 1, of both fields": (
        sps(ORDER_1) + pps(both=1),
        unit(1, P + ue(0) + "0001" + se(-4) + se(9) + "00" + "0" + se(3)),
        29,
    ),
    "order of kind 1, of pictures that may be fields": (
        sps(ORDER_1, frames_only=0) + pps(),
        unit(1, P + ue(0) + "0001" + "0" + se(-4) + "00" + "0" + se(8)),
        34,
    ),
    "a redundant picture": (
        sps(ORDER_2) + pps(redundant=1),
        unit(1, P + ue(0) + "0001" + ue(2) + "00" + "0" + se(1)),
        27,
    ),
    "a lower field": (
        sps(ORDER_0, frames_only=0) + pps(both=1),
        unit(1, P + ue(0) + "0001" + "11" + "0110" + "00" + "0" + se(2)),
        28,
    ),
    "references counted, modified, kept for long": (
        sps(ORDER_2) + pps(),
        unit(
            1,
            P + ue(0) + "0001" + "1" + ue(30)  # num_ref_idx_active_override
            + "1" + ue(0) + ue(3) + ue(2) + ue(3) + ue(3)  # modification
            + "1" + ue(1) + ue(4) + ue(3) + ue(2) + ue(1) + ue(2) + ue(0) + ue(4) + ue(2) + ue(5) + ue(6) + ue(0)
            + ue(0)  # the last of the marking
            + se(-26),
        ),
        0,
    ),
    "scaling lists of the sequence": (
        sps(ORDER_2, profile=100, more=COLOUR + "1" + LISTS) + pps(),
        unit(1, P + ue(0) + "0001" + "00" + "0" + se(-3)),
        23,
    ),
    "colours as pictures of their own": (
        sps(ORDER_2, profile=244, more=PLANES + "0") + pps(weights=4),
        unit(1, P + ue(0) + "10" + "0001" + "00" + ue(3) + "1" + se(1) + se(2) + "0" + se(-2)),
        24,
    ),
    "weights of B": (
        sps(ORDER_2) + pps(weights=1),
        unit(
            1,
            B + ue(0) + "0001" + "1" + "1" + ue(1) + ue(0) + "00" + ue(5) + ue(5)
            + "1" + se(3) + se(-2) + "0" + "0" + "1" + se(1) * 4 + "1" + se(0) * 2 + "1" + se(2) * 4 + "0" + se(9),
        ),
        35,
    ),
    "nothing refers to it": (sps(ORDER_2) + pps(), unit(1, P + ue(0) + "0001" + "00" + se(7), referred=0), 33),
    "its own sets of several": (
        sps(ORDER_2, number=3) + pps(number=200, of=3, start=-6) + pps(number=1, of=9),
        unit(1, P + ue(200) + "0001" + "00" + "0" + se(0)),
        20,
    ),
    "a set that refers to none": (sps(ORDER_2) + pps(of=4), unit(1, P + ue(0) + "0001" + "00" + "0" + se(0)), None),
    "slice groups": (sps(ORDER_2) + pps(groups=1), unit(1, P + ue(0) + "0001" + "00" + "0" + se(0)), None),
    "coarser than there is": (sps(ORDER_2) + pps(), unit(1, P + ue(0) + "0001" + "00" + "0" + se(26)), None),
    "finer than there is": (sps(ORDER_2) + pps(), unit(1, P + ue(0) + "0001" + "00" + "0" + se(-27)), None),
    "cut off": (sps(ORDER_2) + pps(), unit(1, P + ue(0) + "0001" + "00" + "0" + se(20))[:-2], None),
    "no slice": (sps(ORDER_2) + pps(), unit(9, "111"), None),
    "a delimiter and its timing in front": (
        sps(ORDER_2) + pps(),
        unit(9, "111", referred=0) + unit(6, "1" * 80, referred=0) + unit(1, P + ue(0) + "0001" + "00" + "0" + se(4)),
        30,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sets", "packet", "wanted"), BY_HAND.values(), ids=BY_HAND)
def test_by_hand(sets: bytes, packet: bytes, wanted: int | None) -> None:
    assert H264(sets).of(packet) == wanted
    assert H264(None).of(sets + packet) == wanted, "sets in the same packet"
    assert H264(None).of(packet) is None


def test_escapes_are_taken_out() -> None:
    for blocks in (2**22 - 1, 2**23 - 1, 2**24 - 1):  # first_mb_in_slice: as many zeros
        packet = unit(1, ue(blocks) + ue(5) + ue(0) + "0001" + "00" + "0" + se(6))
        assert b"\0\0\3" in packet
        assert H264(sps(ORDER_2) + pps()).of(packet) == 32


def test_a_set_that_cannot_be_read_takes_the_place_of_the_one_before() -> None:
    slice_ = unit(1, P + ue(0) + "0001" + "00" + "0" + se(0))
    quantiser = H264(sps(ORDER_2) + pps(start=2))
    assert quantiser.of(slice_) == 28
    assert quantiser.of(pps(start=3) + slice_) == 29
    assert quantiser.of(pps(groups=1) + slice_) is None
    assert quantiser.of(pps() + slice_) == 26
    assert quantiser.of(sps(ue(3)) + slice_) is None


@pytest.fixture(scope="module")
def heads() -> tuple[bytes, ...]:
    return tuple(
        head(packet)
        for packet in packets("h264", stream("h264", KINDS["many references, lists modified, marking"])[0])[1]
    )


@settings(deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=200))
@example(b"\0\0\1\x67" + b"\0" * 90, b"\0\0\1\x41")
def test_garbage_is_none_or_a_quantiser(sets: bytes, packet: bytes) -> None:
    for junk in (packet, b"\0\0\1\x41" + packet, sps(ORDER_0) + pps() + b"\0\0\1\x41" + packet):
        value = H264(b"\0\0\1\x67" + sets).of(junk)
        assert value is None or -36 <= value <= 51


@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_stream_never_raises(heads: tuple[bytes, ...], data: st.DataObject) -> None:
    copies = [bytearray(packet) for packet in heads[:4]]
    for damaged in copies:
        for _ in range(data.draw(st.integers(0, 4))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    quantiser = H264(None)
    for damaged in copies:
        value = quantiser.of(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
        assert value is None or -36 <= value <= 51
    assert len(quantiser._pictures) <= 256
