"""What a signed command is answered with."""

from __future__ import annotations

import pytest

from agent.panel.orders import LINE_MOST, _line


@pytest.mark.parametrize(
    ("things", "line"),
    [
        ([], "-"),
        (["siren"], "siren"),
        (["siren", "beacon"], "siren, beacon"),
        (["x" * LINE_MOST], "x" * LINE_MOST),
        (["x" * (LINE_MOST + 1)], "1"),
        (["x" * 100, "y" * 100, "z"], "x" * 100 + " + 2"),
    ],
)
def test_a_line_has_whole_things_and_says_what_it_left_out(things: list[str], line: str) -> None:
    assert _line(things) == line
    assert len(line) <= 200
