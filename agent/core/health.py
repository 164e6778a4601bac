"""Is what a camera sends of any use: verdicts from figures of its pictures and of its stream. Pure arithmetic.

Rules of this file:
- a fault is named only after it has held for `after_s` without two good looks in a row, and taken back only after the
  picture was good for `clear_s`; the limit that takes back is gentler than the one that names (no flicker);
- a look that cannot tell (None) changes nothing; after a minute without looks all waiting begins anew;
- what explains the others goes first: a black picture is not called blurred too (`unless`);
- what is usual for this camera is learned slowly, only while nothing is wrong, and sharpness apart by brightness:
  a picture by infrared light is no blurred picture.

What tells a frozen picture from a still scene: a sensor is never quite still. Two pictures seconds apart differ by a
level here and there all over a live scene, however dark or strongly compressed; in a frozen one whole blocks are equal
to the last bit, and stay so. A clock that the camera draws into its picture changes a few blocks, and fools nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

SECOND = 1_000_000_000
SILENCE_NS = 60 * SECOND  # so long without a look: what was waited for is waited for again
LEARN_S = 2 * 3600.0  # the usual follows within hours
KNOWN_AFTER = 30  # looks until something is usual
LOOKS_LEAST = 4  # a fault is seen so often at least


class Look(NamedTuple):
    """Figures of one small grey picture, 0 black to 255 white. Shares are in thousandths; None: cannot be told.

    flat: blocks without any texture; still: blocks equal to those of the look before, to the last bit; sharpness:
    variance of the Laplacian by the variance of the picture, in thousandths; alike: how well its edges fit those of the
    reference (100 to 260 for any other view, 700 to 1000 for the same); shift: how far the best fit lies away, by the
    picture's width; unmasked: pixels under the camera's own privacy mask that are not constant.
    """

    mono_ns: int
    mean: int
    spread: int
    bright: int
    flat: int
    sharpness: int
    still: int | None = None
    alike: int | None = None
    shift: int | None = None
    unmasked: int | None = None


class Flow(NamedTuple):
    """What came over some seconds: thousandths of pictures a second, kilobits a second, its clock less ours."""

    mono_ns: int
    fps_milli: int
    kbit_s: int
    clock_off_ms: int | None = None


@dataclass(frozen=True)
class Limits:
    """What the site asks. least_fps, least_kbit_s: 0 goes by what is usual; ignore: faults that are none here."""

    least_fps: int = 0
    least_kbit_s: int = 0
    clock_off_s: int = 10
    ignore: frozenset[str] = frozenset()


# --- what is usual ---


class Learned:
    """A value that follows what it sees, slowly, and outliers not at all."""

    def __init__(self, value: float = 0.0, looks: int = 0) -> None:
        self.value = value
        self.looks = looks

    @property
    def known(self) -> bool:
        return self.looks >= KNOWN_AFTER

    def see(self, seen: float, since_s: float) -> None:
        """One more; `since_s` after the one before."""
        self.looks = min(self.looks + 1, 1_000_000)
        if self.looks <= KNOWN_AFTER:
            self.value += (seen - self.value) / self.looks
            return
        most = 0.5 * abs(self.value) + 1
        self.value += max(-most, min(most, seen - self.value)) * min(0.05, since_s / LEARN_S)


BRIGHTNESS = (32, 64, 96, 128, 176, 256)  # sharpness is usual for pictures of like brightness


class Usual:
    """What this camera's pictures and stream are like when nothing is wrong."""

    def __init__(self) -> None:
        self.flat = Learned()
        self.fps_milli = Learned()
        self.kbit_s = Learned()
        self.sharpness = [Learned() for _ in BRIGHTNESS]

    def sharp(self, mean: int) -> Learned | None:
        """The usual sharpness of pictures as bright as this, or nearly; None while nothing is known of such."""
        at = next(n for n, below in enumerate(BRIGHTNESS) if mean < below)
        near = (self.sharpness[n] for n in (at, at - 1, at + 1) if 0 <= n < len(BRIGHTNESS))
        return next((learned for learned in near if learned.known), None)

    def see(self, look: Look, since_s: float) -> None:
        """A picture with which nothing is wrong."""
        self.flat.see(look.flat, since_s)
        at = next(n for n, below in enumerate(BRIGHTNESS) if look.mean < below)
        self.sharpness[at].see(look.sharpness, since_s)

    def flows(self, flow: Flow, since_s: float) -> None:
        """A stream with which nothing is wrong."""
        self.fps_milli.see(flow.fps_milli, since_s)
        self.kbit_s.see(flow.kbit_s, since_s)

    def _all(self) -> dict[str, Learned]:
        named = {"flat": self.flat, "fps_milli": self.fps_milli, "kbit_s": self.kbit_s}
        return named | {f"sharpness-{n}": learned for n, learned in enumerate(self.sharpness)}

    def kept(self) -> dict[str, list[int]]:
        """To be kept over a restart."""
        return {name: [round(learned.value), learned.looks] for name, learned in self._all().items()}

    def take_up(self, kept: Mapping[str, object]) -> None:
        """What was kept. What makes no sense is left out: it is learned again."""
        for name, learned in self._all().items():
            match kept.get(name):
                case [int(value), int(looks)] if looks >= 0:
                    learned.value, learned.looks = float(value), looks


