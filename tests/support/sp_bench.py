"""How a bench reports: one JSON line with its value, the same run's reference, the ratio, and what it must reach."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which `part` (0..1) of them lie; nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def report(
    name: str, unit: str, value: float, reference: float | None, must: str, ok: bool, **more: object
) -> None:  # fmt: skip
    """Print the line. ratio = value / reference; must says the bound in words; more: whatever else was measured."""
    line = {
        "bench": name,
        "unit": unit,
        "value": round(value, 4),
        "reference": None if reference is None else round(reference, 4),
        "ratio": None if not reference else round(value / reference, 3),
        "must": must,
        "ok": ok,
        "load": round(os.getloadavg()[0], 2),
        **more,
    }
    print(json.dumps(line), flush=True)


def cpu_s(pid: int) -> float:
    """Seconds of processor that a running process has used, its threads too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def long_wanted() -> bool:
    """True if the full counts were asked for."""
    return "--long" in sys.argv[1:]
