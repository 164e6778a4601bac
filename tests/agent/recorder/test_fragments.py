"""The fragmenter: a fragment per keyframe or second, and what each says of itself."""

import io
import itertools
from fractions import Fraction

import av
import sp_footage
from sp_footage import NS, fragments, stamp

from agent.footage import boxes
from hw.cameras.card import CardCode, CardPainter
from hw.cameras.encoder import copyable


def shape(made):
    return [(f.frames, f.key, f.duration) for f in made]


def test_short_gops_give_a_fragment_each():
    assert shape(fragments(30, fps=10, gop=5)) == [(5, True, 45_000)] * 6


def test_long_gops_are_cut_after_a_second():
    assert shape(fragments(30, fps=10, gop=30)) == [(10, True, 90_000), (10, False, 90_000), (10, False, 90_000)]


def test_every_keyframe_begins_a_fragment_also_right_after_a_second_is_full():
    """Were it not so, a camera with 1.1 s from keyframe to keyframe would hardly ever let a segment begin."""
    made = fragments(66, fps=10, gop=11)
    assert shape(made) == [(10, True, 90_000), (1, False, 9_000)] * 6


def test_motion_jpeg_does_not_make_a_fragment_of_each_picture():
    sink = io.BytesIO()
    with av.open(sink, "w", format="matroska") as out:
        stream = out.add_stream("mjpeg", rate=10, width=320, height=180, pix_fmt="yuvj420p")
        stream.codec_context.time_base = Fraction(1, 10)
        painter = CardPainter(320, 180)
        for n in range(25):
            frame = painter.frame(CardCode(n, 1)).reformat(format="yuvj420p")
            frame.pts, frame.time_base = n, Fraction(1, 10)
            out.mux(stream.encode(frame))
    sink.seek(0)
    with av.open(sink) as back:
        fragmenter = sp_footage.Fragmenter(back.streams.video[0], 1, lambda: stamp(1))
        packets = [p for p in back.demux(video=0) if p.size]
        made = [f for n, p in enumerate(packets) for f in fragmenter.add(p, n * NS // 10)] + fragmenter.finish()
    assert shape(made) == [(10, True, 90_000), (10, True, 90_000), (5, True, 45_000)]


def test_fragments_follow_each_other_without_hole_or_overlap():
    made = fragments(55, fps=10, gop=20)
    assert sum(f.frames for f in made) == 55
    assert [f.number for f in made] == list(range(1, len(made) + 1))
    assert all(a.dts + a.duration == b.dts for a, b in itertools.pairwise(made))
    assert len({f.init for f in made}) == 1


def test_the_bytes_are_playable_and_say_the_same():
    made = fragments(25, fps=10, gop=10)
    for f in made:
        moof = f.body[: int.from_bytes(f.body[:4], "big")]
        found = boxes.samples(moof)
        assert len(found) == f.frames
        assert sum(sample.duration for sample in found) == f.duration
        assert found[0].sync is f.key
        assert sum(sample.size for sample in found) == len(f.body) - len(moof) - 8
    with av.open(io.BytesIO(made[0].init + b"".join(f.body for f in made))) as file:
        assert sum(1 for _ in file.decode(video=0)) == 25


def test_the_start_is_when_the_least_delayed_packet_says_it_was(monkeypatch):
    """A burst at connecting (packets that were held back) must not make the footage look younger than it is."""
    late_ns = [int(0.4 * NS), int(0.3 * NS), int(0.2 * NS), int(0.1 * NS)] + [0] * 100
    made = []
    add = sp_footage.Fragmenter.add

    def delayed(self, packet, mono_ns):
        return add(self, packet, mono_ns + late_ns.pop(0))

    monkeypatch.setattr(sp_footage.Fragmenter, "add", delayed)
    made = fragments(20, fps=10, gop=10, start=stamp(50))
    assert abs(made[0].start.mono_ns - 50 * NS) < NS // 1000
    assert abs(made[0].start.at_ns - stamp(50).at_ns) < NS // 1000


def test_nothing_is_taken_before_the_first_keyframe():
    with av.open(io.BytesIO(), "w", format="matroska") as out:
        encoder = sp_footage.CardEncoder(out, 320, 180, 10, gop=10)
        _sample, template = copyable(320, 180, 10, 10)
        packets = [p for n in range(30) for p in encoder.encode(n)]
        fragmenter = sp_footage.Fragmenter(template, 1, lambda: stamp(1))
        made = [f for n, p in enumerate(packets[4:]) for f in fragmenter.add(p, n * NS // 10)] + fragmenter.finish()
    assert sum(f.frames for f in made) == 20
    assert made[0].key
