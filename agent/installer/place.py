"""The site file on the disk: the new one put in the place of the old, and back, whole at every moment.

Beside the site file stand, while one is tried: `site.toml.old`, the bytes that stood before, and `site.toml.trial`, the
note of what is tried. Each is on the disk before the next step begins.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from agent.core.site_update import Trial, parse_trial
from agent.runtime.whole import remove, write_whole


class Place:
    """The site file and what stands beside it. OSError from all of it."""

    def __init__(self, site: Path) -> None:
        self.site = site.resolve()
        self._old = self.site.with_name(self.site.name + ".old")
        self._note = self.site.with_name(self.site.name + ".trial")
        self.new = self.site.with_name(self.site.name + ".new")

    @property
    def sha256(self) -> str:
        """Of the file that stands."""
        return digest(self.site.read_bytes())

    @property
    def counters(self) -> Path:
        """Beside the site file, where only the installer may write."""
        return self.site.with_name(self.site.name + ".counters")

    def write_new(self, text: bytes) -> None:
        """Beside, to be looked through."""
        write_whole(self.new, text, like=self.site)

    def note(self, trial: Trial) -> None:
        """The old bytes are kept, and then what is tried is noted."""
        write_whole(self._old, self.site.read_bytes(), like=self.site)
        write_whole(self._note, trial.text(), like=self.site)

    def put_new(self) -> None:
        """The new file takes the name; what stood there is in `.old`."""
        write_whole(self.site, self.new.read_bytes(), like=self.site)

    def put_back(self) -> None:
        """The old file takes the name again."""
        write_whole(self.site, self._old.read_bytes(), like=self.site)

    def noted(self) -> Trial | None:
        """What a trial that did not come to its end left; None if there is none, or nothing that can be read."""
        try:
            return parse_trial(self._note.read_bytes())
        except FileNotFoundError:
            return None

    def clean(self) -> None:
        """The trial is over. The old file stays, for people."""
        remove(self._note)
        remove(self.new)


def digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
