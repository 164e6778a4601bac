"""What every event is: its source, signal class, lane and data; `kind` registers one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import ClassVar, TypeVar, dataclass_transform


class Signal(StrEnum):
    """Signal class, as NFPA 72 uses the words."""

    ALARM = "alarm"
    SUPERVISORY = "supervisory"
    TROUBLE = "trouble"
    STATUS = "status"


class Lane(StrEnum):
    """The two streams of the uplink: `alarm` goes before `status`."""

    ALARM = "alarm"
    STATUS = "status"


Value = str | int | bool | list[str] | list[int] | dict[str, str] | None

E = TypeVar("E", bound="Event")

KINDS: dict[str, type[Event]] = {}
MARKS = ("drill", "walk_test")  # what a row may be marked with, whatever its kind


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class Event:
    """Base of all kinds. `KIND` is the journal's `kind`; a lane set here beats the signal class.

    How events are compared and shown stands here once: made for each of 200 kinds it costs every process 1 MiB.
    """

    KIND: ClassVar[str] = ""
    LANE: ClassVar[Lane | None] = None

    source: str
    signal: Signal = Signal.STATUS
    drill: bool = False
    walk_test: bool = False

    def _values(self) -> tuple[tuple[str, object], ...]:
        return tuple((f.name, getattr(self, f.name)) for f in fields(self))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Event) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((self.KIND, self._values()))

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in self._values())})"

    @property
    def lane(self) -> Lane:
        """Alarm lane for everything that is not mere status (see architecture: Journal)."""
        if self.LANE is not None:
            return self.LANE
        return Lane.STATUS if self.signal is Signal.STATUS else Lane.ALARM

    def data(self) -> dict[str, Value]:
        """The row's data: every field but source and signal, and marks only where they are true."""
        names = (f.name for f in fields(self) if f.name not in ("source", "signal", *MARKS))
        found: dict[str, Value] = {name: getattr(self, name) for name in names}
        return found | {mark: True for mark in MARKS if getattr(self, mark)}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def kind(name: str, *, lane: Lane | None = None) -> Callable[[type[E]], type[E]]:
    """Class decorator: a frozen dataclass registered under its journal kind. Twice the same name is a bug."""

    def wrap(cls: type[E]) -> type[E]:
        if name in KINDS:
            raise ValueError(f"two events of kind {name}")
        made = dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)(cls)
        made.KIND = name
        made.LANE = lane
        KINDS[name] = made
        return made

    return wrap
