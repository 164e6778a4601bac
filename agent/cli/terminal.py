"""Text on a terminal: colours only where wanted, columns that line up in Chinese too, nothing that moves the cursor."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TextIO

RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, BOLD, DIM = "31", "32", "33", "34", "35", "36", "1", "2"


def coloured(stream: TextIO | None = None) -> bool:
    """Whether to write colours: a terminal, and NO_COLOR not set (no-color.org)."""
    return (stream or sys.stdout).isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, *, on: bool | None = None) -> str:
    """The text in a colour, if colours are wanted (on stdout, unless `on` decides)."""
    return f"\x1b[{colour}m{text}\x1b[0m" if (coloured() if on is None else on) else text


def tell(text: str) -> None:
    """A line on stderr, for errors and progress. A closed stderr is no reason to fail."""
    print(safe(text), file=sys.stderr, flush=True)


def safe(text: str) -> str:
    """The text without characters that could move the cursor or change colours; line breaks stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def width(text: str) -> int:
    """Columns the text takes: Chinese characters take two, accents none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def pad(text: str, columns: int) -> str:
    """The text filled up with spaces to that many columns."""
    return text + " " * (columns - width(text))


def columns(rows: Iterable[Sequence[str]], *, indent: str = "  ") -> list[str]:
    """Rows of cells as lines in aligned columns; the last column is not filled up."""
    table = [[safe(cell) for cell in row] for row in rows]
    if not table:
        return []
    widths = [max(width(row[i]) for row in table if i < len(row)) for i in range(max(map(len, table)))]
    return [(indent + "  ".join(pad(c, w) for c, w in zip(row, widths, strict=False))).rstrip() for row in table]


def amount(count: int) -> str:
    """Bytes for people: 512 B, 3.4 MB, 12 GB."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def span(seconds: float) -> str:
    """A length of time for people: 0.4 s, 5 s, 3 min 5 s, 2 h 10 min, 5 d 3 h."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 and seconds != int(seconds) else f"{seconds:.0f} s"
    whole = int(seconds)
    for size, big, small_size, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // small_size
            return f"{whole // size} {big}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def thousandths(milli: int) -> str:
    """1250 as "1.25"."""
    return f"{milli / 1000:.3f}".rstrip("0").rstrip(".")
