"""standpipe pins: what is wired to which pin, as a drawing of the header where there is one."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from agent.cli.place import look
from agent.cli.site_texts import SITE_TEXTS
from agent.cli.terminal import BOLD, CYAN, DIM, MAGENTA, RED, YELLOW, columns, pad, paint, safe, width
from agent.cli.texts import Texts
from agent.config import SiteConfig, load
from agent.config.pins import SPI, channel_of, pulled_up_at_boot
from agent.runtime.paths import Paths
from hw.ports import line_name

HELP = """\
Draws the 40-pin header of the board with what is wired where: physical pin and GPIO name, points and relays.
For boards whose lines have other names it prints a list. Only the site file is read; no pin is touched."""
SUPPLY = {1: "3.3 V", 17: "3.3 V", 2: "5 V", 4: "5 V"} | dict.fromkeys((6, 9, 14, 20, 25, 30, 34, 39), "GND")
COLOURS = {"3.3 V": RED, "5 V": RED, "GND": DIM, "point": CYAN, "relay": YELLOW, "adc": MAGENTA}
LABEL_MIN, LABEL_MAX = 8, 24
MIDDLE = 25  # " GPIO17 11 o o 12 GPIO18 ", without the labels


@dataclass(frozen=True)
class Wire:
    """One end of a wire. pin: as the site file has it; line: its one name; board: physical pin of a header, or 0."""

    id: str
    what: str
    pin: str
    line: str
    board: int
    kind: str
    notes: tuple[str, ...]


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--list", action="store_true", help="a list, on a board with a header too")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace, paths: Paths) -> int:
    config = load(paths.site)
    t = Texts(look(paths).language, SITE_TEXTS)
    found = wires(config, t)
    if args.json:
        print(json.dumps([asdict(wire) for wire in found], ensure_ascii=False, indent=2))
        return 0
    print("\n".join(_page(found, t, args.list) if found else [t("nothing-wired")]))
    return 0


def _page(found: Sequence[Wire], t: Texts, list_only: bool) -> list[str]:
    lines = listed(found, t)
    elsewhere = [wire.id for wire in found if not wire.board]
    if list_only:
        return lines
    if len(elsewhere) == len(found):
        return [t("no-header"), "", *lines]
    notes = [t("header"), *([t("off-header", ids=" ".join(elsewhere))] if elsewhere else [])]
    return [*drawn(found, shutil.get_terminal_size().columns), "", *notes, "", *lines]


def header() -> dict[str, int]:
    """Line -> physical pin of the 40-pin header."""
    return {line: pin for pin in range(1, 41) if (line := line_name(f"BOARD{pin}")).startswith("GPIO")}


def wires(config: SiteConfig, t: Texts) -> list[Wire]:
    """Everything that is wired, in the order of the site file."""
    found = []
    for point in config.point:
        wiring = (
            t("supervised-loop") if channel_of(point.pin) else t("bias-none" if point.bias == "none" else point.bias)
        )
        found.append(_wire(point.id, "point", point.pin, point.kind, (t(point.contact), wiring)))
    found += [_wire(one.id, "point", one.pin, "analog", ("4-20 mA", one.unit)) for one in config.analog]
    for relay in config.relay:
        notes = [t(f"active-{relay.active}"), t(f"rests-{relay.rest}")]
        notes += [t("pulled-up")] if pulled_up_at_boot(relay.pin) else []
        found.append(_wire(relay.id, "relay", relay.pin, "relay", tuple(notes)))
    found += [_wire(f"adc{i}", "adc", pin, "adc", (t("adc-select"),)) for i, pin in enumerate(config.board.adc)]
    found += [_wire("adc", "adc", pin, "adc", ("SPI",)) for pin in (SPI if config.board.adc else ())]
    return found


def _wire(id_: str, what: str, pin: str, kind: str, notes: tuple[str, ...]) -> Wire:
    line = line_name(pin)
    return Wire(id_, what, pin, line, header().get(line.upper(), 0), kind, notes)


def listed(found: Sequence[Wire], t: Texts) -> list[str]:
    """One line for each wire, by physical pin."""
    ordered = sorted(found, key=lambda wire: (wire.board or 99, wire.line))
    rows = [
        [f"{wire.board:>2}" if wire.board else "", wire.line, wire.id, t(f"kind-{wire.kind}"), ", ".join(wire.notes)]
        for wire in ordered
    ]
    return [paint(line, COLOURS[wire.what]) for line, wire in zip(columns(rows), ordered, strict=True)]


def drawn(found: Sequence[Wire], room: int) -> list[str]:
    """The header, pin 1 at the top left; ids are cut to what the terminal has room for."""
    label = max(LABEL_MIN, min(LABEL_MAX, (room - MIDDLE) // 2, max(width(wire.id) for wire in found)))
    at = {wire.board: wire for wire in found}
    names = {pin: line for line, pin in header().items()}
    lines = []
    for pin in range(1, 41, 2):
        left, right = (_pin(one, at, names, label) for one in (pin, pin + 1))
        lines.append(
            f"{left[1]} {left[0]} {paint(f'{pin:>2}', BOLD)} {left[2]} {right[2]} "
            f"{paint(f'{pin + 1:<2}', BOLD)} {right[0]} {right[1].rstrip()}".rstrip()
        )
    return lines


def _pin(pin: int, at: dict[int, Wire], names: dict[int, str], label: int) -> tuple[str, str, str]:
    """(name, label, hole) of one pin, the left ones to the right."""
    wire, name = at.get(pin), SUPPLY.get(pin) or names[pin]
    text = "" if wire is None else _cut(safe(wire.id), label)
    left = pin % 2 == 1
    filled = " " * (label - width(text)) + text if left else pad(text, label)
    name_filled = f"{name:>6}" if left else f"{name:<6}"
    colour = COLOURS[wire.what] if wire else COLOURS.get(name)
    hole = "●" if wire else "○"
    if colour is None:
        return paint(name_filled, DIM), filled, hole
    return paint(name_filled, colour), paint(filled, colour) if text else filled, paint(hole, colour)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"
