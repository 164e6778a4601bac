"""A new site file by command: kept when all comes back, rolled back when not, and whole after a kill at any step."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sp_people import Person

from agent.config import SiteConfig, load, load_or_kept
from agent.core.chain import Stamp
from agent.core.commands import Envelope
from agent.core.events import CommandReceived
from agent.core.site_update import pack
from agent.installer.health import Health
from agent.installer.installer import Installer
from agent.installer.place import Place
from agent.installer.services import Systemd, processes, units
from agent.journal import Journal
from agent.runtime import status
from agent.runtime.clock import SystemClock
from agent.runtime.keys import verify
from agent.runtime.paths import Paths

SITE = """
[site]
id = "plant"
board = "pump-house"

[[point]]
id = "door"
kind = "door"
pin = "GPIO17"
{more}
[uplink]
broker = "mqtt://127.0.0.1:1883"
"""
STEPS = ("started", "written", "noted", "put", "restarted", "looked", "put back", "rolled back", "done")


@dataclass
class World:
    """The processes: what they run with, and whether they come back with a file that says `good`."""

    paths: Paths
    runs: str = ""
    pid: int = os.getpid()
    comes_back: Callable[[str], bool] = lambda text: "bad" not in text
    restarts: list[str] = field(default_factory=list)

    def restart(self, site: SiteConfig) -> None:
        text = self.paths.site.read_text()
        self.restarts.append(text)
        self.runs = text
        if self.comes_back(text):
            self.come_up(site)

    def come_up(self, site: SiteConfig) -> None:
        self.pid = 1 if self.pid == os.getpid() else os.getpid()  # two that are alive
        for name in processes(site):
            status.write(self.paths, name, {"state": "connected"})
            path = self.paths.status(name)
            path.write_text(path.read_text().replace(f'"pid": {os.getpid()}', f'"pid": {self.pid}'))


class Bench:
    """A site on the disk, its journal, and a person who may send files."""

    def __init__(self, folder: Path) -> None:
        self.tina, self.olga = Person("tina", "technician"), Person("olga", "operator")
        self.people = self.tina.section + self.olga.section
        self.paths = Paths(folder / "etc/site.toml", folder / "data", folder / "run")
        for one in (self.paths.site.parent, self.paths.data, self.paths.run):
            one.mkdir()
        self.old = self.text()
        self.paths.site.write_text(self.old)
        self.boots = 0
        self.world = World(self.paths, self.old)
        self.world.come_up(load(self.paths.site))
        self.journal = Journal.open(self.paths.journal, self.paths.bell, SystemClock().stamp)

    def text(self, more: str = "") -> str:
        return SITE.format(more=more) + self.people

    def ask(self, text: str | None = None, envelope: Envelope | None = None) -> Envelope:
        """The command as the uplink writes it down."""
        envelope = envelope or self.tina.command("config", {"file": pack((text or self.text("# new\n")).encode())})
        about = {"command": envelope.id, "op": envelope.op, "by": envelope.by, "key": envelope.key}
        self.journal.append(CommandReceived(source="uplink", **about, ctr=envelope.ctr, envelope=envelope.text()))
        return envelope

    def installer(self, step: Callable[[str], None] = lambda name: None, journal: Journal | None = None) -> Installer:
        health = Health(self.paths, bound_s=0.25, steady_s=0.04)
        place = Place(self.paths.site)
        return Installer(place, self.paths.data, journal or self.journal, self.world, health, verify, self.stamp, step)

    def stamp(self) -> Stamp:
        now = SystemClock().stamp()
        return now if self.boots == 0 else now._replace(boot=f"boot-{self.boots}", mono_ns=1_000_000_000 + now.mono_ns)

    def cut_power(self) -> None:
        """Another boot, and nothing left in /run; everything comes up with the file that stands."""
        self.boots += 1
        shutil.rmtree(self.paths.run)
        self.paths.run.mkdir()
        self.journal.close()
        self.journal = Journal.open(self.paths.journal, self.paths.bell, self.stamp)
        self.world.restarts.clear()
        self.world.restart(load_or_kept(self.paths.site, self.paths.data)[0])

    @property
    def stands(self) -> str:
        return self.paths.site.read_text()

    def results(self) -> list[tuple[str, str]]:
        rows = self.journal.read(kinds=("command.done", "command.failed", "command.refused"))
        return [(row.kind, str(row.values().get("reason", ""))) for row in rows]

    def kinds(self) -> list[str]:
        return [row.kind for row in self.journal.read() if row.kind.startswith("config.")]

    def beside(self) -> set[str]:
        return {path.name for path in self.paths.site.parent.iterdir()}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.journal.close()


def test_a_good_file_stays_and_everything_was_started_anew(bench: Bench) -> None:
    new = bench.text("# new\n")
    bench.ask(new)
    bench.installer().run()
    assert bench.results() == [("command.done", "")]
    assert bench.kinds() == ["config.tried", "config.applied"]
    assert bench.stands == bench.world.runs == new
    assert bench.beside() == {"site.toml", "site.toml.old", "site.toml.counters"}
    assert bench.paths.site.with_name("site.toml.old").read_text() == bench.old
    bench.installer().run()
    assert len(bench.world.restarts) == 1, "done once"


def test_a_file_with_which_not_all_comes_back_is_rolled_back(bench: Bench) -> None:
    bench.ask(bench.text("# bad\n"))
    bench.installer().run()
    [(kind, reason)] = bench.results()
    assert kind == "command.failed"
    assert "panel did not come back" in reason
    assert "old site file stands" in reason
    assert bench.kinds() == ["config.tried", "config.rolled_back"]
    assert bench.stands == bench.world.runs == bench.old


def test_a_file_with_which_the_broker_is_lost_is_rolled_back(bench: Bench) -> None:
    def restart(site: SiteConfig) -> None:
        bench.world.restarts.append(bench.stands)
        bench.world.come_up(site)
        status.write(bench.paths, "uplink", {"state": "dns-failed", "reason": "no such host"})
        path = bench.paths.status("uplink")
        path.write_text(path.read_text().replace(f'"pid": {os.getpid()}', f'"pid": {bench.world.pid}'))

    bench.world.restart = restart  # type: ignore[method-assign]
    bench.ask()
    bench.installer().run()
    assert "the broker was reached before and is not now (dns-failed: no such host)" in bench.results()[0][1]
    assert bench.stands == bench.old


def test_everything_that_is_wrong_with_a_file_is_told_and_nothing_is_touched(bench: Bench) -> None:
    wrong = bench.text("setle_ms = 5\n").replace('kind = "door"', 'kind = "dor"')
    bench.ask(wrong)
    bench.installer().run()
    [(kind, reason)] = bench.results()
    assert kind == "command.failed"
    assert "setle_ms" in reason
    assert '"dor"' in reason
    assert "nothing was changed" in reason
    assert (bench.stands, bench.world.restarts, bench.kinds()) == (bench.old, [], [])
    assert "site.toml.new" not in bench.beside()


def test_a_file_that_would_lock_us_out_is_refused(bench: Bench) -> None:
    bench.ask(bench.text().replace("pump-house", "other").replace(bench.tina.section, "").split("[uplink]")[0])
    bench.installer().run()
    reason = bench.results()[0][1]
    assert all(words in reason for words in ("for plant/other", "no [uplink]", "the key that signed it"))
    assert bench.stands == bench.old


@pytest.mark.parametrize("how", ["not allowed", "forged", "for another", "older than a minute", "repeated"])
def test_only_fresh_commands_of_a_technician_are_believed_whatever_the_row_says(bench: Bench, how: str) -> None:
    file = {"file": pack(bench.text("# new\n").encode())}
    command = bench.tina.command("config", file)
    if how == "not allowed":
        bench.ask(envelope=bench.olga.command("config", file))
    elif how == "forged":
        bench.ask(envelope=_forged(command))
    elif how == "for another":
        bench.ask(envelope=bench.tina.command("config", file, board="other"))
    elif how == "repeated":
        bench.ask(envelope=command)
        bench.installer().run()
        bench.paths.site.write_text(bench.old)
        bench.journal.close()  # and the journal is lost
        bench.paths.journal.unlink()
        bench.journal = Journal.open(bench.paths.journal, bench.paths.bell, SystemClock().stamp)
        bench.ask(envelope=command)
    else:
        bench.ask(envelope=bench.tina.command("config", file, iat=1, exp=200))
    bench.installer().run()
    assert bench.results()[-1][0] == "command.refused", bench.results()
    assert bench.stands == bench.old


def _forged(command: Envelope) -> Envelope:
    from dataclasses import replace

    return replace(command, args={"file": pack(b"# evil\n")})


def test_no_counter_no_command(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the site file nothing can be written: nothing is done, and a later pass says so."""
    bench.ask()
    monkeypatch.setattr("agent.runtime.counters.write_whole", _refuse)
    with pytest.raises(OSError, match="disk"):
        bench.installer().run()
    monkeypatch.undo()
    bench.installer().run()
    assert bench.results() == [("command.failed", "cut off before anything was changed: the old site file stands")]
    assert bench.stands == bench.old


