"""What is shorter than the time between two keyframes, on a camera that spends bits where something moves and on one
that keeps to a bit rate: known events at every place between two keyframes, from packets to rows, against keyframes
alone, and against what the sizes of packets say by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from sp_short import GOP_S, MS_A_PICTURE, Dashes, encoded, seen

from agent.core.quantiser import Quantiser
from agent.recorder.eye import CLOSE_MOST_S, CLOSE_SHARE
from agent.recorder.tap import Item

FPS = 10
FIRST_S, EVERY_S, COUNT = 14, 10, 8
LENGTH_S = FIRST_S + COUNT * EVERY_S
DASHES = Dashes((320, 180), FPS, [FIRST_S + EVERY_S * n + GOP_S * n / COUNT for n in range(COUNT)], LENGTH_S)
VARIABLE = "-preset veryfast -crf 24"
CONSTANT = "-preset veryfast -tune zerolatency -b:v 200k -maxrate 200k -bufsize 200k"


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Item]]:
    ways = {"variable": VARIABLE, "constant": CONSTANT}
    made = encoded(DASHES, list(ways.values()), tmp_path_factory.mktemp("films"))
    return dict(zip(ways, made, strict=True))


@pytest.fixture(params=["variable", "constant"])
def packets(request: pytest.FixtureRequest, films: dict[str, list[Item]]) -> list[Item]:
    return films[request.param]


def test_what_is_short_is_seen_wherever_it_falls(packets: list[Item], tmp_path: Path) -> None:
    missed, false, closely = seen(DASHES, packets, tmp_path, lambda sight: sight.close_wanted)
    assert (missed, false) == ([], 0)
    spent_s = closely * MS_A_PICTURE / 1000
    assert spent_s <= CLOSE_MOST_S + LENGTH_S * CLOSE_SHARE + GOP_S * FPS * MS_A_PICTURE / 1000, "within its allowance"


def test_keyframes_alone_miss_some_of_it(packets: list[Item], tmp_path: Path) -> None:
    missed, false, closely = seen(DASHES, packets, tmp_path, lambda sight: False)
    assert (len(missed) >= 2, false, closely) == (True, 0, 0)


def test_sizes_by_themselves_say_little_of_a_constant_bit_rate(
    films: dict[str, list[Item]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Quantiser, "of", lambda self, head: None)
    missed, false, _ = seen(DASHES, films["constant"], tmp_path, lambda sight: sight.close_wanted)
    assert (len(missed) >= 2, false) == (True, 0)
