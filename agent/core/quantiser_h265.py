"""The quantiser at the head of an H.265 picture's first slice (ITU-T H.265 7.3.2.2, 7.3.2.3, 7.3.4, 7.3.6, 7.3.7).

Rules of this file: those of quantiser.py. Long-term references in a slice, further layers and screen content are not
known here.
"""

from __future__ import annotations

from typing import NamedTuple

from agent.core.quantiser import COARSEST, Bits, Quantiser, Unknown

_SPS, _PPS = 33, 34
_IRAP, _IDR = range(16, 24), (19, 20)
_B, _P, _I = range(3)
_SETS_MAX, _PICTURES_MAX = 64, 16

References = tuple[tuple[int, bool], ...]  # how far off, whether this picture uses it; those before, then those after


class _Sequence(NamedTuple):
    """What a sequence parameter set says of its slices' heads."""

    colour: bool
    planes: bool
    order_bits: int
    sets: tuple[References, ...]
    long: int | None  # how many long-term references are listed; None: there are none
    motion: bool  # sps_temporal_mvp_enabled_flag
    offsets: bool  # sample_adaptive_offset_enabled_flag
    finest: int


class _Picture(NamedTuple):
    """What a picture parameter set says of its slices' heads."""

    sequence: int
    output: bool
    extra: int
    init: bool  # cabac_init_present_flag
    references: tuple[int, int]
    start: int
    weighted: tuple[bool, bool, bool]  # slices of B, P, I
    modified: bool


class H265(Quantiser):
    """Of one H.265 stream."""

    header = 2
    slices, sets = frozenset((*range(10), *range(16, 22))), frozenset({_SPS, _PPS})

    def __init__(self, headers: bytes | None) -> None:
        self._sequences: dict[int, _Sequence] = {}
        self._pictures: dict[int, _Picture] = {}
        super().__init__(headers)

    def _kind(self, first: int) -> int:
        return first >> 1 & 0x3F

    def _learn(self, kind: int, bits: Bits) -> None:
        if kind == _PPS:
            number = bits.most(63)
            self._pictures.pop(number, None)
            self._pictures[number] = _picture(bits)
            return
        layers = _skip_profile(bits)
        number = bits.most(15)
        self._sequences.pop(number, None)
        self._sequences[number] = _sequence(bits, layers)

    def _of_slice(self, first: int, bits: Bits) -> int | None:
        unit = self._kind(first)
        if not bits.take():  # first_slice_segment_in_pic_flag
            return None
        if unit in _IRAP:
            bits.take()  # no_output_of_prior_pics_flag
        picture = self._pictures.get(bits.golomb())
        sequence = self._sequences.get(picture.sequence) if picture is not None else None
        if picture is None or sequence is None:
            return None
        bits.take(picture.extra)
        kind = bits.most(_I)
        bits.take(picture.output + 2 * sequence.planes)
        used, motion = (0, False) if unit in _IDR else _references_of(bits, sequence)
        if sequence.offsets:
            bits.take(1 + sequence.colour)
        if kind != _I:
            _skip_prediction(bits, sequence, picture, kind, used, motion=motion)
        value = picture.start + bits.signed()
        return value if sequence.finest <= value <= COARSEST else None


# --- parameter sets ---


def _skip_profile(bits: Bits) -> int:
    """From sps_video_parameter_set_id to the last sub-layer's level; how many of those there are."""
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + 88 + 8)
    present = [bits.take(2) for _ in range(layers)]
    bits.take(2 * (8 - layers) if layers else 0)
    bits.take(sum(88 * (which >> 1) + 8 * (which & 1) for which in present))
    return layers


def _sequence(bits: Bits, layers: int) -> _Sequence:
    chroma = bits.most(3)
    planes = bits.take() if chroma == 3 else 0
    bits.skip(2)  # width and height
    bits.skip(4 if bits.take() else 0)  # conformance_window
    depth = bits.most(8)
    bits.skip(1)  # bit_depth_chroma_minus8
    order_bits = bits.most(12) + 4
    bits.skip(3 * (layers + 1 if bits.take() else 1))  # buffering and reordering
    bits.skip(6)  # sizes of blocks
    if bits.take() and bits.take():
        _skip_scaling(bits)
    bits.take()  # amp_enabled_flag
    offsets = bits.take()
    if bits.take():  # pcm_enabled_flag
        bits.take(8)
        bits.skip(2)
        bits.take()
    sets: list[References] = []
    count = bits.most(_SETS_MAX)
    for _ in range(count):
        sets.append(_references(bits, sets, count))
    long = bits.most(32) if bits.take() else None
    bits.take((order_bits + 1) * (long or 0))
    colour = chroma != 0 and not planes
    return _Sequence(colour, bool(planes), order_bits, tuple(sets), long, bool(bits.take()), bool(offsets), -6 * depth)


def _skip_scaling(bits: Bits) -> None:
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            own = bits.take()
            bits.skip(min(64, 16 << 2 * size) + (size > 1) if own else 1)


