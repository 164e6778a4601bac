"""A technician's afternoon: pins, watch, test-relay and walk-test as a person uses them, over a real panel."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sp_cli import Said
from sp_site import Site, until

from agent.cli.__main__ import main
from agent.cli.commands.watch import screen
from agent.cli.place import Place
from agent.cli.site_texts import SITE_TEXTS
from agent.cli.stills import printed
from agent.cli.terminal import width
from agent.cli.texts import Texts
from agent.core.events import SnapshotReady, WalkTestStarted
from agent.core.people import public_of
from agent.core.signed import WALK_TEST, fields_of, fits, to_sign
from agent.journal import Journal
from agent.runtime import status
from agent.runtime.clock import SystemClock
from agent.runtime.keys import board_key, new_signer, verify, write_key

Standpipe = Callable[..., Said]
# One point, a sounder, a relay that rests energised; no camera, as no recorder runs here.
SMALL = """
[site]
id = "plant"
board = "pump-house"
language = "{language}"

[[point]]
id = "flood"
name = "Pit <north> & south"
pin = "GPIO24"
class = "alarm"
settle_ms = 30

[[point]]
id = "door"
kind = "door"
pin = "BOARD11"
contact = "normally-closed"
settle_ms = 30

[[relay]]
id = "siren"
pin = "GPIO23"