def _refuse(*_: Any, **__: Any) -> None:
    raise OSError(28, "disk full")


# --- kill -9 at each step ---


def _killed_at(bench: Bench, step: str) -> bool:
    """One pass in a process of its own that dies at `step`; False if it never got there."""
    bench.journal.close()
    pid = os.fork()
    if pid == 0:
        journal = Journal.open(bench.paths.journal, bench.paths.bell, SystemClock().stamp)
        bench.installer(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == step else None, journal).run()
        os._exit(0)
    _, code = os.waitpid(pid, 0)
    bench.journal = Journal.open(bench.paths.journal, bench.paths.bell, SystemClock().stamp)
    bench.world.runs = ""  # whatever they run with now: the next pass has to see to it
    return os.WIFSIGNALED(code)


@pytest.mark.parametrize(
    ("word", "power"),
    [("# new\n", False), ("# bad\n", False), ("# bad\n", True)],
    ids=["good", "bad", "power-cut"],
)
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_one_whole_file_stands_and_the_result_says_which(
    bench: Bench, step: str, word: str, power: bool
) -> None:
    new = bench.text(word)
    bench.ask(new)
    if not _killed_at(bench, step):
        assert step in (("put back", "rolled back") if word == "# new\n" else ("done",)), f"{step} is not reached"
        return
    assert bench.stands in (bench.old, new), "whole, whatever else"
    if power:
        bench.cut_power()
    bench.installer().run()
    [(kind, reason)] = bench.results()
    assert bench.stands == (new if kind == "command.done" else bench.old)
    assert (kind == "command.done") == (step == "done")
    assert kind == "command.done" or "old site file stands" in reason
    assert not bench.beside() & {"site.toml.trial", "site.toml.new"}
    if step in ("put", "restarted", "looked", "put back", "rolled back"):
        assert bench.world.runs == bench.old, "and everything runs with it"
    load(bench.paths.site)
    bench.installer().run()
    assert len(bench.results()) == 1, "said once"


