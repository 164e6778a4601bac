"""Events of 1.1 s, at every place between two keyframes 2 s apart: which of 16 a recorder sees without a sub stream.

The same drawn scene (sp_short.py) as cameras with a variable bit rate and with a constant one encode it, with little
noise and with much. The reference is keyframes alone; beside it stand what the sizes of packets say by themselves, and
a sub stream, which is decoded whole. What decoding takes is counted as of 1080p, against the recorder's allowance.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import sp_bench
from sp_short import GOP_S, Dashes, Seen, encoded, seen

from agent.core.quantiser import Quantiser
from agent.recorder.tap import Item

SIZE, FPS = (320, 180), 25
FIRST_S, EVERY_S = 40, 60  # what is usual is learned first; as often as the allowance is made for
LITTLE, MUCH = 9.0, 24.0  # of noise: 1.5 levels, and 4, in a picture of this size
LIVE = "-preset superfast -tune zerolatency -profile:v main"
CAMERAS = {
    LITTLE: {
        "variable bit rate, little noise": "-preset superfast -profile:v main -crf 26",
        "constant bit rate, little noise": f"{LIVE} -b:v 222k -maxrate 222k -bufsize 444k",
        "constant bit rate, half of that": f"{LIVE} -b:v 111k -maxrate 111k -bufsize 111k",
    },
    MUCH: {
        "constant bit rate, much noise": f"{LIVE} -b:v 222k -maxrate 222k -bufsize 444k",
        "half of that, much noise": f"{LIVE} -b:v 111k -maxrate 111k -bufsize 111k",
        "constant, planned ahead, much noise": "-preset veryfast -b:v 166k -maxrate 166k -bufsize 332k",
    },
}
PROMISED = ("variable", "constant bit rate")  # of others it is told how it is


def by_sizes(dashes: Dashes, items: list[Item], folder: Path) -> Seen:
    """What is seen when no packet tells how coarse it is."""
    of = Quantiser.of
    Quantiser.of = lambda self, head: None  # type: ignore[method-assign]
    try:
        return seen(dashes, items, folder, lambda sight: sight.close_wanted)
    finally:
        Quantiser.of = of  # type: ignore[method-assign]


def judge(name: str, dashes: Dashes, items: list[Item], folder: Path) -> None:
    """One camera's line."""
    count = len(dashes.starts)
    ours = seen(dashes, items, folder, lambda sight: sight.close_wanted)
    keyframes = seen(dashes, items, folder, lambda sight: False)
    sizes = by_sizes(dashes, items, folder)
    sub = seen(dashes, items, folder, lambda sight: False, every=True)
    found, known, sized = (count - len(one.missed) for one in (ours, keyframes, sizes))
    promised = name.startswith(PROMISED)
    ok = ours.false == 0 and (not promised or found >= max(known, sized))
    must = "none false, as many as by sizes" if promised else "none false; told as it is"
    sp_bench.report(
        f"short events, {name}", f"of {count}", found, known, must, ok,
        by_sizes=sized, by_sub_stream=count - len(sub.missed), false=ours.false, false_by_sizes=sizes.false,
        closely=ours.closely,
    )  # fmt: skip


def main() -> None:
    count = 48 if sp_bench.long_wanted() else 16
    starts = [FIRST_S + EVERY_S * n + GOP_S * (n % 8) / 8 for n in range(count)]
    for noise, cameras in CAMERAS.items():
        dashes = Dashes(SIZE, FPS, starts, FIRST_S + EVERY_S * count, noise)
        with tempfile.TemporaryDirectory() as folder:
            films = encoded(dashes, list(cameras.values()), Path(folder))
            for name, items in zip(cameras, films, strict=True):
                judge(name, dashes, items, Path(folder))


if __name__ == "__main__":
    main()
