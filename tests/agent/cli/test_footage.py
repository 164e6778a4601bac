"""standpipe footage: stretches, gaps, times as people write them, a clip from a recorder that runs."""

import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sp_cli import Board
from sp_footage import fragments, stamp, write_segment
from sp_people import Person
from sp_recorder import Recorder, card_numbers, until

from agent.cli import uptimes
from agent.cli.moments import instant, moment
from agent.cli.place import Place, UsageError
from agent.core.events import ApprovalRequested, ClockSet, FootageGap, ImpairmentStarted
from agent.core.viewing import Grant, Why, scope_of
from agent.footage.index import Gap, MediaIndex
from agent.journal import Journal
from agent.runtime.clock import SystemClock
from agent.runtime.keys import write_key

PLACE = Place("en", timezone(timedelta(hours=8)))
NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)  # 14:30 there


def at(*fields):
    return int(datetime(*fields, tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", at(2026, 11, 22, 6, 30)),
        ("14:29", at(2026, 11, 22, 6, 29)),
        ("14:29:30", at(2026, 11, 22, 6, 29, 30)),
        ("15:00", at(2026, 11, 21, 7, 0)),  # not yet today: yesterday's
        ("2026-11-01 08:00", at(2026, 11, 1, 0, 0)),
        ("2026-11-01T08:00:00+00:00", at(2026, 11, 1, 8, 0)),
    ],
)
def test_times_as_people_write_them(text, expected):
    assert moment(text, PLACE, NOW) == expected


@pytest.mark.parametrize("text", ["", "noon", "25:00", "14.30"])
def test_what_is_no_time_is_said(text):
    with pytest.raises(UsageError, match="is no time: write it like"):
        moment(text, PLACE, NOW)


def test_a_moment_of_this_boot_by_its_clock_by_its_correction_and_before_it():
    now = stamp(1000)
    assert instant(now.at_ns - 5_000_000_000, now, None).mono_ns == 995_000_000_000
    assert instant(7_000_000_000, now, 4_000_000_000).mono_ns == 3_000_000_000
    before = instant(now.at_ns - 2_000_000_000_000, now, None)
    assert (before.boot, before.mono_ns) == ("", 0)


@pytest.fixture
def footage_of(board: Board):
    """Two stretches of footage with a gap between them, in the board's data folder."""
    index = MediaIndex(board.paths.media)
    for seq, start in ((1, 100), (2, 102), (3, 200)):
        parts = fragments(20, start=stamp(start, clock="unset"), run=seq)
        write_segment(board.paths.footage, seq, parts, index=index)
    a, b = stamp(104), stamp(200)
    ends = (a.boot, a.mono_ns, a.at_ns, b.boot, b.mono_ns, b.at_ns)
    index.add_gap(Gap("yard", *ends, b.mono_ns - a.mono_ns, "camera lost: no route to host"))
    index.close()
    return board


def test_list_shows_stretches_and_json_shows_segments(footage_of, standpipe):
    said = standpipe("footage", "list")
    assert [line.split()[0] for line in said.out.splitlines()] == ["yard", "yard"]
    assert "2 segments" in said.out.splitlines()[0]
    listed = [json.loads(line) for line in standpipe("footage", "list", "--json", "--camera", "yard").out.splitlines()]
    assert [row["seq"] for row in listed] == [1, 2, 3]
    assert all(len(row["sha256"]) == 64 for row in listed)
    assert standpipe("footage", "list", "--camera", "gate").out == "no footage of gate in that time\n"


def test_gaps_are_listed_with_their_cause(footage_of, standpipe):
    assert "96.0 s  camera lost: no route to host" in standpipe("footage", "list", "--gaps").out
    assert json.loads(standpipe("footage", "list", "--gaps", "--json").out)["length_ns"] == 96_000_000_000


def test_a_corrected_clock_is_shown(footage_of, standpipe):
    first = stamp(100)
    footage_of.note(ClockSet(source="clock", boot=first.boot, mono_ns=0, at_ns=at(2026, 1, 2, 3, 0), by="person"))
    said = standpipe("footage", "list", "--from", "2026-01-02 11:00", "--to", "2026-01-02 11:03")
    assert "?2026-01-02 11:01:40" in said.out


def test_without_an_index_and_without_a_recorder_it_says_what_to_do(board, standpipe):
    said = standpipe("footage", "list")
    assert (said.code, said.out) == (1, "")
    assert "no footage index here" in said.err
    said = standpipe("footage", "clip", "yard", "--at", "now")
    assert said.code == 1
    assert "recorder@yard is not running" in said.err


