"""The panel's memory with 40 points and 3 pumps: its process at rest, and how it grows over a million events.

The process is the real one over the simulated board. The events are made in a process of their own by plain calls of
the same decider (an hour of chatter, runs, faults and acknowledgements every few milliseconds), as the panel itself
would take days for them; what that process grows by is added to the panel's.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from sp_bench import long_wanted, report
from sp_site import Site, until

from agent.config import load
from agent.core.analog import Fault, Limit, Measured
from agent.core.chain import Stamp
from agent.core.supervision import Reading, Reads
from agent.panel import memory
from agent.panel.decide import Decider
from agent.panel.notes import Lost
from agent.panel.plan import plan

PUMPS, LIMIT_MIB = 3, 40.0
MS, S = 1_000_000, 1_000_000_000
ROLES = ("power", "phase_loss", "valve", "trouble", "tank_low", "patrol", "jockey")  # on converters
FREE = iter([4, 5, 6, 12, 13, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 2, 3, 14])


def site_text() -> str:
    """3 pumps with 10 contacts each, 10 more contacts, a value, two relays: 40 points on 19 lines and 21 channels."""
    lines = ['[site]\nid = "plant"\nboard = "b"\n\n[board]\nadc = ["GPIO8", "GPIO7", "GPIO15"]']
    channels = iter(f"ADC{number // 8}.{number % 8}" for number in range(24))
    for pump in range(1, PUMPS + 1):
        wired = {}
        for role in ("running", "demand", "auto", *ROLES):
            wired[role] = f"p{pump}-{role.replace('_', '-')}"
            pin = next(channels) if role in ROLES else f"GPIO{next(FREE)}"
            lines.append(f'[[point]]\nid = "{wired[role]}"\npin = "{pin}"\nsettle_ms = 10')
        made = "\n".join(f'{role} = "{point}"' for role, point in wired.items())
        lines.append(f'[[pump]]\nid = "pump-{pump}"\n{made}\nlow_suction = "suction"')
    for number in range(9):
        lines.append(f'[[point]]\nid = "c{number}"\npin = "GPIO{next(FREE)}"\nclass = "supervisory"\nsettle_ms = 10')
    lines.append('[[point]]\nid = "door"\nkind = "door"\npin = "ADC2.7"\nheld_open_s = 5')
    lines.append('[[analog]]\nid = "suction"\npin = "ADC2.6"\nlow_milli = 500')
    lines += [f'[[relay]]\nid = "r{number}"\npin = "GPIO{next(FREE)}"' for number in range(2)]
    lines.append('[[rule]]\non = ["pump.*", "point.*", "alarm.raised"]\ndrive = ["r0"]')
    lines.append('[[rule]]\non = ["door.opened"]\ndrive = ["r1"]\nuntil = "time"\nfor_s = 1')
    return "\n\n".join(lines) + "\n"


def rss_mib(pid: int | str = "self") -> float:
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def feed(decider: Decider, events: int) -> int:
    """Random life until so many rows have been said; the largest state noted, in bytes."""
    dice, now_ns, said, number, state = random.Random(7), 10 * S, 0, 0, 0
    points = [p.id for p in decider.plan.points.values()]
    loops = set(decider.plan.bands)
    while said < events:
        number += 1
        now_ns += dice.choice((1, 5, 15, 15, 40, 600)) * MS
        now = Stamp(1_800_000_000 * S + now_ns, "boot", now_ns, "synced")
        point = dice.choice(points)
        if point in loops:
            decider.loop(point, Reading(dice.choice((Reads.CLOSED, Reads.OPENED, Reads.OPEN)), now_ns, 0), now)
        else:
            decider.edge(point, dice.random() < 0.5, now_ns, now)
        if number % 50 == 0:
            limit = dice.choice((Limit.LOW, Limit.NORMAL))
            decider.measured("suction", Measured(dice.randrange(16_000), 9_000, limit, Fault.NONE, now_ns), now)
            decider.request(("e", number), dice.choice(("acknowledge", "reset", "silence")), "*", "anna", "", now)
        decider.calendar(now)
        decider.elapse(now)
        while (outcome := decider.take(now)) is not None:
            said += len(outcome.events)
        if number % 1000 == 0:
            state = max(state, len(memory.snapshot(decider, "boot", [], Lost())))
    return state


def grown(path: Path, events: int) -> None:
    """Prints what this process grows by, and the largest state. In a process of its own."""
    decider = Decider(plan(load(path)))
    decider.begin({}, (), Stamp(0, "boot", 9 * S, "synced"))
    feed(decider, 20_000)
    before = rss_mib()
    state = feed(decider, events)
    print(f"{rss_mib() - before:.2f} {state}")


def main() -> None:
    events = 1_000_000 if long_wanted() else 100_000
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder), site_text()) as site:
        site.start_board()
        panel = site.start_panel()
        until(lambda: len(site.status().get("points", {})) == 40, "40 points")
        for number in range(20):
            seen = site.head()
            site.driver.contact("c1", number % 2 == 0)
            site.driver.wire("p1-power", "open" if number % 2 == 0 else "well")
            site.wait_row("point.changed", "c1", after=seen)
        at_rest = rss_mib(panel.pid)
        command = [sys.executable, __file__, "--grown", str(site.paths.site), str(events)]
        told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    more, state = float(told[0]), int(told[1])
    total, within = at_rest + max(more, 0), f"<= {LIMIT_MIB:g} MiB"
    report("panel_memory: 40 points, 3 pumps", "MiB", total, at_rest, within, total <= LIMIT_MIB, grown_mib=more,
           events=events, state_bytes=state)  # fmt: skip


if __name__ == "__main__":
    if "--grown" in sys.argv:
        grown(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
