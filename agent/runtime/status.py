"""What each process says of itself, in /run: rewritten every few seconds, read by `standpipe status`. No facts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from agent.runtime.clock import mono_ns
from agent.runtime.paths import Paths

BYTES_MAX = 256 * 1024  # of one file
PID_MAX = 2**31  # pid_t


def write(paths: Paths, process: str, values: dict[str, Any]) -> None:
    """Replace run/status-PROCESS.json in one step. Adds process, pid and mono_ns. OSError if /run is full."""
    target = paths.status(process)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    text = json.dumps({"process": process, "pid": os.getpid(), "mono_ns": mono_ns(), **values}, ensure_ascii=False)
    part.write_text(text, encoding="utf-8")
    part.replace(target)


def read_all(paths: Paths) -> dict[str, dict[str, Any]]:
    """process -> what it wrote last, with `alive` (its pid exists) and `age_s`. Unreadable files are left out."""
    found = {}
    for path in sorted(paths.run.glob("status-*.json")):
        values = _read(path)
        if values is not None:
            values["alive"] = Path(f"/proc/{values['pid']}").exists()
            values["age_s"] = (mono_ns() - values["mono_ns"]) / 1e9
            found[values["process"]] = values
    return found


def _read(path: Path) -> dict[str, Any] | None:
    """None for what no process of ours has written, whatever it is: the panel reads these files, too."""
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(BYTES_MAX))
    except (OSError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) and _ours(values) else None


def _ours(values: dict[str, Any]) -> bool:
    pid, at_ns = values.get("pid"), values.get("mono_ns")
    numbers = type(pid) is int and 0 < pid <= PID_MAX and type(at_ns) is int and 0 <= at_ns < 2**63
    return numbers and isinstance(values.get("process"), str)
