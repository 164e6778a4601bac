"""footage.py - part of footage.sh, outside: draws what the cameras send, cuts the power, judges what is left.

    cards FOLDER       pictures of four cameras, each with its number, ready to be sent
    cuts RIG COUNT     so many power cuts; every other one keeps a random half of what was not flushed, out of order;
                       every fifth comes while recorders start; after the last an hour has passed, and all is sealed

Lost are the pictures that a recorder had read when the power went and that are not in its footage. Ends at the first
thing that is not as it should be.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from sp_counting import cards
from sp_recorder import card_numbers, decode_errors

INSIDE = "/opt/standpipe-footage"
PYTHON = "/opt/standpipe/venv/bin/python"
CAMERAS = ("cam-1", "cam-2", "cam-3", "cam-4")
PICTURES, APART = 14_000, 1_000_000
SEED = 20261122
FRAGMENT = 10  # pictures: a second
EARLY_S, LATE_S = (0, 3), (2, 14)
IN_HAND = 4  # one in the demuxer; the rest is what came while the disk synced the fragment, a few tenths of a second


def say(text: str) -> None:
    print(f"footage: {text}", flush=True)


def check(true: object, what: str) -> None:
    if not true:
        sys.exit(f"not so: {what}")


def brief(numbers: list[int]) -> str:
    return f"{len(numbers)} pictures, {numbers[:3]} ... {numbers[-3:]}"


def draw(folder: Path) -> None:
    """A file for each camera; numbers say which camera it is, too."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, camera in enumerate(CAMERAS, 1):
        with (folder / f"{camera}.cards").open("wb") as file:
            for card in cards(PICTURES, first=number * APART):
                file.write(len(card).to_bytes(4, "big") + card)


# --- the board ---


class Board:
    """The virtual board by its commands."""

    def __init__(self, rig: Path) -> None:
        self._rig = rig
        self.share = Path(os.environ["RIG_DIR"]) / "share"

    def do(self, command: str, *args: str, **environment: str) -> str:
        done = subprocess.run(
            [str(self._rig / command), *args], capture_output=True, text=True, env={**os.environ, **environment}
        )
        check(done.returncode == 0, f"{command} {args}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def inside(self, *args: str) -> dict[str, Any]:
        """One of footage_inside.py's words, and what it says."""
        words = " ".join(f"'{word}'" for word in args)
        said = self.do("sh", f"cd / && {PYTHON} {INSIDE}/src/tests/vm/footage_inside.py {words}")
        return dict(json.loads(said.splitlines()[-1]))

    def counts(self) -> dict[str, dict[str, list[list[int]]]]:
        """boot -> camera -> (first picture of a connection, how many were read)."""
        found = [json.loads(path.read_text()) for path in self.share.glob("count-*")]
        return {count["said"]: count["read"] for count in found}


class Judge:
    """What was sent and read against what plays."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.after = dict.fromkeys(CAMERAS, 0)
        self._played: dict[str, dict[str, list[int]]] = {}
        self._judged: set[str] = set()
        self.lost: list[int] = []
        self.salvaged = self.segments = 0

    def look(self) -> str:
        """After a boot: all that is whole is there and plays. What was lost in the boots before is added to `lost`."""
        seen = self._board.inside("look", "/mnt/share", json.dumps(self.after))
        check(not seen["wrong"], f"after a power cut: {seen['wrong']}")
        for one in seen["taken"]:
            self._play(one)
        for boot, read in self._board.counts().items():
            if boot != seen["boot"] and boot not in self._judged:
                self._judged.add(boot)
                for camera in CAMERAS:
                    self._compare(boot, camera, read[camera])
        return str(seen["chain"])

    def _play(self, one: dict[str, Any]) -> None:
        path = self._board.share / one["file"]
        check(decode_errors(path) == "", f"{path.name} plays")
        numbers = card_numbers(path)
        check(
            len(numbers) == one["frames"], f"{path.name}: {one['frames']} pictures by the index, {len(numbers)} in it"
        )
        check(numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"{path.name}: no hole: {brief(numbers)}")
        self._played.setdefault(one["boot"], {}).setdefault(one["camera"], []).extend(numbers)
        self.after[one["camera"]] = one["seq"]
        self.salvaged += one["state"] == "salvaged"
        self.segments += 1
        path.unlink()

    def _compare(self, boot: str, camera: str, connections: list[list[int]]) -> None:
        """Pictures read and not played, of one camera in one boot; never any but the last ones of a connection."""
        base = (CAMERAS.index(camera) + 1) * APART
        played = [number - base for number in self._played.get(boot, {}).get(camera, [])]
        check(played == sorted(set(played)), f"{camera}: in order and none twice: {brief(played)}")
        for place, (first, read) in enumerate(connections):
            until = connections[place + 1][0] if place + 1 < len(connections) else first + read + FRAGMENT + IN_HAND
            found = [number for number in played if first <= number < until]
            check(found == list(range(first, first + len(found))), f"{camera}: {brief(found)} of those from {first}")
            played = [number for number in played if number not in set(found)]
            self.lost.append(max(0, read - len(found)))
        check(not played, f"{camera}: {brief(played)} were never sent")


def cut_and_boot(board: Board, number: int, chance: random.Random, **boot: str) -> None:
    torn = {"RIG_TORN": "1"} if number % 2 else {}
    board.do("power-cut", **torn)
    board.do("boot-again", VOLDISK_SEED=str(chance.randrange(1 << 30)), VOLDISK_KEEP="0.5", **boot)


def in_an_hour() -> str:
    """As RIG_CLOCK has it: an hour is sealed once it is over."""
    return (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")


def cut(rig: Path, count: int) -> None:
    board, chance = Board(rig), random.Random(SEED)
    judge = Judge(board)
    judge.look()
    for number in range(1, count + 1):
        began = time.monotonic()
        early = number % 5 == 0
        if early:
            cut_and_boot(board, number, chance)
        time.sleep(chance.uniform(*(EARLY_S if early else LATE_S)))  # nothing is waited for: the moment is the test
        cut_and_boot(board, number, chance, **({"RIG_CLOCK": in_an_hour()} if number == count else {}))
        known = len(judge.lost)
        chain = judge.look()
        how = (" while starting" if early else "") + (", torn" if number % 2 else "")
        took = f"{time.monotonic() - began:.0f} s"
        say(f"cut {number}{how}: lost {judge.lost[known:]} pictures, {judge.segments} segments play, {chain}, {took}")
        check(max(judge.lost) <= FRAGMENT + IN_HAND, f"at most a fragment is lost: {judge.lost[known:]}")
    within = sum(lost <= FRAGMENT for lost in judge.lost)
    say(
        f"{count} cuts: {len(judge.lost)} streams, {judge.segments} segments ({judge.salvaged} salvaged); lost of what "
        f"was read, in tenths of a second: median {sorted(judge.lost)[len(judge.lost) // 2]}, most {max(judge.lost)}; "
        f"{within} of {len(judge.lost)} within a second"
    )
    over = board.inside("seal-and-scrub")
    say(f"seal and scrub: {over}")
    check(over["rot"] == 0 and over["unsealed"] == 0 and over["sealed"] >= len(CAMERAS), "all is sealed and sound")
    check(set(over["units"]) == {"success"}, f"units: {over['units']}")


def main() -> None:
    match sys.argv[1:]:
        case ["cards", folder]:
            draw(Path(folder))
        case ["cuts", rig, count]:
            cut(Path(rig), int(count))


if __name__ == "__main__":
    main()
