"""As much of H.264's sequence parameter set as tells whether pictures can come in another order than they are shown.

Rules of this file: it answers True only when the stream itself says so; anything it does not know is False.
"""

from __future__ import annotations

import re

_BASELINE = 66
_WITH_CHROMA = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)  # H.264 7.3.2.1.1
_SPS = 7


def never_reordered(extradata: bytes | None) -> bool:
    """True if these headers (Annex B, as RTSP and MPEG-TS have them) rule out that pictures are reordered."""
    for unit in re.split(rb"\x00\x00\x01", extradata or b"")[1:]:
        if unit and unit[0] & 0x1F == _SPS:
            try:
                return _never(unit[1:].replace(b"\x00\x00\x03", b"\x00\x00"))
            except IndexError:
                return False
    return False


def _never(sps: bytes) -> bool:
    profile = sps[0]
    if profile == _BASELINE:  # has no B-slices
        return True
    bits = _Bits(sps[3:])
    bits.golomb()  # seq_parameter_set_id
    if profile in _WITH_CHROMA and not _plain_chroma(bits):
        return False
    bits.golomb()  # log2_max_frame_num_minus4
    return bits.golomb() == 2  # pic_order_cnt_type: output order is decoding order


def _plain_chroma(bits: _Bits) -> bool:
    """Skip what the high profiles put in between; False for what would take tables to skip."""
    if bits.golomb() == 3:  # chroma_format_idc
        bits.take()
    bits.golomb()  # bit_depth_luma_minus8
    bits.golomb()  # bit_depth_chroma_minus8
    bits.take()  # qpprime_y_zero_transform_bypass_flag
    return bits.take() == 0  # seq_scaling_matrix_present_flag


class _Bits:
    """Bits from the left; IndexError when there are no more."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self) -> int:
        bit = self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1
        self._at += 1
        return bit

    def golomb(self) -> int:
        """An unsigned Exp-Golomb number."""
        zeros = 0
        while not self.take():
            zeros += 1
        value = 1
        for _ in range(zeros):
            value = value << 1 | self.take()
        return value - 1
