"""Where a key stands in the file."""

from __future__ import annotations

from agent.config.lines import Lines

TEXT = '''\
# [site] in a comment
[site]
id = "a"
"board" = "b"

[[point]]
id = "one"
name = """
[[point]]
id = "not this"
"""
[[ point ]]  # two
  pin = "GPIO1"
[[rule]]
on = [
  "a.b",
]
[rule.clip]
cameras = []
[[rule]]
on = ["x"]
clip.before_s = 3
'''


def test_keys_are_found_on_their_line() -> None:
    lines = Lines(TEXT)
    assert lines.of(("site",)) == 2
    assert lines.of(("site", "id")) == 3
    assert lines.of(("site", "board")) == 4
    assert lines.of(("point", 0, "id")) == 7
    assert lines.of(("point", 1)) == 12
    assert lines.of(("point", 1, "pin")) == 13
    assert lines.of(("rule", 0, "on")) == 15
    assert lines.of(("rule", 0, "clip", "cameras")) == 19
    assert lines.of(("rule", 1, "clip", "before_s")) == 22


def test_a_missing_key_is_told_where_its_section_begins() -> None:
    lines = Lines(TEXT)
    assert lines.of(("point", 0, "pin")) == 6
    assert lines.of(("rule", 1, "drive")) == 20
    assert lines.of(("uplink", "broker")) is None
    assert lines.of(()) is None