def test_another_disk_is_accepted(board, standpipe):
    board.paths.footage.mkdir(parents=True)
    board.journal().close()
    (board.paths.data / "footage-volume").write_text("00000000-0000-0000-0000-000000000000")
    said = standpipe("footage", "accept-volume")
    assert said.code == 0
    assert (board.paths.data / "footage-volume").read_text() == (board.paths.footage / ".standpipe-volume").read_text()


def key_of(board, person):
    """The options by which this person signs."""
    key, secret = board.paths.data / f"{person.id}.key", board.paths.data / "passphrase"
    if not key.exists():
        write_key(key, person.signer, person.id, "correct horse battery")
    secret.write_text("correct horse battery\n")
    return ["--key", str(key), "--passphrase-file", str(secret)]


def disks_told(board):
    with contextlib.closing(board.journal()) as journal:
        return [row.values() for row in journal.read(kinds=("footage.disk",))]


def test_a_disk_is_another_by_the_it_admin_and_with_the_safety_offices_consent(board, standpipe):
    roles = {"ida": "it-admin", "saf": "safety-office", "chen": "supervisor"}
    ida, saf, chen = (Person(name, role, "plant-3") for name, role in roles.items())
    board.paths.footage.mkdir(parents=True)
    board.journal().close()
    accept, consent = ["footage", "accept-volume"], ["impairment", "start", "footage-disk", "--reason", "full"]
    consent += ["--measures", "spare", "--minutes", "5", "--yes"]
    assert standpipe(*accept, "--by", "bo").code == 0, "where nobody has these roles"
    assert (disks_told(board)[0]["by"], disks_told(board)[0]["permit"]) == ("bo", "")
    board.paths.site.write_text(board.paths.site.read_text() + ida.section + saf.section + chen.section)
    (board.paths.footage / ".standpipe-volume").write_text("another")
    before = (board.paths.data / "footage-volume").read_text().strip()
    assert "takes their --key" in standpipe(*accept).err
    assert "consent first" in standpipe(*accept, *key_of(board, ida)).err
    assert standpipe(*consent, *key_of(board, saf)).code == 0
    assert "takes one of it-admin" in standpipe(*accept, *key_of(board, chen)).err
    refused = standpipe("impairment", "start", "footage-disk", *consent[3:], *key_of(board, chen))
    assert (refused.code, "takes one of safety-office" in refused.err) == (2, True)
    assert "takes a signature" in standpipe(*consent).err
    said = standpipe(*accept, *key_of(board, ida))
    assert said.code == 0, said.err
    told = disks_told(board)[-1]
    about = {"volume": "another", "before": before, "by": "ida", "key": ida.key.id}
    assert {name: told[name] for name in about} == about
    assert str(told["permit"]).startswith("impairment-")
    assert (board.paths.data / "footage-volume").read_text().strip() == "another"
    assert len(disks_told(board)) == 2


def test_without_consent_no_disk_is_taken_into_use(board, standpipe):
    ida, saf = (Person(name, role, "plant-3") for name, role in (("ida", "it-admin"), ("saf", "safety-office")))
    board.paths.site.write_text(board.paths.site.read_text() + ida.section + saf.section)
    board.journal().close()
    forged = {"of": ["footage-disk"], "reason": "x", "measures": "x", "for_s": 60, "by": "saf", "key": saf.key.id}
    for signature in ("", "00" * 64):
        board.note(ImpairmentStarted(source="i-1", sig=signature, **forged))
        said = standpipe("footage", "accept-volume", *key_of(board, ida))
        assert (said.code, "consent first" in said.err) == (2, True)
    assert disks_told(board) == []


def test_a_clip_is_cut_by_the_recorder_and_copied_under_a_grant(tmp_path, standpipe):
    site = tmp_path / "site"
    anna, li = (Person(name, role, "test", "board") for name, role in (("anna", "operator"), ("li", "manager")))
    recorder = Recorder(site, "testcard:320x180/10", extra=anna.section + li.section).start()
    folders = ["--site", str(recorder.paths.site), "--data", str(recorder.paths.data), "--run", str(recorder.paths.run)]
    try:
        until(lambda: recorder.status().get("state") == "recording", "the recorder to run")
        out = tmp_path / "door.mp4"
        clip = ["footage", "clip", "yard", "--at", "now", "--before", "1", "--after", "1"]
        said = standpipe(*clip, "--out", str(out), *folders, folders=False)
        assert (said.code, "is a viewing" in said.err) == (2, True)
        grant = copies_of_today(recorder.paths, anna, li)
        said = standpipe(*clip, "--out", str(out), "--grant", grant, "--viewer", "wang", *folders, folders=False)
        assert (said.code, said.out.strip()) == (0, str(out)), said.err
        assert len(card_numbers(out)) >= 15
        journal = Journal.open_to_read(recorder.paths.journal)
        kinds = [row.kind for row in journal.read() if row.kind.startswith("viewing.")]
        assert kinds == ["viewing.opened", "viewing.cut", "viewing.ended"]
        journal.close()
    finally:
        recorder.end()


