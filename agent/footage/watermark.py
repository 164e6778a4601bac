"""A copy of a clip with a text written across every picture, so that what is passed on says from whom it came.

Decoding and encoding again is what it costs: about a second of one core for a second of 1080p on an x86 of today,
several times that on a Pi. The original stays as it is; the copy proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av

from agent.footage.errors import FootageError

Dots = Callable[[str], Iterable[tuple[int, int]]]  # text -> (column, row) of its dots: 4 columns a letter, 5 rows
LETTERS_MAX = 60
WHITE, BLACK = b"\xeb", b"\x10"
_OPTIONS = {"preset": "veryfast", "crf": "23"}


def mark(source: Path, target: Path, text: str, dots: Dots) -> float:
    """Write the copy; how many seconds of processor time it took. FootageError if it cannot be decoded or encoded."""
    began = time.process_time()
    try:
        with av.open(str(source)) as given, av.open(str(target), "w", options={"movflags": "faststart"}) as out:
            _copy(given, out, text, dots)
    except av.FFmpegError as error:
        raise FootageError(f"{source.name}: no copy with a watermark: {error.strerror}", "corrupt") from error
    return time.process_time() - began


def _copy(given: av.container.InputContainer, out: av.container.OutputContainer, text: str, dots: Dots) -> None:
    video = given.streams.video[0]
    video.thread_type = "AUTO"
    rate = video.average_rate
    each = Fraction(rate.numerator, rate.denominator) if rate else Fraction(25)
    stream = out.add_stream("libx264", rate=each, options=_OPTIONS)
    assert isinstance(stream, av.VideoStream)
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = video.time_base or Fraction(1, 90_000)
    strokes: list[tuple[int, int, int, bytes]] = []
    for frame in given.decode(video):
        if not strokes:
            stream.width, stream.height = frame.width & ~1, frame.height & ~1
            strokes = list(_strokes(text, stream.width, stream.height, dots))
        marked = _marked(frame, stream.width, stream.height, strokes)
        out.mux(stream.encode(marked))
    out.mux(stream.encode())


def _marked(frame: av.VideoFrame, width: int, height: int, strokes: list[tuple[int, int, int, bytes]]) -> av.VideoFrame:
    """A copy: the decoder goes on using its own picture as a reference."""
    plain = frame.reformat(width=width, height=height, format="yuv420p")
    made = av.VideoFrame(width, height, "yuv420p")
    for number, (old, new) in enumerate(zip(plain.planes, made.planes, strict=True)):
        data = bytearray(new.buffer_size)
        rows = min(old.height, new.height)
        for row in range(rows):
            start = row * old.line_size
            data[row * new.line_size : row * new.line_size + new.width] = memoryview(old)[start : start + new.width]
        for x, y, length, colour in strokes if number == 0 else ():
            at = y * new.line_size + x
            data[at : at + length] = colour * length
        new.update(bytes(data))
    made.pts, made.time_base = frame.pts, frame.time_base
    return made


def _strokes(text: str, width: int, height: int, dots: Dots) -> Iterator[tuple[int, int, int, bytes]]:
    """(x, y, length, colour) of each stroke of a line: the text across the middle and at the foot, on a dark edge."""
    dot = max(1, min(width * 6 // 10 // (4 * len(text)), height // 60))
    left = (width - 4 * len(text) * dot) // 2
    for top in (height // 2 - 2 * dot, height - 7 * dot):
        for edge, colour in ((1, BLACK), (0, WHITE)):
            for column, row in dots(text):
                for y in range(top + row * dot - edge, top + (row + 1) * dot + edge):
                    yield left + column * dot - edge, y, dot + 2 * edge, colour
