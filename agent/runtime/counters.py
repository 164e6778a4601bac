"""Counters of signed commands in a file of their own: a journal that begins anew must not take an old command again.

Rules of this file:
- a counter is on the disk before its command is carried out, and only ever grows;
- a file that is gone or broken where there should be one is not an empty one: commands signed before it was missed are
  refused (`since_s`), and all of them while the clock is not set, as nobody knows which of them were done;
- one process writes one file; others may read it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from agent.core.commands import AHEAD_MAX_S, Now
from agent.core.signed import NUMBER_MAX
from agent.runtime.whole import write_whole

KEYS_MOST = 256
UNKNOWN = -1  # since_s: lost while the clock was not set


class Counters:
    """Key id -> counter of its last command. fresh: this board never had any, so a missing file is no loss.

    OSError from all that writes: then nothing may be carried out.
    """

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self._path = path
        self._known: dict[str, int] = {}
        self._since_s = 0
        self._load(fresh)

    def _load(self, fresh: bool) -> None:
        try:
            self._known, self._since_s = _parsed(self._path.read_bytes())
        except FileNotFoundError:
            self._since_s = 0 if fresh else UNKNOWN
        except (OSError, ValueError):
            self._since_s = UNKNOWN

    def merged(self, others: Mapping[str, int]) -> dict[str, int]:
        """With what else is known (of the journal): the higher of each."""
        return {key: max(self._known.get(key, -1), others.get(key, -1)) for key in {*self._known, *others}}

    def moment(self, now: Now) -> Now:
        """`now`, with the time before which a command may have been done already."""
        if self._since_s == UNKNOWN and now.clock not in ("unset", "told"):
            self._since_s = now.at_s + AHEAD_MAX_S
            self._write()
        return now._replace(since_s=NUMBER_MAX if self._since_s == UNKNOWN else self._since_s)

    def keep(self, key: str, ctr: int) -> None:
        """This command is about to be carried out."""
        self._known[key] = max(ctr, self._known.pop(key, -1))
        while len(self._known) > KEYS_MOST:
            self._known.pop(next(iter(self._known)))
        self._write()

    def _write(self) -> None:
        said = {"v": 1, "since_s": self._since_s, "counters": self._known}
        write_whole(self._path, json.dumps(said).encode())


def _parsed(text: bytes) -> tuple[dict[str, int], int]:
    """ValueError for what this file cannot have written."""
    said = json.loads(text)
    try:
        known, since_s = said["counters"], said["since_s"]
        good = said["v"] == 1 and all(type(key) is str and type(ctr) is int for key, ctr in known.items())
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no counters: {error}") from error
    if not good or type(since_s) is not int:
        raise ValueError("no counters")
    return known, since_s