def test_a_file_that_waited_through_a_power_cut_is_answered_and_not_tried(bench: Bench) -> None:
    bench.ask()
    bench.cut_power()
    bench.installer().run()
    [(kind, reason)] = bench.results()
    assert (kind, "waited longer" in reason, bench.stands) == ("command.refused", True, bench.old)


def test_a_file_put_there_by_hand_meanwhile_is_left(bench: Bench) -> None:
    bench.ask()
    assert _killed_at(bench, "put")
    by_hand = bench.text("# by hand\n")
    bench.paths.site.write_text(by_hand)
    bench.installer().run()
    assert bench.stands == by_hand
    assert "another site file stands" in bench.results()[0][1]


# --- systemd ---

UNITS = Path(__file__).parents[3] / "systemd"


def test_units_of_a_site_and_what_systemd_is_told(bench: Bench) -> None:
    camera = '[[camera]]\nid = "yard"\nsource = "testcard:"\npurpose = "p"\n'
    bench.paths.site.write_text(bench.text(camera))
    site, told = load(bench.paths.site), []

    def call(*arguments: str) -> str:
        told.append(arguments)
        return "standpipe-recorder@gone.service loaded active\n" if arguments[0] == "list-units" else ""

    Systemd(call).restart(site)
    assert "standpipe-recorder@yard.service" in units(site)
    assert {path.name for path in UNITS.glob("*.timer")} <= set(units(site)), "a timer that nobody enables"
    assert ("disable", "--quiet", "--now", "standpipe-recorder@gone.service") in told
    restarted = next(one for one in told if one[0] == "restart")
    assert set(restarted[2:]) == {f"standpipe-{name}.service" for name in processes(site)}
    assert next(one for one in told if one[0] == "enable")[2:] == tuple(units(site))


def test_a_systemd_that_refuses_rolls_back(bench: Bench) -> None:
    def restart(site: SiteConfig) -> None:
        raise OSError("systemctl restart: Access denied")

    bench.world.restart = restart  # type: ignore[method-assign]
    bench.ask()
    bench.installer().run()
    assert "Access denied" in bench.results()[0][1]
    assert bench.stands == bench.old
