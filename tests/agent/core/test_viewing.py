"""By whose word a clip was cut."""

from __future__ import annotations

import pytest

from agent.core.viewing import asked_by


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        ("command:chen", ("command", "chen")),
        ("person:root", ("account", "root")),
        ("door.opened:gate", ("rule", "")),
        ("", ("rule", "")),
    ],
)
def test_who_had_a_clip_cut(cause: str, told: tuple[str, str]) -> None:
    assert asked_by(cause) == told
