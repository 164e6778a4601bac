"""Streams of x264 and x265 with the quantisers that FFmpeg reads in them, and parts of streams written by hand."""

from __future__ import annotations

import io
import re
import subprocess

import av

from agent.core.quantiser import HEAD_BYTES, SETS_BYTES

CODERS = {"h264": "libx264", "hevc": "libx265"}
PICTURE = "testsrc2=size=128x96:rate=25:duration=1.6,fade=in:5:12,fade=out:22:10"
NAMES = "first_mb_in_slice|first_slice_segment_in_pic_flag|(?:pic_)?init_qp_minus26|slice_qp_delta"
WORD = re.compile(rf"({NAMES}) .*= (-?\d+)$", re.MULTILINE)
FIRST = {"first_mb_in_slice": "0", "first_slice_segment_in_pic_flag": "1"}


def stream(codec: str, options: str) -> tuple[bytes, list[int]]:
    """(the stream, the quantisers of its pictures as FFmpeg's trace_headers reads them)."""
    command = ["ffmpeg", "-hide_banner", "-loglevel", "trace", "-f", "lavfi", "-i", PICTURE, "-c:v", CODERS[codec]]
    command += [*options.split(), "-bsf:v", "trace_headers", "-f", codec, "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    start, first, found = 26, False, list[int]()
    for name, text in WORD.findall(done.stderr.decode(errors="replace")):
        if name in FIRST:
            first = text == FIRST[name]
        elif name != "slice_qp_delta":
            start = 26 + int(text)
        elif first:
            found.append(start + int(text))
    return done.stdout, found


def packets(codec: str, data: bytes) -> tuple[bytes, list[av.Packet]]:
    """(the headers, the packets) of a stream."""
    with av.open(io.BytesIO(data), format=codec) as file:
        headers = bytes(file.streams.video[0].codec_context.extradata or b"")
        return headers, [packet for packet in file.demux(video=0) if packet.size]


def head(packet: av.Packet) -> bytes:
    """As much of it as a recorder reads."""
    return bytes(memoryview(packet)[: SETS_BYTES if packet.is_keyframe else HEAD_BYTES])


def ue(value: int) -> str:
    """An unsigned Exp-Golomb number."""
    bits = f"{value + 1:b}"
    return "0" * (len(bits) - 1) + bits


def se(value: int) -> str:
    """A signed one."""
    return ue(2 * value - 1 if value > 0 else -2 * value)


def unit(header: bytes, bits: str) -> bytes:
    """A unit with its start code and escapes."""
    bits += "1" + "0" * (-(len(bits) + 1) % 8)
    body = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return b"\0\0\1" + header + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", body)
