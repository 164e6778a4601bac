"""The quantiser at the head of an H.265 slice: against FFmpeg's own reading of x265's streams, by hand, and garbage."""

from __future__ import annotations

import pytest
import sp_heads
from hypothesis import given, settings
from hypothesis import strategies as st
from sp_heads import head, packets, se, stream, ue

from agent.core.quantiser import HEAD_BYTES
from agent.core.quantiser_h265 import H265

KINDS = {
    "B, weights": "-preset slow -x265-params ref=6:weightb=1:keyint=30",
    "open groups, sub-layers": "-preset medium -x265-params open-gop=1:keyint=12:temporal-layers=1",
    "constant rate, timing, delimiters": "-preset superfast -x265-params "
    "bitrate=100:vbv-maxrate=100:vbv-bufsize=100:hrd=1:aud=1:repeat-headers=1",
    "grey, no offsets": "-preset superfast -pix_fmt gray -x265-params no-sao=1:no-temporal-mvp=1",
    "scaling lists, no IDR": "-preset fast -x265-params scaling-list=default:intra-refresh=1:bframes=0",
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_what_ffmpeg_reads(kind: str) -> None:
    data, wanted = stream("hevc", KINDS[kind])
    headers, found = packets("hevc", data)
    assert len(wanted) >= 40
    for quantiser in (H265(None), H265(headers)):
        read = [(quantiser.of(head(packet)), packet.is_keyframe) for packet in found]
        assert [value for value, keyframe in read if not keyframe] == [
            value for value, packet in zip(wanted, found, strict=True) if not packet.is_keyframe
        ]
        assert all(value in (None, truth) for (value, _), truth in zip(read, wanted, strict=True)), "or out of reach"


# --- what x265 does not make: by hand ---


def unit(kind: int, bits: str) -> bytes:
    return sp_heads.unit(bytes([kind << 1, 1]), bits)


def sps(
    sets: str = ue(0),
    *,
    layers: str = "000" + "1" + "0" * 96,
    more: str = "0" * 4,
    long: str = "0",
    chroma: int = 1,
    depth: int = 0,
    motion: int = 0,
) -> bytes:
    """pic_order_cnt_lsb of 4 bits. more: scaling lists, amp, offsets, pcm; sets: of references."""
    size = (
        ue(0) + ue(chroma) + ue(64) + ue(64) + "0" + ue(depth) * 2 + ue(0) + "1" + ue(4) * 3 * (1 + layers_of(layers))
    )
    blocks = ue(0) + ue(3) + ue(0) + ue(3) + ue(1) + ue(1)
    return unit(33, "0000" + layers + size + blocks + more + sets + long + f"{motion}" + "000")


def layers_of(layers: str) -> int:
    return int(layers[:3], 2)


def pps(
    *,
    extra: int = 0,
    output: int = 0,
    init: int = 0,
    modified: int = 0,
    middle: str = "0" * 6,
    deblocking: str = "0",
    scaling: str = "0",
) -> bytes:
    """One picture in each list. middle: from weighted_pred_flag to pps_loop_filter_across_slices_enabled_flag."""
    start = ue(0) + ue(0) + "0" + f"{output}" + f"{extra:03b}" + "0" + f"{init}" + ue(0) + ue(0) + se(4)
    quantiser = "00" + "1" + ue(2) + se(1) + se(-1) + "0"
    return unit(34, start + quantiser + middle + deblocking + scaling + f"{modified}" + ue(0) + "00")


def trail(bits: str) -> bytes:
    return unit(1, "1" + ue(0) + bits)


OWN = ue(1) + ue(1) + ue(0) + "1" + ue(1) + "1"  # a set of its own: one picture before, one after, both used
ONE_OF_IT = "0" + ue(1) + ue(0) + ue(0) + "1"  # the like in a slice, of one before, where sets stand before it
P, B, INTRA = ue(1), ue(0), ue(2)
END = ue(2) + se(-7)  # five_minus_max_num_merge_cand, slice_qp_delta
# three sets: -1, -3 and 1, all used; made of it by a step of -1: -1 and -2 used, -4 not; by +1 of that: -3 used, 1 not
MADE = (
    ue(3) + ue(2) + ue(1) + ue(0) + "1" + ue(1) + "1" + ue(0) + "1"
    + "1" + "1" + ue(0) + "1" + "01" + "1" + "1"
    + "1" + "0" + ue(0) + "1" + "00" + "1" + "01"
)  # fmt: skip
PROFILED = "010" + "1" + "0" * 96 + "11" + "01" + "0" * 12 + "0" * 88 + "0" * 8 + "0" * 8
LISTED = (
    ("1" + se(-3) * 16) * 6 + ("1" + se(5) * 64) * 6 + ("1" + se(-7) + se(2) * 64) * 6 + "0" + ue(0) + "1" + se(0) * 65
)
BY_HAND = {
    "references in the slice": (sps() + pps(), trail(P + "0101" + "0" + OWN + "0" + END), 23),
    "references of the only set": (sps(ue(1) + OWN) + pps(), trail(P + "0101" + "1" + "0" + END), 23),
    "references of a set that is made of others": (
        sps(MADE) + pps(modified=1),
        trail(P + "0101" + "1" + "01" + "0" + "1" + "1" + END),  # two used: one bit a number
        23,
    ),
    "one made of made ones": (
        sps(MADE) + pps(modified=1),
        trail(P + "0101" + "1" + "10" + "1" + ue(1) + END),  # one used: there is nothing to modify
        23,
    ),
    "the first of three": (
        sps(MADE) + pps(modified=1),
        trail(P + "0101" + "1" + "00" + "1" + ue(1) + "1" + "01" + "10" + END),  # three used: two bits a number
        23,
    ),
    "made in the slice": (
        sps(MADE) + pps(modified=1),
        trail(P + "0101" + "0" + "1" + ue(1) + "1" + ue(4) + "1" * 2 + "00" + "01" + "0" + "1" + "1" + END),
        23,
    ),
    "in the slice, of none before": (sps(ue(1) + OWN) + pps(), trail(P + "0101" + "0" + ONE_OF_IT + "0" + END), 23),
    "sub-layers": (sps(layers=PROFILED) + pps(), trail(P + "0101" + "0" + OWN + "0" + END), 23),
    "pcm": (
        sps(more="0" + "0" + "0" + "1" + "01110111" + ue(0) + ue(2) + "0") + pps(),
        trail(P + "0101" + "0" + OWN + "0" + END),
        23,
    ),
    "scaling lists of the picture": (
        sps() + pps(scaling="1" + LISTED, modified=1),
        trail(P + "0101" + "0" + OWN + "0" + "11" + END),
        23,
    ),
    "scaling lists of the sequence": (
        sps(more="11" + LISTED + "0" + "1" + "0") + pps(),
        trail(P + "0101" + "0" + OWN + "10" + "0" + END),
        23,
    ),
    "tiles": (
        sps() + pps(middle="00" + "0" + "1" + "0" + ue(2) + ue(1) + "0" + ue(1) * 3 + "1" + "1", modified=1),
        trail(P + "0101" + "0" + OWN + "0" + "11" + END),
        23,
    ),
    "deblocking": (
        sps() + pps(deblocking="1" + "1" + "0" + se(2) + se(-3), modified=1),
        trail(P + "0101" + "0" + OWN + "0" + "11" + END),
        23,
    ),
    "tables of contexts swapped": (sps() + pps(init=1), trail(P + "0101" + "0" + OWN + "0" + "1" + END), 23),
    "offsets of grey": (
        sps(chroma=0, more="0" + "0" + "1" + "0") + pps(),
        trail(P + "0101" + "0" + OWN + "1" + "0" + END),
        23,
    ),
    "offsets of colour": (
        sps(more="0" + "0" + "1" + "0") + pps(),
        trail(P + "0101" + "0" + OWN + "11" + "0" + END),
        23,
    ),
    "finer than 0, of 10 bits": (sps(depth=2) + pps(), trail(INTRA + "0101" + "0" + OWN + se(-42)), -12),
    "finer than there is": (sps() + pps(), trail(INTRA + "0101" + "0" + OWN + se(-31)), None),
    "motion over time": (
        sps(motion=1) + pps(),
        trail(P + "0101" + "0" + OWN + "1" + "1" + ue(1) + ue(1) + END),
        23,
    ),
    "long-term references are listed, none here": (
        sps(long="1" + ue(2) + "0101" + "1" + "0110" + "0", motion=1) + pps(),
        trail(P + "0101" + "0" + OWN + ue(0) + ue(0) + "1" + "0" + END),
        23,
    ),
    "more bits, and whether it is shown": (
        sps() + pps(extra=3, output=1),
        unit(1, "1" + ue(0) + "101" + P + "1" + "0101" + "0" + OWN + "0" + END),
        23,
    ),
    "intra": (sps() + pps(), trail(INTRA + "0101" + "0" + OWN + se(1)), 31),
    "an IDR": (sps() + pps(), unit(19, "1" + "0" + ue(0) + INTRA + se(2)), 32),
    "B": (sps() + pps(), trail(B + "0101" + "0" + OWN + "1" + ue(1) + ue(2) + "0" + END), 23),
    "long-term references, none here": (
        sps(long="1" + ue(0)) + pps(),
        trail(P + "0101" + "0" + OWN + ue(0) + "0" + END),
        23,
    ),
    "one of the listed long-term references": (
        sps(long="1" + ue(2) + "0101" + "1" + "0110" + "0", motion=1) + pps(),
        trail(P + "0101" + "0" + OWN + ue(1) + ue(0) + "1" + "0" + END),
        None,
    ),
    "long-term references": (sps(long="1" + ue(0)) + pps(), trail(P + "0101" + "0" + OWN + ue(1) + "0" + END), None),
    "not the first slice": (sps() + pps(), unit(1, "0" + ue(0) + P + "0101" + "0" + OWN + "0" + END), None),
    "coarser than there is": (sps() + pps(), trail(INTRA + "0101" + "0" + OWN + se(22)), None),
    "cut off": (sps() + pps(), trail(P + "0101" + "0" + OWN + "0")[:-1], None),
    "no sets": (b"", trail(P + "0101" + "0" + OWN + "0" + END), None),
}  # fmt: skip


@pytest.mark.parametrize(("sets", "packet", "wanted"), BY_HAND.values(), ids=BY_HAND)
def test_by_hand(sets: bytes, packet: bytes, wanted: int | None) -> None:
    assert H265(sets).of(packet) == wanted
    assert H265(None).of(sets + packet) == wanted, "sets in the same packet"


@pytest.fixture(scope="module")
def heads() -> tuple[bytes, ...]:
    headers, found = packets("hevc", stream("hevc", KINDS["B, weights"])[0])
    return (headers, *(head(packet)[:HEAD_BYTES] for packet in found[1:5]))


@settings(deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=200))
def test_garbage_is_none_or_a_quantiser(sets: bytes, packet: bytes) -> None:
    for junk in (packet, b"\0\0\1\2\1" + packet, sps(MADE) + pps(modified=1) + b"\0\0\1\2\1" + packet):
        value = H265(b"\0\0\1\x42\1" + sets + b"\0\0\1\x44\1" + packet).of(junk)
        assert value is None or -48 <= value <= 51


@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_stream_never_raises(heads: tuple[bytes, ...], data: st.DataObject) -> None:
    copies = [bytearray(packet) for packet in heads]
    for damaged in copies:
        for _ in range(data.draw(st.integers(0, 4))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    quantiser = H265(None)
    for damaged in copies:
        value = quantiser.of(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
        assert value is None or -48 <= value <= 51