def _references(bits: Bits, sets: list[References] | tuple[References, ...], count: int) -> References:
    """A set of short-term references; `sets`: those before it, of `count` in the sequence."""
    if sets and bits.take():  # inter_ref_pic_set_prediction_flag
        back = bits.most(len(sets) - 1) if len(sets) == count else 0
        minus = bits.take()
        step = (bits.golomb() + 1) * (1 - 2 * minus)
        found = []
        for away, _ in (*sets[len(sets) - 1 - back], (0, False)):
            used = bits.take()
            if used or bits.take():  # use_delta_flag
                found.append((away + step, bool(used)))
        return _ordered(found)
    before, after = bits.most(_PICTURES_MAX), bits.most(_PICTURES_MAX)
    found = []
    for many, sign in ((before, -1), (after, 1)):
        away = 0
        for _ in range(many):
            away += bits.golomb() + 1
            found.append((sign * away, bool(bits.take())))
    return tuple(found)


def _ordered(found: list[tuple[int, bool]]) -> References:
    """Those before, the nearest first, then those after."""
    kept = sorted((one for one in found if one[0]), key=lambda one: abs(one[0]))
    return tuple([one for one in kept if one[0] < 0] + [one for one in kept if one[0] > 0])[: 2 * _PICTURES_MAX]


def _picture(bits: Bits) -> _Picture:
    sequence = bits.most(15)
    bits.take()  # dependent_slice_segments_enabled_flag
    output, extra = bool(bits.take()), bits.take(3)
    bits.take()  # sign_data_hiding_enabled_flag
    init = bool(bits.take())
    references = bits.most(14) + 1, bits.most(14) + 1
    start = 26 + bits.signed()
    bits.take(2)  # constrained_intra_pred_flag, transform_skip_enabled_flag
    bits.skip(1 if bits.take() else 0)  # diff_cu_qp_delta_depth
    bits.skip(2)  # of the chroma
    bits.take()  # pps_slice_chroma_qp_offsets_present_flag
    weighted, weighted_b = bool(bits.take()), bool(bits.take())
    bits.take()  # transquant_bypass_enabled_flag
    tiles = bits.take()
    bits.take()  # entropy_coding_sync_enabled_flag
    if tiles:
        across = bits.most(255) + bits.most(255)
        bits.skip(0 if bits.take() else across)
        bits.take()  # loop_filter_across_tiles_enabled_flag
    bits.take()  # pps_loop_filter_across_slices_enabled_flag
    if bits.take():  # deblocking_filter_control_present_flag
        bits.take()
        bits.skip(0 if bits.take() else 2)
    if bits.take():
        _skip_scaling(bits)
    return _Picture(sequence, output, extra, init, references, start, (weighted_b, weighted, False), bool(bits.take()))


# --- a slice's head ---


def _references_of(bits: Bits, sequence: _Sequence) -> tuple[int, bool]:
    """(how many pictures this one uses, whether motion is predicted over time)."""
    bits.take(sequence.order_bits)
    count = len(sequence.sets)
    if bits.take():  # short_term_ref_pic_set_sps_flag
        number = bits.take((count - 1).bit_length()) if count > 1 else 0
        if number >= count:
            raise Unknown
        references = sequence.sets[number]
    else:
        references = _references(bits, sequence.sets, count)
    if sequence.long:
        bits.most(0)  # num_long_term_sps
    if sequence.long is not None:
        bits.most(0)  # num_long_term_pics
    motion = bool(bits.take()) if sequence.motion else False
    return sum(used for _, used in references), motion


def _skip_prediction(bits: Bits, sequence: _Sequence, picture: _Picture, kind: int, used: int, *, motion: bool) -> None:
    """From num_ref_idx_active_override_flag to five_minus_max_num_merge_cand."""
    counts = picture.references[: 2 - kind]
    if bits.take():
        counts = tuple(bits.most(14) + 1 for _ in counts)
    if picture.modified and used > 1:
        for count in counts:
            if bits.take():  # ref_pic_list_modification_flag
                bits.take(count * (used - 1).bit_length())
    if kind == _B:
        bits.take()  # mvd_l1_zero_flag
    bits.take(picture.init)  # cabac_init_flag
    if motion:
        other = kind == _B and not bits.take()  # collocated_from_l0_flag
        bits.skip(1 if counts[other] > 1 else 0)  # collocated_ref_idx
    if picture.weighted[kind]:
        _skip_weights(bits, counts, colour=sequence.colour)
    bits.skip(1)  # five_minus_max_num_merge_cand


def _skip_weights(bits: Bits, counts: tuple[int, ...], *, colour: bool) -> None:
    bits.skip(1 + colour)  # of luma and chroma: how fine
    for count in counts:
        luma = bits.take(count).bit_count()
        chroma = bits.take(count).bit_count() if colour else 0
        bits.skip(2 * luma + 4 * chroma)
