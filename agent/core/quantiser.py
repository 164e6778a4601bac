"""How coarsely a picture is encoded: the quantiser that a packet states at the head of its first slice; of H.264.

Rules of this file:
- nothing here raises for what is in a packet; what cannot be read, or is not known here, is None;
- it reads what it is given, a few dozen bytes, and follows ITU-T H.264 (7.3.2.1.1, 7.3.2.2, 7.3.3) up to
  slice_qp_delta; slice groups and data partitions are not known here; H.265 is in quantiser_h265.py;
- units begin with start codes (Annex B), as RTSP, MPEG-TS and every encoder have them.
"""

from __future__ import annotations

from typing import NamedTuple

SETS_BYTES = 2048  # of a keyframe: parameter sets stand at its beginning
HEAD_BYTES = 64  # of any other packet
_SLICE, _IDR, _SPS, _PPS = 1, 5, 7, 8
_P, _B, _I, _SP, _SI = range(5)
_WITH_CHROMA = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
_LOG2_MAX = 16  # of a counter's length in bits
COARSEST = 51


class Unknown(Exception):  # noqa: N818 - no error: another kind of stream
    """What these bits say is not known here, or is nonsense."""


class Bits:
    """Bits from the left, escapes taken out; Unknown when there are no more."""

    __slots__ = ("_left", "_value")

    def __init__(self, unit: bytes) -> None:
        data = unit.replace(b"\0\0\3", b"\0\0")
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int = 1) -> int:
        """The next `count` bits as a number."""
        self._left -= count
        if self._left < 0:
            raise Unknown
        return self._value >> self._left & ((1 << count) - 1)

    def golomb(self) -> int:
        """An unsigned Exp-Golomb number."""
        rest = self._value & ((1 << self._left) - 1)
        long = self._left - rest.bit_length()
        self._left -= 2 * long + 1
        if self._left < 0:
            raise Unknown
        return (rest >> self._left) - 1

    def signed(self) -> int:
        """A signed Exp-Golomb number."""
        value = self.golomb()
        return (value + 1) // 2 if value & 1 else -(value // 2)

    def skip(self, count: int) -> None:
        """So many Exp-Golomb numbers, of either kind."""
        for _ in range(count):
            self.golomb()

    def most(self, largest: int) -> int:
        """An unsigned Exp-Golomb number that is no larger; else Unknown."""
        value = self.golomb()
        if value > largest:
            raise Unknown
        return value


class _Sequence(NamedTuple):
    """What a sequence parameter set says of its slices' heads."""

    colour: bool  # is encoded, together with the luma
    planes: bool  # are encoded each by itself
    number_bits: int  # of frame_num
    order: int  # pic_order_cnt_type
    order_bits: int
    order_fixed: bool
    fields: bool  # a picture may be half of the lines
    finest: int


class _Picture(NamedTuple):
    """What a picture parameter set says of its slices' heads."""

    sequence: int
    arithmetic: bool  # entropy_coding_mode_flag
    order_of_field: bool
    references: tuple[int, int]
    weighted: int  # the slice types that bring weights, a bit for each
    start: int  # the quantiser that slices count from
    redundant: bool


class Quantiser:
    """Of one stream, whose packets are shown to it in the order they come. What is common to both codecs."""

    header = 1  # bytes of a unit before its contents
    slices: frozenset[int]  # kinds of units
    sets: frozenset[int]

    def __init__(self, headers: bytes | None) -> None:
        self.of(headers or b"")

    def of(self, head: bytes) -> int | None:
        """The first slice's quantiser (51: coarsest), from a packet's beginning; parameter sets are learned."""
        at = head.find(b"\0\0\1") + 3
        try:
            while 3 <= at < len(head):
                kind = self._kind(head[at])
                if kind in self.slices:
                    return self._of_slice(head[at], Bits(head[at + self.header : at + HEAD_BYTES]))
                after = head.find(b"\0\0\1", at)
                if kind in self.sets:
                    self._set(kind, head[at + self.header : after if after >= 0 else None])
                at = after + 3
        except Unknown:
            return None
        return None

    def _set(self, kind: int, unit: bytes) -> None:
        try:
            self._learn(kind, Bits(unit))
        except Unknown:
            return

    def _kind(self, first: int) -> int:
        """Of a unit, by its first byte."""
        raise NotImplementedError

    def _learn(self, kind: int, bits: Bits) -> None:
        """A parameter set; what another of the same number said is forgotten even if this one cannot be read."""
        raise NotImplementedError

    def _of_slice(self, first: int, bits: Bits) -> int | None:
        """The quantiser of a slice whose unit begins with that byte. Unknown, or None."""
        raise NotImplementedError


class H264(Quantiser):
    """Of one H.264 stream."""

    slices, sets = frozenset({_SLICE, _IDR}), frozenset({_SPS, _PPS})

    def __init__(self, headers: bytes | None) -> None:
        self._sequences: dict[int, _Sequence] = {}
        self._pictures: dict[int, _Picture] = {}
        super().__init__(headers)

    def _kind(self, first: int) -> int:
        return first & 0x1F

    def _learn(self, kind: int, bits: Bits) -> None:
        if kind == _PPS:
            number = bits.most(255)
            self._pictures.pop(number, None)
            self._pictures[number] = _picture(bits)
            return
        profile = bits.take(24) >> 16
        number = bits.most(31)
        self._sequences.pop(number, None)
        self._sequences[number] = _sequence(bits, profile)

    def _of_slice(self, first: int, bits: Bits) -> int | None:
        bits.golomb()  # first_mb_in_slice
        kind = bits.golomb() % 5
        picture = self._pictures.get(bits.golomb())
        sequence = self._sequences.get(picture.sequence) if picture is not None else None
        if picture is None or sequence is None:
            return None
        idr = first & 0x1F == _IDR
        _skip_counters(bits, sequence, picture, idr=idr)
        _skip_references(bits, sequence, picture, kind)
        if first & 0x60:  # others refer to it
            _skip_marking(bits, idr=idr)
        if picture.arithmetic and kind not in (_I, _SI):
            bits.golomb()  # cabac_init_idc
        value = picture.start + bits.signed()
        return value if sequence.finest <= value <= COARSEST else None


