"""Site files for the config's tests."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec.inspect
import pytest

from agent.config import Checked, check

GOOD = """\
[site]
id = "plant-3"
board = "pump-house"

[[point]]
id = "pump-door"
pin = "GPIO17"
kind = "door"

[[point]]
id = "pump-1-running"
pin = "GPIO22"

[[point]]
id = "button"
pin = "GPIO27"
kind = "button"
press = ["acknowledge"]

[[pump]]
id = "pump-1"
running = "pump-1-running"

[[relay]]
id = "siren"
pin = "GPIO23"

[[camera]]
id = "pump-room"
source = "rtsp://10.0.0.7/main"

[[rule]]
on = ["pump.*", "door.held_open"]
drive = ["siren"]
clip = { cameras = ["pump-room"], before_s = 10 }

[uplink]
broker = "mqtts://broker.example:8883"
"""


@pytest.fixture(autouse=True, scope="session")
def _model_read_once() -> Iterator[None]:
    """The types of the model are most of a check's cost, the same each time; a process checks one file, not 4000."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(msgspec.inspect, "type_info", functools.cache(msgspec.inspect.type_info))
        yield


@pytest.fixture
def good() -> str:
    """A site file without a mistake and without a warning."""
    return GOOD


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., Checked]:
    """look(text_or_bytes) -> what `check` finds, in English unless told otherwise."""

    def run(content: str | bytes, language: str | None = "en") -> Checked:
        path = tmp_path / "site.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return check(path, language)

    return run


@pytest.fixture
def changed(look: Callable[..., Checked], good: str) -> Callable[..., Checked]:
    """changed("old", "new", ...) -> what `check` finds in the good file with each old text replaced by the new."""

    def run(*pairs: str, language: str | None = "en") -> Checked:
        text = good
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            assert text.count(old) == 1, f"{old!r} must stand once in the good file"
            text = text.replace(old, new)
        return look(text, language)

    return run
