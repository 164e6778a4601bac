"""agent/core/remote_start.md is drawn from the table; `.venv/bin/python tests/agent/core/test_remote_start_diagram.py`
draws it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from agent.core.start_table import ARMED_S, ATTEMPTS, INTERLOCKS, LOCKED_S, NONCE_S, PULSE_MS, REASONS, TABLE

PATH = Path(__file__).parents[3] / "agent/core/remote_start.md"


def arrows() -> dict[tuple[str, str], list[str]]:
    """(state, next state) -> inputs; orders that are refused are left to the table below."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (state, what), step in TABLE.items():
        if not isinstance(step, str) and step[0] is not state:
            found[state.name, step[0].name].append(what.name)
    return found


def text() -> str:
    """The whole file."""
    lines = ["# The remote start of a fire pump", ""]
    lines += ["Drawn from [start_table.py](start_table.py) by its test. There is no remote stop.", ""]
    lines += ["```mermaid", "stateDiagram-v2", "    [*] --> IDLE"]
    lines += [f"    {before} --> {after}: {', '.join(inputs)}" for (before, after), inputs in arrows().items()]
    lines += ["```", ""]
    lines += [
        f"ARM, CONFIRM and START are signed orders of one person. ARMED lasts {ARMED_S} s, CHALLENGED {NONCE_S} s, "
        f"PULSING {PULSE_MS // 1000} s",
        f"(the relay is energised in it and in no other state), LOCKED {LOCKED_S} s. LAST is the LIMIT of LOCKED after "
        f"{ATTEMPTS} pulses without a",
        "running pump; RESET begins their count anew.",
        "",
    ]
    lines += ["| state | input | next state, or the code of why not | says |", "|---|---|---|---|"]
    for (state, what), step in TABLE.items():
        after, said = (f"`{step}`", "") if isinstance(step, str) else (step[0].name, ", ".join(s.name for s in step[1]))
        lines.append(f"| {state.name} | {what.name} | {after} | {said} |")
    lines += ["", "| interlock | |", "|---|---|", *(f"| `{code}` | {REASONS[code]} |" for code, _ in INTERLOCKS)]
    return "\n".join(lines) + "\n"


def test_the_diagram_is_current() -> None:
    again = "draw it anew: .venv/bin/python tests/agent/core/test_remote_start_diagram.py"
    assert PATH.read_text(encoding="utf-8") == text(), again


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