[[rule]]
on = ["point.changed"]
drive = ["siren"]
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A small site whose board and panel run."""
    with Site(tmp_path / "s", SMALL.format(language="en")) as made:
        made.start_board()
        made.start_panel()
        yield made


@pytest.fixture
def standpipe(site: Site, capsys: pytest.CaptureFixture[str]) -> Standpipe:
    return runner(site, capsys)


def runner(site: Site, capsys: pytest.CaptureFixture[str]) -> Standpipe:
    """The command on a site, running or not."""

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        code = main([*arguments, *folders(site)])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def folders(site: Site) -> list[str]:
    return ["--site", str(site.paths.site), "--data", str(site.paths.data), "--run", str(site.paths.run)]


def trip(site: Site, point: str, rest_closed: bool) -> None:
    """Away from rest and back."""
    for closed in (not rest_closed, rest_closed):
        mark = site.head()
        site.driver.contact(point, closed)
        site.wait_row("point.changed", point, after=mark)


# --- pins ---


@pytest.fixture
def still(tmp_path: Path) -> Site:
    """The same site of which nothing runs."""
    return Site(tmp_path / "s", SMALL.format(language="en"))


def test_pins_draws_the_header_for_a_phone(
    still: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    standpipe = runner(still, capsys)
    monkeypatch.setenv("COLUMNS", "60")
    lines = standpipe("pins").out.splitlines()
    assert max(map(width, lines[:20])) <= 60
    assert any(re.search(r"door GPIO17 11 ● ○ 12 GPIO18$", line) for line in lines[:20])
    assert any(re.search(r"○ ● 18 GPIO24 flood$", line) for line in lines[:20])
    assert any(re.search(r"3\.3 V  1 ○ ○ 2  5 V$", line) for line in lines[:20])
    assert any("11  GPIO17  door   door     normally closed, pull-up" in line for line in lines[20:])


def test_pins_of_another_board_are_listed(still: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site, standpipe = still, runner(still, capsys)
    text = SMALL.format(language="zh-CN").replace('"BOARD11"', '"PQ.05"')
    site.paths.site.write_text(text.replace("GPIO24", "PAC.06").replace("GPIO23", "PH.00"), encoding="utf-8")
    said = standpipe("pins").out
    assert "●" not in said
    assert re.search(r"PQ\.05 +door +门 +常闭, 上拉", said)
    site.paths.site.write_text(text, encoding="utf-8")
    assert "不在排针上：door" in standpipe("pins").out
    wires = json.loads(standpipe("pins", "--json").out)
    assert [(one["id"], one["what"], one["line"], one["board"]) for one in wires] == [
        ("flood", "point", "GPIO24", 18),
        ("door", "point", "PQ.05", 0),
        ("siren", "relay", "GPIO23", 16),
    ]


def test_pins_of_converters(capsys: pytest.CaptureFixture[str]) -> None:
    main(["pins", "--site", str(Path(__file__).parents[3] / "provisioning/examples/pump-house.toml")])
    said = capsys.readouterr().out
    assert re.search(r"GPIO11 23 ● ● 24 GPIO8 +adc0", said)
    assert re.search(r"ADC0\.0 +pump-1-power +contact +normally open, supervised loop", said)
    assert re.search(r"ADC1\.6 +discharge +analog +4-20 mA, bar", said)


# --- watch ---


def test_values_and_faults_on_the_screen() -> None:
    point = {"id": "p", "kind": "contact", "closed": True, "active": True, "chattering": False, "since_ns": None}
    value = {"id": "v", "unit": "bar", "milli": 7250, "limit": "", "fault": "", "since_ns": 1}
    values = {
        "site": "a/b", "at_ns": 10**18, "panel": True, "walk_test": None, "open_alarms": 0, "relays": [], "pumps": [],
        "points": [{**point, "fault": "open"}, {**point, "id": "q" * 40, "fault": "", "chattering": True}],
        "values": [value, {**value, "id": "w", "fault": "below"}, {**value, "id": "x", "milli": None}],
    }  # fmt: skip
    lines = screen(values, Place("en", UTC), Texts("en", SITE_TEXTS), 60)
    assert max(map(width, lines)) <= 60
    told = "\n".join(lines)
    assert re.search(r"p +● WIRE BROKEN", told)
    assert re.search(r"q+… +● closed !", told)
    assert re.search(r"v +7\.25 bar +1970-01-01", told)
    assert "7.25" not in next(line for line in lines if line.strip().startswith("w "))
    assert re.search(r"x +not known", told)


def test_watch_once_shows_everything_in_60_columns(site: Site, standpipe: Standpipe) -> None:
    site.driver.contact("flood", True)
    site.wait_row("relay.driven", "siren")
    said = standpipe("watch", "--once")
    assert re.search(r"flood  ● closed +\d\d:\d\d:\d\d, [\d.]+ s ago", said.out)
    assert re.search(r"door   ○ shut ", said.out)
    assert re.search(r"siren  ● energised ", said.out)
    assert "1 open alarms" in said.out
    assert max(width(line) for line in said.out.splitlines()) <= 80
    found = json.loads(standpipe("watch", "--once", "--json").out)
    assert [(one["id"], one["active"]) for one in found["points"]] == [("flood", True), ("door", False)]
    assert (found["relays"][0]["reason"], found["open_alarms"]) == ("point.changed:flood", 1)


def test_watch_says_that_the_panel_is_gone(site: Site, standpipe: Standpipe) -> None:
    site.kill("panel")
    assert "the panel does not run: as last recorded" in standpipe("watch", "--once").out


class Terminal:
    """The command in a tmux of its own, as a person with a phone sees it: `columns` wide."""

    def __init__(self, folder: Path, argv: list[str], columns: int = 60, rows: int = 30) -> None:
        self._tmux = ["tmux", "-S", str(folder / "tmux.sock"), "-f", "/dev/null"]
        shell = " ".join(f"'{word}'" for word in argv)
        inherited = {name: value for name, value in os.environ.items() if name not in ("LINES", "COLUMNS")}
        environment = {**inherited, "LC_ALL": "C.UTF-8", "TERM": "screen-256color"}
        command = [*self._tmux, "-u", "new-session", "-d", "-x", str(columns), "-y", str(rows), f"{shell}; sleep 600"]
        subprocess.run(command, check=True, env=environment)

    def seen(self) -> str:
        found = subprocess.run([*self._tmux, "capture-pane", "-p"], check=True, capture_output=True, text=True)
        return found.stdout

    def sees(self, pattern: str) -> str:
        """Wait until the screen shows it; the screen."""
        try:
            until(lambda: re.search(pattern, self.seen()), "")
        except AssertionError:
            pytest.fail(f"the screen does not show {pattern!r}:\n{self.seen()}")
        return self.seen()

    def keys(self, *keys: str) -> None:
        subprocess.run([*self._tmux, "send-keys", *keys], check=True)

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)


@pytest.fixture
def terminal(site: Site, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def go(*arguments: str, columns: int = 60, rows: int = 30) -> Terminal:
        argv = [sys.executable, "-m", "agent.cli", *arguments, *folders(site)]
        opened.append(Terminal(tmp_path, argv, columns, rows))
        return opened[-1]

    yield go
    for one in opened:
        one.close()


def test_watch_on_a_phone_follows_the_contacts(site: Site, terminal: Callable[..., Terminal]) -> None:
    screen = terminal("watch")
    screen.sees(r"flood +○ open")
    site.driver.contact("flood", True)
    seen = screen.sees(r"(?s)flood +● closed .* s ago.*siren +● energised.*last: ")
    assert seen.count("flood  ") == 1, "drawn over, not below"
    assert "plant/pump-house" in seen.splitlines()[0]


def test_a_window_too_low_says_so(terminal: Callable[..., Terminal]) -> None:
    assert terminal("watch", rows=8).sees(r"more lines: make the window taller")


def test_testing_a_relay_asks_twice(site: Site, terminal: Callable[..., Terminal]) -> None:
    screen = terminal("test-relay", "siren", "--by", "anna", columns=80)
    screen.sees("siren will be driven for 1000 ms. Is everybody warned")
    assert site.rows("relay.test_requested") == []
    screen.keys("y", "Enter")
    screen.sees("siren: driven for 1000 ms, no read-back is wired")
    screen.keys("y", "Enter")
    screen.sees("siren: heard, by anna: noted")
    assert site.wait_row("relay.heard", "siren").values() == {"heard": True, "by": "anna"}


# --- test-relay ---


def test_a_relay_is_pulsed_by_the_panel(site: Site, standpipe: Standpipe) -> None:
    said = standpipe("test-relay", "siren", "--yes", "--ms", "200", "--heard", "no", "--by", "bo")
    assert said.code == 1
    assert "siren: NOT heard, by bo" in said.out
    tested = site.wait_row("relay.tested", "siren").values()
    assert (tested["ok"], tested["readback"], tested["pulse_ms"], tested["by"]) == (True, "none", 200, "bo")
    driven = [row.values() for row in site.rows("relay.driven", source="siren")]
    assert [(one["energised"], one["reason"]) for one in driven] == [(True, "test:bo"), (False, "rule ended")]
    levels = [level for pin, level, _ in site.driver.relay_history() if pin == "GPIO23"]
    assert levels[-2:] == [1, 0], "the line itself moved"


def test_relays_that_cannot_be_tested_are_told_in_a_line(site: Site, standpipe: Standpipe) -> None:
    said = standpipe("test-relay", "sirene", "--yes")
    assert (said.code, said.err) == (
        2,
        'standpipe: this site has no relay sirene, did you mean "siren"?; there are: siren\n',
    )
    site.driver.contact("flood", True)
    site.wait_row("relay.driven", "siren")
    said = standpipe("test-relay", "siren", "--yes")
    assert said.code == 1
    assert "the panel refused: siren is being driven just now" in said.out


def test_nobody_there_to_ask(site: Site, standpipe: Standpipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: SIM115, PTH123 - as a cron job has it
    said = standpipe("test-relay", "siren")
    assert (said.code, "--yes" in said.err) == (2, True)


# --- walk-test ---


def test_a_walk_test_from_start_to_sheet(site: Site, standpipe: Standpipe, tmp_path: Path) -> None:
    signer = board_key(site.paths.data)
    assert "trip every point" in standpipe("walk-test", "start", "--by", "anna").out
    trip(site, "flood", rest_closed=False)
    said = standpipe("walk-test", "status")
    assert said.code == 1
    assert re.search(r"flood +tripped +\d\d:\d\d:\d\d +back", said.out)
    assert "2 of 3 still to do: door siren" in said.out
    assert [level for pin, level, _ in site.driver.relay_history() if pin == "GPIO23" and level] == [], "quiet"
    assert site.wait_row("alarm.raised", "point.changed:flood").values()["walk_test"] is True
    trip(site, "door", rest_closed=True)
    assert standpipe("test-relay", "siren", "--yes", "--ms", "100", "--heard", "yes").code == 0
    assert "everything was tried" in standpipe("walk-test", "status").out
    ended = standpipe("walk-test", "end", "--by", "anna", "--name", "Anna <A.> Zhang", "--out", str(tmp_path / "out"))
    assert (ended.code, "signed by board" in ended.out) == (0, True)
    row = site.wait_row("walk_test.recorded").values()
    kept = json.loads(Path(str(row["file"])).read_text())
    record = kept["record"]
    assert hashlib.sha256(to_sign(WALK_TEST, record)).hexdigest() == row["hash"] == kept["hash"]
    assert fits(signer.public, str(row["sig"]), WALK_TEST, record, verify)
    assert not fits(signer.public, str(row["sig"]), WALK_TEST, {**record, "technician": "Bo"}, verify)
    assert (row["tried"], row["left"], row["by"]) == (3, [], "board")
    head = site.journal.row(record["to_seq"])
    assert head is not None
    assert record["head"] == head.hash.hex(), "the record names the chain's head"
    assert fields_of(json.dumps(record)) == record, "no floats, nothing that two writers print differently"
    english, chinese = (page(Path(str(row["file"])), language) for language in ("en", "zh-CN"))
    assert {"flood", "Pit <north> & south", "door", "siren", "Anna <A.> Zhang"} <= set(english.texts)
    assert {"2 of 2", "1 of 1"} <= set(english.texts)
    assert "BOARD11 (GPIO17)" in english.texts
    assert english.bad == []
    assert {"调试验收单", "常闭", "上拉", "Anna <A.> Zhang"} <= set(chinese.texts)
    again = standpipe("walk-test", "end")
    assert (again.code, "recorded already" in again.out) == (1, True)


def test_what_was_not_tried_stays_on_the_sheet(site: Site, standpipe: Standpipe) -> None:
    standpipe("walk-test", "start", "--by", "anna")
    mark = site.head()
    site.driver.contact("flood", True)
    site.wait_row("point.changed", "flood", after=mark)
    ended = standpipe("walk-test", "end")
    assert ended.code == 1
    assert "NOT SIGNED" in ended.out
    row = site.wait_row("walk_test.recorded").values()
    assert (row["sig"], row["left"]) == ("", ["door", "siren", "flood"])
    found = page(Path(str(row["file"])), "en")
    assert {"NOT TRIPPED", "NOT BACK", "NOT DRIVEN", "NOT HEARD"} <= set(found.bad)
    assert any("INCOMPLETE: 3 not done" in text for text in found.texts)
    until(lambda: site.driver.relay("siren")["energised"], "what still stands sounds after the walk test")


def test_a_person_signs_with_their_key(site: Site, standpipe: Standpipe, tmp_path: Path) -> None:
    signer, file, secret = new_signer(), tmp_path / "anna.key", tmp_path / "passphrase"
    write_key(file, signer, "anna", "correct horse")
    secret.write_text("correct horse\n")
    standpipe("walk-test", "start")
    assert "signed by anna" in standpipe("walk-test", "end", "--key", str(file), "--passphrase-file", str(secret)).out
    row = site.wait_row("walk_test.recorded").values()
    record = json.loads(Path(str(row["file"])).read_text())["record"]
    assert fits(public_of(signer.public_text), str(row["sig"]), WALK_TEST, record, verify)


def test_refusals_are_told(site: Site, standpipe: Standpipe, monkeypatch: pytest.MonkeyPatch) -> None:
    assert standpipe("walk-test", "status").code == 1
    said = standpipe("walk-test", "end")
    assert (said.code, "no walk test is on record" in said.out) == (1, True)
    site.driver.contact("flood", True)
    site.wait_row("alarm.raised")
    said = standpipe("walk-test", "start")
    assert (said.code, "the panel refused: alarms not acknowledged: 1; see to them first" in said.out) == (1, True)
    site.kill("panel")
    monkeypatch.setattr("agent.cli.commands.walk_test.ANSWER_S", 0.2)
    said = standpipe("walk-test", "start")
    assert (said.code, "has not answered" in said.out) == (1, True)


def test_a_boot_ends_a_walk_test(site: Site) -> None:
    """A panel that finds one of another boot in the journal says that it is over, once."""
    site.stop("panel")
    before = site.clock.stamp()._replace(boot="another-boot")
    site.journal.append(WalkTestStarted(source="panel", for_s=3600, by="anna", request=1), stamps=[before])
    site.start_panel()
    assert site.wait_row("walk_test.ended").values() == {"by": "restart"}
    site.stop("panel")
    site.start_panel()
    assert len(site.rows("walk_test.ended")) == 1


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ({"state": "recording", "last_packet_age_ms": 40}, True),
        ({"state": "recording", "last_packet_age_ms": 3_600_000}, False),  # older than the walk test
        ({"state": "lost", "last_packet_age_ms": 40}, False),
        ({}, False),
    ],
)
def test_a_camera_is_seen_by_a_picture_that_came_during_it(
    site: Site, standpipe: Standpipe, told: dict[str, object], seen: bool
) -> None:
    camera = '\n[[camera]]\nid = "yard"\nsource = "testcard:"\npurpose = "gate & fence"\n'
    site.paths.site.write_text(SMALL.format(language="en") + camera, encoding="utf-8")
    started = standpipe("walk-test", "start")
    assert started.code == 0, started.out
    time.sleep(0.06)  # the picture of 40 ms ago has to be one of the walk test
    if told:
        status.write(site.paths, "recorder@yard", told)
    (found,) = json.loads(standpipe("walk-test", "status", "--json").out)["cameras"]
    assert (found["picture_ns"] is not None) is seen
    assert ("NO PICTURE" in standpipe("walk-test", "status").out) is not seen
    assert standpipe("walk-test", "seen", "yard", "--is", "bad", "--by", "anna").code == 1
    assert "yard" in json.loads(standpipe("walk-test", "status", "--json").out)["left"], (
        "somebody says that it is wrong"
    )
    assert standpipe("walk-test", "seen", "yard", "--is", "good", "--by", "anna").code == 0
    assert re.search(r"yard +picture +[\d:]+ +seen by anna", standpipe("walk-test", "status").out)
    assert "yard" not in json.loads(standpipe("walk-test", "status", "--json").out)["left"]
    wrong = standpipe("walk-test", "seen", "yrad", "--is", "good")
    assert (wrong.code, 'did you mean "yard"?' in wrong.err) == (2, True)


def test_a_snapshot_is_printed_on_the_sheet(site: Site, standpipe: Standpipe) -> None:
    camera = '\n[[camera]]\nid = "yard"\nsource = "testcard:"\npurpose = "gate"\n'
    site.paths.site.write_text(SMALL.format(language="en") + camera, encoding="utf-8")
    standpipe("walk-test", "start")
    jpeg = b"\xff\xd8 as a camera would"
    (site.paths.data / "clips").mkdir(exist_ok=True)
    (site.paths.data / "clips/s-1-yard.jpg").write_bytes(jpeg)
    told = {"snapshot": "s-1", "path": "clips/s-1-yard.jpg", "bytes": len(jpeg), "at_ns": 1_795_360_000_000_000_000}
    site.append(SnapshotReady(source="yard", sha256=hashlib.sha256(jpeg).hexdigest(), cause="person:anna", **told))
    assert "yard" not in json.loads(standpipe("walk-test", "status", "--json").out)["left"]
    standpipe("walk-test", "end")
    recorded = Path(str(site.wait_row("walk_test.recorded").values()["file"]))
    inside = f'src="data:image/jpeg;base64,{b64encode(jpeg).decode()}"'
    assert inside in recorded.with_name(f"{recorded.stem}.zh-CN.html").read_text(encoding="utf-8")
    page(recorded, "en")
    record = json.loads(recorded.read_text())["record"]
    (still,) = (row.values() for row in site.rows("viewing.still"))
    about = {"picture": "s-1", "use": "sheet", "how": "account", "viewer": record["technician"], "cause": "walk_test"}
    assert {name: still[name] for name in about} == about
    assert (still["at_ns"], still["bytes"], still["by"]) == (told["at_ns"], len(jpeg), getpass.getuser())
    (site.paths.data / "clips/s-1-yard.jpg").write_bytes(b"something else")
    with contextlib.closing(Journal.open(site.paths.journal, site.paths.bell, SystemClock().stamp)) as journal:
        assert printed(journal, record, site.paths.data, "anna") == {}, "only what was recorded"
    assert len(site.rows("viewing.still")) == 1, "and nothing shown is no row"


VALUE = """
[board]
adc = ["GPIO8"]

