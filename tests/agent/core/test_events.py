"""Events are values: equal by kind and fields, shown with them, and never changed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from agent.core.events import KINDS, Event

SAMPLES: dict[str, Any] = {"str": "x", "int": 1, "bool": True, "list": ["x"], "dict": {"x": "y"}}


def made(kind: str) -> Event:
    """One with something in every field."""
    values = {f.name: next(v for word, v in SAMPLES.items() if word in str(f.type)) for f in fields(KINDS[kind])
              if f.name not in ("source", "signal", "drill", "walk_test")}  # fmt: skip
    return KINDS[kind](source="thing", **values)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_by_kind_and_fields(kind: str) -> None:
    event = made(kind)
    assert event == made(kind)
    assert event != replace(event, source="other")
    assert event != replace(event, drill=True)
    for field in fields(event):
        if field.name not in ("source", "signal", "drill", "walk_test"):
            assert event != replace(event, **changed(field.name)), field.name
    assert event != made("door.opened" if kind != "door.opened" else "door.closed")
    assert repr(event).startswith(f"{type(event).__name__}(source='thing', signal=")
    if not any(isinstance(value, list | dict) for value in event.data().values()):
        assert hash(event) == hash(made(kind))
    with pytest.raises(FrozenInstanceError):
        event.source = "other"  # type: ignore[misc]


def changed(name: str) -> dict[str, Any]:
    return {name: "another"}
