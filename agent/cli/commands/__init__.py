"""The technician's commands, one module each: HELP, add(parser), run(args, paths) -> exit code.

The table holds the module's name and one line for `standpipe --help`, so that help imports none of them.
"""

from __future__ import annotations

COMMANDS: dict[str, str] = {
    "check": "look through site.toml and say everything that is wrong with it",
    "config": "describe site.toml for editors (config schema)",
    "up": "run the whole agent in this terminal, for a bench or a demonstration",
    "status": "processes, points, open alarms, cameras, uplink, disk, journal",
    "alarm": "list, acknowledge, silence and reset alarms",
    "rules": "what would follow from an event and why; alarms that nothing follows from",
    "arm": "which doors are armed; arm and disarm them by hand",
    "visit": "who may be in the room: put visits on record",
    "impairment": "things out of order by permission, for a time",
    "drill": "an exercise, marked in every row, for a time",
    "incident": "a major incident: declared and closed by a person, its footage held",
    "pump": "test windows of a fire pump, and why it runs",
    "events": "what has happened, from the journal",
    "journal": "walk the journal's hash chain (journal check)",
    "clock": "tell the journal what time it is, on a board without a clock",
    "footage": "list recorded footage, play it under a grant, cut a clip from it",
    "grant": "leave to view recorded footage: ask, list, revoke",
    "camera": "what is wrong with the pictures, one picture now, the reference picture",
    "export": "hand out footage as one package that proves itself",
    "verify": "check such a package, anywhere",
    "scrub": "read footage again and find what rots",
    "retention": "what footage would go and why; a pass now; ask for a policy or a deletion",
    "hold": "footage that may not go: place, list, review, release",
    "keys": "make, rotate and show the keys that people and the board sign with",
    "command": "sign a command and send it to a board over the broker",
    "approve": "what waits for a second person's signature; sign it",
    "uplink": "the way to the centre: state, what waits, rate (uplink status)",
    "collect": "run beside the central broker: store, check and acknowledge what boards send",
    "pins": "what is wired to which pin of the board",
    "watch": "points, values, relays and pumps as they change, on a phone too",
    "walk-test": "trip every point, hear every relay, see every camera; writes the commissioning sheet",
    "test-relay": "ask the panel to pulse one relay, and say what came of it",
    "simulate": "play a board: contacts and relays without hardware",
}


def module_of(command: str) -> str:
    """Where a command is implemented."""
    return f"agent.cli.commands.{command.replace('-', '_')}"
