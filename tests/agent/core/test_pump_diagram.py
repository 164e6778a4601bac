"""agent/core/pump.md is drawn from the table; `.venv/bin/python tests/agent/core/test_pump_diagram.py` draws it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from agent.core.pump.table import SHOWN, TABLE, Stage, State
from agent.core.pump.watch import READY, WATCHES

PATH = Path(__file__).parents[3] / "agent/core/pump.md"


def state_of(stage: Stage) -> str:
    return "REST" if stage is Stage.REST else SHOWN[stage].name


def arrows() -> dict[tuple[str, str], list[str]]:
    """(state, next state) -> inputs; steps inside one state are left to the table below."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (stage, what), (after, _) in TABLE.items():
        pair = state_of(stage), state_of(after)
        if pair[0] != pair[1] and what.name not in found[pair]:
            found[pair].append(what.name)
    return found


def text() -> str:
    """The whole file."""
    lines = ["# The fire pump's machine", ""]
    lines += ["Drawn from [table.py](pump/table.py) and [watch.py](pump/watch.py) by its test.", ""]
    lines += ["```mermaid", "stateDiagram-v2", "    [*] --> UNKNOWN: boot"]
    lines += ["    UNKNOWN --> REST: vital loops well for 5 s, recomputed from levels"]
    lines += ["    state REST {"]
    lines += [f"        {state.name}" for state in (State.READY, State.NOT_READY, State.IMPAIRED)]
    lines += ["        READY --> NOT_READY: readiness lost", "        NOT_READY --> READY: all back"]
    lines += ["        READY --> IMPAIRED: permit", "        IMPAIRED --> NOT_READY: permit ends", "    }"]
    lines += [f"    {before} --> {after}: {', '.join(inputs)}" for (before, after), inputs in arrows().items()]
    lines += ["```", "", "`UNKNOWN` is shown, whatever the stage, while a vital loop is broken. A stage is finer than"]
    lines += [
        "the state that people see:",
        "",
        "| stage | shown | input | next stage | says |",
        "|---|---|---|---|---|",
    ]
    for (stage, what), (after, said) in TABLE.items():
        says = ", ".join(one.name for one in said)
        lines.append(f"| {stage.name} | {state_of(stage)} | {what.name} | {after.name} | {says} |")
    ready = ", ".join(f"{role} {'on' if level else 'off'}" for role, level in READY.items())
    lines += ["", f"Ready is, of what is wired: {ready}.", ""]
    lines += ["| watched beside it | stands while | reminded of |", "|---|---|---|"]
    for watch in WATCHES:
        holds = " and ".join(f"{role} {'on' if level else 'off'}" for role, level in watch.holds)
        lines.append(f"| `{watch.kind}` | {holds} | {'yes' if watch.remind else 'no'} |")
    return "\n".join(lines) + "\n"


def test_the_diagram_is_current() -> None:
    again = "draw it anew: .venv/bin/python tests/agent/core/test_pump_diagram.py"
    assert PATH.read_text(encoding="utf-8") == text(), again


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
