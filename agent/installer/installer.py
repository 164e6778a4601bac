"""A new site file by a signed command: judged again, tried, kept if all comes back, else the old one again.

Rules of this file:
- the row in the journal is believed for nothing but its signature: others can write rows;
- the counter is on the disk before anything is done, so no file is installed twice;
- the site file is whole at every moment, and `command.done` in the journal is what makes a new one stay: whatever was
  cut off before that row ends with the old file, and with a result that says so;
- one pass: finish what was cut off, then what was asked for; whoever starts us starts us again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from msgspec import UNSET

from agent.config import SiteConfig, check, keys_of, load_or_kept
from agent.core.answers import About, about, done, failed, refused, started
from agent.core.chain import Row, Stamp
from agent.core.commands import INSTALLER, OPS, Envelope, Here, Now, Refusal, judge
from agent.core.events import (
    ConfigApplied,
    ConfigRolledBack,
    ConfigTried,
    Event,
)
from agent.core.signed import Verify
from agent.core.site_update import Cut, Stands, Trial, after_a_cut, locks_out, reason_of, unpack
from agent.installer.health import Health
from agent.installer.place import Place, digest
from agent.installer.services import Services, processes
from agent.journal import Journal
from agent.journal.projections import command_counters, told_time
from agent.runtime.counters import Counters

log = logging.getLogger(__name__)

SOURCE = "installer"
FRESH_NS = 60 * 1_000_000_000
LOOK_BACK = 20_000  # rows: what is older is stale by any clock
OLD_STANDS = "the old site file stands"
INTERRUPTED = f"cut off before anything was changed: {OLD_STANDS}"
_ENDS = ("command.done", "command.failed", "command.refused")


def _no_step(_name: str) -> None:
    """Tests are told of each step, and kill there."""


class Installer:
    """One pass over what was asked. JournalError, OSError: try again later."""

    def __init__(
        self,
        place: Place,
        data: Path,
        journal: Journal,
        services: Services,
        health: Health,
        verify: Verify,
        stamp: Callable[[], Stamp],
        step: Callable[[str], None] = _no_step,
    ) -> None:
        self._place = place
        self._data = data
        self._journal = journal
        self._services = services
        self._health = health
        self._verify = verify
        self._stamp = stamp
        self._step = step
        opened = journal.read(0, kinds=("journal.opened",), limit=1)
        fresh = bool(opened) and opened[0].values()["reason"] == "new"
        self._counters = Counters(place.counters, fresh=fresh)

    def run(self) -> None:
        """Finish what was cut off, then do what was asked, oldest first."""
        self._recover()
        for row in self._asked():
            self._one(row)

    @property
    def _site(self) -> SiteConfig:
        """What the processes run with: the last good file, while the one that stands is broken."""
        return load_or_kept(self._place.site, self._data)[0]

    # --- what was asked ---

    def _asked(self) -> list[Row]:
        """Commands of ours without an end."""
        rows = self._rows("command.received", "command.started", *_ENDS)
        ended = {row.values().get("request") for row in rows if row.kind in _ENDS}
        received = [row for row in rows if row.kind == "command.received" and row.seq not in ended]
        return [row for row in received if (op := OPS.get(str(row.values()["op"]))) and op.does == INSTALLER]

    def _rows(self, *kinds: str) -> list[Row]:
        after, found = max(0, self._journal.head()[0] - LOOK_BACK), []
        while rows := self._journal.read(after, kinds=kinds):
            found += rows
            after = rows[-1].seq
        return found

    def _one(self, row: Row) -> None:
        if any(one.values()["request"] == row.seq for one in self._rows("command.started")):
            self._say(failed(SOURCE, about(row), INTERRUPTED))
            self._place.clean()
            return
        verdict = self._judged(row)
        if isinstance(verdict, Refusal):
            self._say(refused(SOURCE, verdict, about(row)))
            return
        self._say(started(SOURCE, verdict, row.seq))
        self._counters.keep(verdict.key, verdict.ctr)
        self._step("started")
        why = self._install(row, verdict)
        if why:
            self._say(failed(SOURCE, about(row), why))

    def _judged(self, row: Row) -> Envelope | Refusal:
        text, now = str(row.values()["envelope"]).encode(), self._stamp()
        if row.boot != now.boot or now.mono_ns - row.mono_ns > FRESH_NS:
            reason = f"it waited longer than {FRESH_NS // 1_000_000_000} s"
            return Refusal("late", reason, len(text), hashlib.sha256(text).hexdigest())
        site, told = self._site, told_time(self._journal, now)
        here = Here(site.site.id, site.site.board, keys_of(site), self._verify)
        moment = self._counters.moment(Now(told.at_ns // 1_000_000_000, told.clock, told.boot))
        return judge(text, here, moment, self._counters.merged(command_counters(self._journal)))

    # --- trying ---

    def _install(self, row: Row, envelope: Envelope) -> str:
        """Empty once the new file stands and its result is written; why not, and what stands, otherwise."""
        new, problems = self._looked_through(self._site, envelope)
        if new is None:
            self._place.clean()
            return reason_of([*problems, f"nothing was changed: {OLD_STANDS}"])
        trial = self._noted(row, envelope)
        if trial.old_sha256 == trial.new_sha256:
            self._place.clean()
            self._say(done(SOURCE, about(row)))
            return ""
        before = self._health.before()
        self._place.put_new()
        self._step("put")
        why = self._restart(new) or self._health.wait(before, processes(new))
        self._step("looked")
        if why:
            self._roll_back(trial, why)
            return f"{why}: rolled back, {OLD_STANDS}"
        applied = ConfigApplied(source=SOURCE, command=trial.command, by=trial.by, sha256=trial.new_sha256)
        self._say(applied, done(SOURCE, about(row)))
        self._step("done")
        self._place.clean()
        return ""

    def _looked_through(self, old: SiteConfig, envelope: Envelope) -> tuple[SiteConfig | None, list[str]]:
        """The new site, or everything that is wrong with it."""
        try:
            self._place.write_new(unpack(str(envelope.args["file"])))
        except ValueError as error:
            return None, [str(error)]
        self._step("written")
        checked = check(self._place.new)
        if checked.config is None:
            return None, [f"line {one.line}: {one}" if one.line else str(one) for one in checked.problems]
        out = locks_out(_stands(old), _stands(checked.config), envelope.key, OPS[envelope.op].roles)
        return (None, out) if out else (checked.config, [])

    def _noted(self, row: Row, envelope: Envelope) -> Trial:
        new = digest(self._place.new.read_bytes())
        about = (envelope.id, envelope.op, envelope.by)
        trial = Trial(*about, self._journal.epoch, row.seq, self._place.sha256, new)
        self._place.note(trial)
        self._step("noted")
        if trial.old_sha256 != trial.new_sha256:
            self._say(_tried(trial))
        return trial

    def _restart(self, site: SiteConfig) -> str:
        try:
            self._services.restart(site)
        except OSError as error:
            return f"the processes could not be started anew: {error}"
        self._step("restarted")
        return ""

    def _roll_back(self, trial: Trial, why: str) -> None:
        """The old file, and all processes with it. The result is written by whoever called."""
        log.warning("the new site file is rolled back: %s", why)
        self._place.put_back()
        self._step("put back")
        self._restart(self._site)
        rolled = ConfigRolledBack(
            source=SOURCE, command=trial.command, by=trial.by, sha256=trial.old_sha256, reason=why
        )
        self._say(rolled)
        self._step("rolled back")
        self._place.clean()

    # --- after a cut ---

    def _recover(self) -> None:
        trial = self._place.noted()
        if trial is None:
            return
        answers = [row for row in self._rows(*_ENDS) if row.values().get("command") == trial.command]
        cut = after_a_cut(trial, self._place.sha256, done=any(row.kind == "command.done" for row in answers))
        log.warning("the installer was cut off: %s", cut.value)
        if cut is Cut.ROLL_BACK:
            self._roll_back(trial, "the installer was cut off before the new file had proven good")
        elif cut is not Cut.FORGET:
            self._restart(self._site)  # it may have been put back, and not yet be what the processes run with
        if cut is not Cut.FORGET and not answers:
            self._say(_cut_off(trial, cut, self._journal.epoch))
        self._place.clean()

    def _say(self, *events: Event) -> None:
        self._journal.append(*events)


def _stands(site: SiteConfig) -> Stands:
    return Stands(site.site.id, site.site.board, keys_of(site), site.uplink is not UNSET)


def _tried(trial: Trial) -> Event:
    return ConfigTried(
        source=SOURCE,
        command=trial.command,
        by=trial.by,
        old_sha256=trial.old_sha256,
        new_sha256=trial.new_sha256,
    )


def _cut_off(trial: Trial, cut: Cut, epoch: str) -> Event:
    stands = "another site file stands, put there meanwhile" if cut is Cut.LEAVE else OLD_STANDS
    said = About(trial.command, trial.op, trial.by, trial.request if trial.epoch == epoch else 0)
    return failed(SOURCE, said, f"cut off while it was tried: {stands}")
