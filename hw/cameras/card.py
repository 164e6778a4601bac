"""The test card's picture: what is drawn into each frame, and how it is read back.

A frame carries its own number and wall time as black and white blocks, so that whoever decodes it can prove
which frames are there. Layout: CODE_ROWS rows of 32 blocks at the top of the picture; row 0 is the frame number,
rows 1 and 2 the UTC nanoseconds, row 3 the CRC-32 of the other three; most significant bit left, white is 1.
Below stands a grey slope with a bright bar that moves down with the frame number, and the label if there is one.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import av

CODE_COLUMNS = 32
CODE_ROWS = 4
BLOCK_HEIGHT = 16
BLACK, WHITE = 16, 235
_CODE = struct.Struct(">IQ")

# 3x5 dots a glyph, row by row, most significant bit left: enough for ids of cameras and times.
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-:."
_DOTS = (
    "7B6F 2C97 73E7 73CF 5BC9 79CF 79EF 7249 7BEF 7BCF "
    "7BED 6BAE 7927 6B6E 79A7 79A4 796F 5BED 7497 126F 5BAD 4927 5FED 6B6D 7B6F 7BE4 7B79 7BAD 79CF 7492 "
    "5B6F 5B6A 5BFD 5AAD 5BD2 72A7 01C0 0410 0002"
)
_GLYPHS = {letter: int(dots, 16) for letter, dots in zip(_LETTERS, _DOTS.split(), strict=True)}


class CardCode(NamedTuple):
    """What a frame says of itself: its number since the card began, and the UTC nanoseconds it was drawn at."""

    number: int
    at_ns: int


class CardPainter:
    """Draws frames of one size. ValueError when the picture is too small for its blocks."""

    def __init__(self, width: int, height: int, label: str = "") -> None:
        if width < CODE_COLUMNS * 4 or height < CODE_ROWS * BLOCK_HEIGHT * 2 or width % 2 or height % 2:
            raise ValueError(f"a test card of {width}x{height} is too small or odd; 160x128 is the least")
        self._width = width
        self._height = height
        self._block_width = width // CODE_COLUMNS
        self._background = _slope(width, height)
        _write(self._background, width, label, height - 40)

    def frame(self, code: CardCode) -> av.VideoFrame:
        """A yuv420p frame with this code; the caller sets pts and time base."""
        luma = bytearray(self._background)
        for row, word in enumerate(_words(code)):
            line = self._code_line(word)
            start = row * BLOCK_HEIGHT * self._width
            luma[start : start + len(line) * BLOCK_HEIGHT] = line * BLOCK_HEIGHT
        self._draw_bar(luma, code.number)
        frame = av.VideoFrame(self._width, self._height, "yuv420p")
        for plane, data in zip(frame.planes, (luma, None, None), strict=True):
            _fill(plane, data)
        return frame

    def _code_line(self, word: int) -> bytes:
        bits = (word >> shift & 1 for shift in range(CODE_COLUMNS - 1, -1, -1))
        line = b"".join(bytes([WHITE if bit else BLACK]) * self._block_width for bit in bits)
        return line.ljust(self._width, bytes([BLACK]))

    def _draw_bar(self, luma: bytearray, number: int) -> None:
        top = CODE_ROWS * BLOCK_HEIGHT
        first = top + number * 4 % (self._height - top - 48)
        luma[first * self._width : (first + 8) * self._width] = bytes([WHITE - 40]) * (8 * self._width)


def read_card(frame: av.VideoFrame) -> CardCode | None:
    """The code of a decoded frame, or None if it is no test card or is damaged there."""
    plane = frame.planes[0]
    luma = memoryview(plane)
    block_width = frame.width // CODE_COLUMNS
    words = []
    for row in range(CODE_ROWS):
        line = (row * BLOCK_HEIGHT + BLOCK_HEIGHT // 2) * plane.line_size
        middles = (line + column * block_width + block_width // 2 for column in range(CODE_COLUMNS))
        words.append(_from_bits(luma[at] > (BLACK + WHITE) // 2 for at in middles))
    packed = struct.pack(">III", *words[:3])
    return CardCode(*_CODE.unpack(packed)) if zlib.crc32(packed) == words[3] else None


def _words(code: CardCode) -> Iterator[int]:
    packed = _CODE.pack(code.number & 0xFFFFFFFF, code.at_ns)
    yield from struct.unpack(">III", packed)
    yield zlib.crc32(packed)


def _from_bits(bits: Iterable[bool]) -> int:
    word = 0
    for bit in bits:
        word = word << 1 | bit
    return word


def _slope(width: int, height: int) -> bytearray:
    line = bytes(40 + 120 * x // width for x in range(width))
    return bytearray(line * height)


def _write(luma: bytearray, width: int, text: str, top: int, dot: int = 6) -> None:
    """Draw text into a luma plane, as far as it fits into one line."""
    for column, row in dots(text[: (width - 16) // (4 * dot)]):
        _dot(luma, width, 8 + column * dot, top + row * dot, dot)


def dots(text: str) -> Iterator[tuple[int, int]]:
    """(column, row) of each dot of the text: four columns a letter, five rows. A letter that it lacks is a space."""
    for place, letter in enumerate(text.upper()):
        glyph = _GLYPHS.get(letter, 0)
        for index in range(15):
            if glyph >> (14 - index) & 1:
                yield place * 4 + index % 3, index // 3


def _dot(luma: bytearray, width: int, left: int, top: int, size: int) -> None:
    for y in range(top, top + size):
        luma[y * width + left : y * width + left + size] = bytes([WHITE]) * size


def _fill(plane: av.video.plane.VideoPlane, data: bytearray | None) -> None:
    """Fill a plane with rows of picture, minding that its lines may be longer than the picture; None: no colour."""
    if data is None:
        plane.update(bytes([128]) * plane.buffer_size)
        return
    if plane.line_size != plane.width:
        width, pad = plane.width, bytes(plane.line_size - plane.width)
        data = bytearray(b"".join(data[y * width : (y + 1) * width] + pad for y in range(plane.height)))
    plane.update(bytes(data.ljust(plane.buffer_size, b"\0")))
