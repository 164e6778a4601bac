"""What our own gpiozero pins have in common, whatever stands below them."""

from __future__ import annotations

from types import MethodType
from typing import Any
from weakref import WeakMethod, ref

from gpiozero.pins import Pin, PinInfo


def pin_info(name: str) -> PinInfo:
    """A line on no header, known by its name, and by its number if it has one."""
    number = name.removeprefix("GPIO")
    others = {number, int(number)} if number.isdigit() else set()
    return PinInfo(None, name, frozenset({name, *others}), "", 0, 0, frozenset({"gpio"}))


class WatchedPin(Pin):  # type: ignore[misc]  # gpiozero has no types
    """A line that somebody may watch. Who derives from it says in `_listen` what that takes."""

    def __init__(self, info: PinInfo) -> None:
        super().__init__()
        self._pin_info = info
        self._edges = "none"
        self._when_changed: ref[Any] | None = None

    def __repr__(self) -> str:
        return str(self._pin_info.name)

    @property
    def listening(self) -> bool:
        """Whether anybody wants edges."""
        return self._when_changed is not None

    def fire(self, ticks: float, state: int) -> None:
        """Pass an edge to whoever watches, if anybody still does."""
        reference = self._when_changed
        method = reference() if reference is not None else None
        if method is not None:
            method(ticks, state)

    def _listen(self) -> None:
        raise NotImplementedError

    def _get_info(self) -> PinInfo:
        return self._pin_info

    def _get_edges(self) -> str:
        return self._edges

    def _set_edges(self, value: str) -> None:
        self._edges = value
        self._listen()

    def _get_when_changed(self) -> Any:
        return None if self._when_changed is None else self._when_changed()

    def _set_when_changed(self, value: Any) -> None:
        """Kept weakly, as all gpiozero pins do: the device that watches may go without saying so."""
        if value is None:
            self._when_changed = None
        else:
            self._when_changed = WeakMethod(value) if isinstance(value, MethodType) else ref(value)
        self._listen()