# --- the faults ---

Judge = Callable[[Look, Usual, bool], bool | None]
FlowJudge = Callable[[Flow, Usual, Limits, bool], bool | None]


def _black(look: Look, _usual: Usual, standing: bool) -> bool:
    return look.mean < (56 if standing else 48) and look.flat >= (900 if standing else 940)


def _over_exposed(look: Look, _usual: Usual, standing: bool) -> bool:
    washed_out = look.mean > 225 and look.flat >= 900
    return look.bright >= (550 if standing else 700) or washed_out


def _frozen(look: Look, _usual: Usual, standing: bool) -> bool | None:
    return None if look.still is None else look.still >= (900 if standing else 950)


def _covered(look: Look, usual: Usual, standing: bool) -> bool:
    limit = 950.0
    if usual.flat.known:
        limit = max(850.0, usual.flat.value + 0.8 * (1000 - usual.flat.value))
    return look.flat >= limit - (100 if standing else 0)


def _blurred(look: Look, usual: Usual, standing: bool) -> bool | None:
    learned = usual.sharp(look.mean)
    return None if learned is None else look.sharpness < learned.value * (0.5 if standing else 0.35)


def _moved(look: Look, _usual: Usual, standing: bool) -> bool | None:
    if look.alike is None or look.shift is None:
        return None
    if look.alike < (380 if standing else 300):
        return True  # another view altogether
    if look.alike >= 450:
        return look.shift >= (15 if standing else 25)
    return None  # neither clearly the same view nor another: rain, night, something large in front


def _unmasked(look: Look, _usual: Usual, standing: bool) -> bool | None:
    return None if look.unmasked is None else look.unmasked >= (10 if standing else 20)


def _slow(flow: Flow, usual: Usual, limits: Limits, standing: bool) -> bool | None:
    if limits.least_fps:
        return flow.fps_milli < limits.least_fps * (1000 if not standing else 1050)
    if not usual.fps_milli.known:
        return None
    return flow.fps_milli < usual.fps_milli.value * (0.5 if standing else 0.4)


def _thin(flow: Flow, usual: Usual, limits: Limits, standing: bool) -> bool | None:
    if limits.least_kbit_s:
        return flow.kbit_s < limits.least_kbit_s * (1.0 if not standing else 1.05)
    if not usual.kbit_s.known:
        return None
    return flow.kbit_s < usual.kbit_s.value * (0.06 if standing else 0.04)


def _wrong_time(flow: Flow, _usual: Usual, limits: Limits, standing: bool) -> bool | None:
    if flow.clock_off_ms is None:
        return None
    return abs(flow.clock_off_ms) > limits.clock_off_s * (900 if standing else 1000)


@dataclass(frozen=True)
class Fault:
    """One thing that can be wrong. unless: not judged while one of these is the case; figures: what is said of it."""

    name: str
    after_s: int
    clear_s: int
    figures: tuple[str, ...]
    picture: Judge | None = None
    flow: FlowJudge | None = None
    unless: tuple[str, ...] = ()
    looks: int = LOOKS_LEAST


_BLIND = ("black", "over_exposed", "covered")
FAULTS: tuple[Fault, ...] = (
    Fault("black", 90, 20, ("mean", "flat"), _black),
    Fault("over_exposed", 90, 20, ("mean", "bright"), _over_exposed),
    Fault("covered", 90, 20, ("flat", "mean"), _covered, unless=("black", "over_exposed")),
    Fault("frozen", 60, 10, ("still",), _frozen, unless=("black", "over_exposed")),
    Fault("blurred", 120, 30, ("sharpness",), _blurred, unless=_BLIND),
    Fault("moved", 90, 30, ("shift", "alike"), _moved, unless=(*_BLIND, "blurred")),
    Fault("unmasked", 2, 60, ("unmasked",), _unmasked, looks=2),
    Fault("slow", 60, 30, ("fps_milli",), flow=_slow),
    Fault("thin", 60, 30, ("kbit_s",), flow=_thin, unless=("slow",)),
    Fault("wrong_time", 60, 30, ("clock_off_ms",), flow=_wrong_time, looks=2),
)
NAMES = tuple(fault.name for fault in FAULTS)