[[analog]]
id = "suction"
name = "Suction pressure"
pin = "ADC0.4"
unit = "bar"
low_milli = 7800
hysteresis_milli = 100
settle_ms = 100
class = "status"
"""


def test_a_value_is_tried_once_it_has_moved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Site(tmp_path / "s", SMALL.format(language="en") + VALUE) as site:
        site.start_board()
        site.start_panel()
        standpipe = runner(site, capsys)
        site.driver.analog("suction", 8000)
        site.wait_row("analog.low")  # it is read
        standpipe("walk-test", "start", "--by", "anna")
        assert re.search(r"suction +NO VALUE", standpipe("walk-test", "status").out)
        site.driver.analog("suction", 8500)
        row = site.wait_row("walk_test.value", "suction").values()
        assert (row["moved"], row["unit"], row["fault"]) == (True, "bar", "")
        assert 320 <= row["most_milli"] - row["least_milli"] <= 600
        assert re.search(r"suction +moved +[\d:]+ +[\d.]+ \.\. [\d.]+ bar", standpipe("walk-test", "status").out)
        site.driver.analog("suction", 12_000)
        site.wait_row("analog.normal")  # as far as it went
        standpipe("walk-test", "end", "--name", "Anna")
        recorded = Path(str(site.wait_row("walk_test.recorded").values()["file"]))
        (value,) = json.loads(recorded.read_text())["record"]["values"]
        assert value["moved_ns"] is not None
        assert value["most_milli"] > 7_900
        assert {"Suction pressure", "0 .. 16 bar", "Measured values"} <= set(page(recorded, "en").texts)
        assert any(text.startswith("3.9") and text.endswith("bar") for text in page(recorded, "en").texts)


# --- the page ---


class Page(HTMLParser):
    """Reads a sheet: every text, those marked as lacking, and that its tags are balanced."""

    VOID = ("meta", "br", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.bad: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link"), "nothing beside the page"
        assert tag != "img" or dict(attrs)["src"].startswith("data:"), "nor is a picture"  # type: ignore[union-attr]
        if tag not in self.VOID:
            self._open.append((tag, ("class", "bad") in attrs))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open and self._open[-1][0] != "style":
            self.texts.append(data.strip())
            if self._open[-1][1]:
                self.bad.append(data.strip())


def page(record: Path, language: str) -> Page:
    return Page(record.with_name(f"{record.stem}.{language}.html").read_text(encoding="utf-8"))


def test_every_sentence_is_in_both_languages_with_the_same_gaps() -> None:
    gaps = {name: [set(re.findall(r"\{(\w+)\}", text)) for text in both] for name, both in SITE_TEXTS.items()}
    assert [name for name, (english, chinese) in gaps.items() if english != chinese] == []