def copies_of_today(paths, anna, li):
    """A grant on copies of an hour around now, asked for by anna and signed by li."""
    now = SystemClock().stamp()
    hour = 3600 * 1_000_000_000
    grant = Grant("g-1", ("yard",), now.at_ns - hour, now.at_ns + hour, "wang", Why.INCIDENT, "the door", copies=True)
    scope = scope_of(grant)
    asked = anna.asks("g-1", "footage.view", scope)
    told = {"request": "g-1", "what": "footage.view", "scope": scope, "by": "anna", "reason": "", "key": asked.key}
    journal = Journal.open(paths.journal, paths.bell, SystemClock().stamp)
    journal.append(ApprovalRequested(source="cli", sig=asked.sig, **told), li.states(asked).event())
    journal.close()
    return "g-1"


def test_availability_is_told_with_what_it_cost(footage_of, standpipe):
    between = ["--from", "2026-11-18 19:08:20", "--to", "2026-11-18 19:10:02"]  # seconds 100 to 202 of the boot
    said = standpipe("footage", "availability", *between)
    assert said.code == 0, said.err
    head, cause = said.out.splitlines()
    assert head.split()[:3] == ["yard", "5.882", "%"]
    assert cause.strip() == "1 x, 96.0 s: camera lost"
    told = json.loads(standpipe("footage", "availability", "--camera", "yard", "--json", *between).out)
    assert (told["ppm"], told["missing"]) == (58_823, {"camera lost": {"holes": 1, "ns": 96_000_000_000}})
    assert standpipe("footage", "availability", "--camera", "gate").out.split() == ["gate", "no", "data"]
    text = footage_of.paths.site.read_text()
    footage_of.paths.site.write_text(text.replace("[site]", '[site]\nlanguage = "zh-CN"'))
    head, cause = standpipe("footage", "availability", *between).out.splitlines()
    assert (cause.strip(), "缺 96.0 s" in head) == ("1 次，共 96.0 s：摄像机失联", True)
    lost = "摄像机失联：无法到达该地址：摄像机是否通电，网线是否接好？"
    assert lost in standpipe("footage", "list", "--gaps").out


def test_never_all_of_it_while_anything_is_missing():
    assert uptimes._percent(999_999) == "99.999 %"
    assert uptimes._percent(1_000_000) == "100.000 %"


def test_an_interruption_waits_until_somebody_has_said_why(board, standpipe):
    ends = {"from_ns": at(2026, 11, 22, 6, 0), "to_ns": at(2026, 11, 22, 6, 5), "gap_ms": 300_000}
    board.note(FootageGap(source="yard", cause="camera lost: no route to host", **ends))
    board.note(FootageGap(source="gate", cause="recorder stopped", **ends))
    said = standpipe("footage", "explain")
    assert (said.code, said.out.count("NO REASON")) == (1, 2)
    (first, second) = (line.split()[0] for line in said.out.splitlines())
    for wrong in ([first], [first, "--reason", " "], ["9999", "--reason", "x"], ["--reason", "x"]):
        assert standpipe("footage", "explain", *wrong).code == 2
    assert standpipe("footage", "explain", first, "--reason", "switch replaced", "--by", "anna").code == 0
    (left,) = standpipe("footage", "explain").out.splitlines()
    assert left.split()[:2] == [second, "gate"]
    text = board.paths.site.read_text()
    board.paths.site.write_text(text.replace("[site]", '[site]\nlanguage = "zh-CN"'))
    assert "录像程序被停止  尚未说明原因" in standpipe("footage", "explain").out
    assert standpipe("footage", "explain", second, "--reason", "更换磁盘", "--by", "李工").code == 0
    assert standpipe("footage", "explain").code == 0
    told = json.loads(standpipe("footage", "explain", "--all", "--json").out)
    assert [(one["camera"], one["explained"]) for one in told] == [
        ("yard", {"reason": "switch replaced", "by": "anna"}),
        ("gate", {"reason": "更换磁盘", "by": "李工"}),
    ]
    assert standpipe("footage", "explain", first, "--reason", "no: a cable", "--by", "chen").code == 0
    (told, _) = json.loads(standpipe("footage", "explain", "--all", "--json").out)
    assert told["explained"] == {"reason": "no: a cable", "by": "chen"}, "the last word counts, the first is kept"