class Change(NamedTuple):
    """A fault is named (`since_ns` 0) or taken back (named at `since_ns`). figures: in words and whole numbers."""

    fault: str
    wrong: bool
    figures: str
    since_ns: int


@dataclass
class _Standing:
    """One fault's waiting: since when and how often it was seen, or was not; named_ns: since when it is named."""

    bad_ns: int | None = None
    bad: int = 0
    good_ns: int | None = None
    good: int = 0
    named_ns: int | None = None

    def see(self, wrong: bool, now_ns: int) -> None:
        if wrong:
            self.bad_ns = now_ns if self.bad_ns is None else self.bad_ns
            self.bad, self.good, self.good_ns = self.bad + 1, 0, None
            return
        self.good_ns = now_ns if self.good_ns is None else self.good_ns
        self.good += 1
        if self.good >= 2:
            self.bad, self.bad_ns = 0, None

    def forget(self) -> None:
        self.bad, self.bad_ns, self.good, self.good_ns = 0, None, 0, None


@dataclass
class Health:
    """The verdicts on one camera. `usual` may come from an earlier run, `standing` says what is named already."""

    limits: Limits = field(default_factory=Limits)
    usual: Usual = field(default_factory=Usual)
    _waiting: dict[str, _Standing] = field(default_factory=dict)
    _last_ns: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._waiting = {fault.name: _Standing() for fault in FAULTS if fault.name not in self.limits.ignore}

    @property
    def wrong(self) -> list[str]:
        """The faults that are named just now."""
        return [name for name, one in self._waiting.items() if one.named_ns is not None]

    def named(self, fault: str, since_ns: int) -> None:
        """A fault that an earlier run named and did not take back."""
        if fault in self._waiting:
            self._waiting[fault].named_ns = since_ns

    def look(self, look: Look) -> list[Change]:
        """One picture's figures; what is to be told of it."""
        since_s = self._since_s("picture", look.mono_ns)
        judged = ((f, lambda s, f=f: f.picture(look, self.usual, s)) for f in FAULTS if f.picture is not None)
        changes, any_wrong = self._judge(judged, look, look.mono_ns)
        if not any_wrong:
            self.usual.see(look, since_s)
        return changes

    def flow(self, flow: Flow) -> list[Change]:
        """What came over the last seconds; what is to be told of it."""
        since_s = self._since_s("flow", flow.mono_ns)
        judged = ((f, lambda s, f=f: f.flow(flow, self.usual, self.limits, s)) for f in FAULTS if f.flow is not None)
        changes, any_wrong = self._judge(judged, flow, flow.mono_ns)
        if not any_wrong:
            self.usual.flows(flow, since_s)
        return changes

    def _since_s(self, feed: str, now_ns: int) -> float:
        """Seconds since the last of this feed; after a silence all waiting for it begins anew."""
        last_ns = self._last_ns.get(feed, now_ns)
        self._last_ns[feed] = now_ns
        if now_ns - last_ns > SILENCE_NS:
            for fault in FAULTS:
                if (fault.picture is not None) == (feed == "picture") and fault.name in self._waiting:
                    self._waiting[fault.name].forget()
            return 0.0
        return (now_ns - last_ns) / SECOND

    def _judge(
        self,
        judged: Iterable[tuple[Fault, Callable[[bool], bool | None]]],
        figures: Look | Flow,
        now_ns: int,
    ) -> tuple[list[Change], bool]:
        changes: list[Change] = []
        wrong: set[str] = set()
        for fault, judge in judged:
            one = self._waiting.get(fault.name)
            if one is None or wrong & set(fault.unless):
                continue
            verdict = judge(one.named_ns is not None)
            if verdict is None:
                continue
            one.see(verdict, now_ns)
            if verdict:
                wrong.add(fault.name)
            change = _change(fault, one, figures, now_ns)
            changes += [change] if change else []
        return changes, bool(wrong or set(self.wrong) - {"unmasked"})


def _change(fault: Fault, one: _Standing, figures: Look | Flow, now_ns: int) -> Change | None:
    """The fault is named or taken back, if it is time."""
    if one.named_ns is None:
        held = one.bad_ns is not None and now_ns - one.bad_ns >= fault.after_s * SECOND
        if not (held and one.bad >= fault.looks and one.good == 0):
            return None
        one.named_ns = now_ns
        return Change(fault.name, True, _told(fault, figures), 0)
    if one.good_ns is None or one.good < 2 or now_ns - one.good_ns < fault.clear_s * SECOND:
        return None
    since_ns, one.named_ns = one.named_ns, None
    return Change(fault.name, False, _told(fault, figures), since_ns)


def _told(fault: Fault, figures: Look | Flow) -> str:
    return ", ".join(f"{name} {getattr(figures, name)}" for name in fault.figures)
