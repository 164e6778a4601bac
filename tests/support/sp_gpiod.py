"""The gpiod factory with another gpiod library below it: what tests swap, and how it comes back."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

OURS = ("gpiod", "gpiod.line", "hw.gpiod_lines", "hw.gpiod_factory")


def without() -> dict[str, ModuleType]:
    """Forget the library and what is built on it; `back` brings them back as they were."""
    return {name: sys.modules.pop(name) for name in OURS if name in sys.modules}


def back(modules: dict[str, ModuleType]) -> None:
    """Undo `without`, and what was imported since."""
    for name in OURS:
        sys.modules.pop(name, None)
    sys.modules.update(modules)


def factory(folder: Path) -> Any:
    """A factory over the chips of `folder`, by the gpiod library that is in place now."""
    return importlib.import_module("hw.gpiod_factory").GpiodFactory(folder)


def info(chip: Path, offset: int) -> Any:
    """What the kernel says of a line."""
    import gpiod

    with gpiod.Chip(str(chip)) as opened:
        return opened.get_line_info(offset)