def _sequence(bits: Bits, profile: int) -> _Sequence:
    chroma, planes, depth = 1, 0, 0
    if profile in _WITH_CHROMA:
        chroma = bits.most(3)
        planes = bits.take() if chroma == 3 else 0
        depth = bits.most(6)
        bits.golomb()  # bit_depth_chroma_minus8
        bits.take()  # qpprime_y_zero_transform_bypass_flag
        if bits.take():
            _skip_scaling(bits, 8 if chroma != 3 else 12)
    number_bits = bits.most(_LOG2_MAX - 4) + 4
    order = bits.most(2)
    order_bits = bits.most(_LOG2_MAX - 4) + 4 if order == 0 else 0
    order_fixed = bool(bits.take()) if order == 1 else False
    if order == 1:
        bits.golomb()  # offset_for_non_ref_pic
        bits.golomb()  # offset_for_top_to_bottom_field
        for _ in range(bits.most(255)):
            bits.golomb()
    bits.golomb()  # max_num_ref_frames
    bits.take()  # gaps_in_frame_num_value_allowed_flag
    bits.golomb()  # pic_width_in_mbs_minus1
    bits.golomb()  # pic_height_in_map_units_minus1
    colour = chroma != 0 and not planes
    return _Sequence(colour, bool(planes), number_bits, order, order_bits, order_fixed, not bits.take(), -6 * depth)


def _skip_scaling(bits: Bits, lists: int) -> None:
    for number in range(lists):
        last = following = 8
        for _ in range((16 if number < 6 else 64) if bits.take() else 0):
            if following:
                following = (last + bits.signed()) % 256
            last = following or last


def _picture(bits: Bits) -> _Picture:
    sequence = bits.most(31)
    arithmetic, order_of_field = bits.take(), bits.take()
    bits.most(0)  # num_slice_groups_minus1
    references = bits.most(31) + 1, bits.most(31) + 1
    weighted, weighted_b = bits.take(), bits.take(2)
    start = 26 + bits.signed()
    bits.golomb()  # pic_init_qs_minus26
    bits.golomb()  # chroma_qp_index_offset
    bits.take(2)  # deblocking_filter_control_present_flag, constrained_intra_pred_flag
    weights = (1 << _P | 1 << _SP) * weighted | (weighted_b == 1) << _B
    return _Picture(sequence, bool(arithmetic), bool(order_of_field), references, weights, start, bool(bits.take()))


def _skip_counters(bits: Bits, sequence: _Sequence, picture: _Picture, *, idr: bool) -> None:
    """From colour_plane_id to redundant_pic_cnt."""
    bits.take(sequence.number_bits + 2 * sequence.planes)
    field = sequence.fields and bits.take() == 1
    if field:
        bits.take()  # bottom_field_flag
    if idr:
        bits.golomb()  # idr_pic_id
    both = picture.order_of_field and not field
    if sequence.order == 0:
        bits.take(sequence.order_bits)
    if sequence.order == 0 and both:
        bits.golomb()  # delta_pic_order_cnt_bottom
    if sequence.order == 1 and not sequence.order_fixed:
        for _ in range(1 + both):
            bits.golomb()  # delta_pic_order_cnt
    if picture.redundant:
        bits.golomb()


def _skip_references(bits: Bits, sequence: _Sequence, picture: _Picture, kind: int) -> None:
    """From direct_spatial_mv_pred_flag to the table of weights."""
    lists = (1, 2, 0, 1, 0)[kind]
    if not lists:
        return
    if kind == _B:
        bits.take()  # direct_spatial_mv_pred_flag
    counts: tuple[int, ...] = picture.references
    if bits.take():  # num_ref_idx_active_override_flag
        counts = tuple(bits.most(31) + 1 for _ in range(lists))
    for _ in range(lists):
        if bits.take():  # ref_pic_list_modification_flag
            while bits.golomb() != 3:
                bits.golomb()
    if picture.weighted >> kind & 1:
        _skip_weights(bits, sum(counts[:lists]), colour=sequence.colour)


def _skip_weights(bits: Bits, references: int, *, colour: bool) -> None:
    for _ in range(1 + colour):
        bits.golomb()  # luma_log2_weight_denom, and of the chroma
    for _ in range(references):
        for weights in (2, 4) if colour else (2,):
            for _ in range(weights * bits.take()):
                bits.golomb()


def _skip_marking(bits: Bits, *, idr: bool) -> None:
    """Which pictures are kept."""
    if idr:
        bits.take(2)
        return
    if bits.take():  # adaptive_ref_pic_marking_mode_flag
        while operation := bits.golomb():
            for _ in range((0, 1, 1, 2, 1, 0, 1)[operation] if operation < 7 else 0):
                bits.golomb()
