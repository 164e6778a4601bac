"""Nobody sees footage without a grant, beyond it, or without a row; and what is shown is what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sp_footage import fragments, stamp, write_segment
from sp_people import Person
from sp_recorder import card_numbers
from sp_viewing import ViewingSite, viewing_site

from agent.core.events import ClockSet
from agent.core.viewing import Use, Why, grant_of
from agent.footage import viewing
from agent.footage.cut import NoFootage
from agent.footage.viewing import ViewingRefused, open_for_viewing

HOUR_NS = 3600 * 1_000_000_000


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ViewingSite]:
    with viewing_site(tmp_path) as made:
        yield made


def test_a_viewing_is_a_row_before_and_a_row_after(site: ViewingSite) -> None:
    grant = site.granted(100, 106, document="2026-17")
    with open_for_viewing(grant, site.wanted(101, 105, present=("li",)), site.screen) as shown:
        (opened,) = site.rows("viewing.opened")
        assert [one.seq for one in shown.segments] == [1, 2, 3]
        assert b"".join(shown.stream())
        assert site.rows("viewing.ended") == []
    shown.close()
    told = {
        "viewer": "wang",
        "requester": "anna",
        "approver": "chen",
        "by": "root",
        "at": "tty1",
        "document": "2026-17",
    }
    assert {name: opened[name] for name in told} == told
    assert (opened["segments"], opened["present"], opened["asked_by_key"]) == ("1-3", ["li"], True)
    assert (opened["why"], opened["purpose"], opened["use"]) == ("incident", "who opened the valve", "play")
    (ended,) = site.rows("viewing.ended")
    assert (ended["from_ns"], ended["to_ns"]) == (site.at(101), site.at(105))
    assert int(str(ended["bytes"])) > 1000


def test_what_is_played_in_part_is_told_in_part(site: ViewingSite) -> None:
    with open_for_viewing(site.granted(100, 106), site.wanted(100, 106), site.screen) as shown:
        stream = shown.stream()
        for _ in range(3):  # the head, and two seconds
            next(stream)
    (ended,) = site.rows("viewing.ended")
    assert (ended["from_ns"], ended["to_ns"]) == (site.at(100), site.at(102))


Wrong = Callable[[ViewingSite], tuple[str, object]]
WRONG: dict[str, tuple[Wrong, str]] = {
    "no grant": (lambda s: ("g-9", s.wanted(100, 106)), "there is no grant"),
    "not approved": (lambda s: (s.ask(100, 106)[0], s.wanted(100, 106)), "not approved"),
    "before it": (lambda s: (s.granted(101, 106), s.wanted(100, 106)), "and no other time"),
    "beyond it": (lambda s: (s.granted(100, 105), s.wanted(100, 106)), "and no other time"),
    "another camera": (lambda s: (s.granted(100, 106, cameras=("gate",)), s.wanted(100, 106)), "cover camera yard"),
    "another viewer": (lambda s: (s.granted(100, 106), s.wanted(100, 106, viewer="bob")), "wang's, not bob's"),
    "a copy": (lambda s: (s.granted(100, 106), s.wanted(100, 106, use=Use.COPY)), "no copies"),
    "an export": (lambda s: (s.granted(100, 106), s.wanted(100, 106, use=Use.EXPORT)), "no copies"),
}


@pytest.mark.parametrize("name", WRONG)
def test_who_may_not_sees_nothing_and_that_is_a_row(site: ViewingSite, name: str) -> None:
    wrong, says = WRONG[name]
    grant, wanted = wrong(site)
    with pytest.raises(ViewingRefused, match=says):
        open_for_viewing(grant, wanted, site.screen)  # type: ignore[arg-type]
    (told,) = site.rows("viewing.refused")
    assert says in str(told["reason"])
    assert told["by"] == "root"
    assert site.rows("viewing.opened") == []


def refused(site: ViewingSite, grant: str) -> str:
    with pytest.raises(ViewingRefused) as why:
        open_for_viewing(grant, site.wanted(100, 106), site.screen)
    return str(why.value)


def test_a_grant_ends_by_time_and_by_being_revoked(site: ViewingSite) -> None:
    request, scope = site.ask(100, 106)
    site.sign(request, scope)
    open_for_viewing(request, site.wanted(100, 106), site.screen).close()
    site.sign(request, scope, verdict="refuse", person=site.li)
    assert "revoked" in refused(site, request)
    site.now = site.now._replace(at_ns=site.now.at_ns + HOUR_NS, mono_ns=site.now.mono_ns + HOUR_NS)
    site.sign(request, scope, verdict="approve", exp=site.now.at_ns // 10**9)
    assert "expired" in refused(site, request)


def test_who_asked_may_not_grant_and_nor_may_any_role(site: ViewingSite) -> None:
    request, scope = site.ask(100, 106, by=site.chen)
    site.sign(request, scope)
    assert "not approved" in refused(site, request)
    for person in (site.anna, Person("chen", "supervisor")):
        site.sign(request, scope, person=person)
        assert "not approved" in refused(site, request)


def test_a_site_lets_the_manager_alone_grant_unless_it_says_otherwise(tmp_path: Path) -> None:
    with viewing_site(tmp_path, text='[site]\nid = "plant"\nboard = "pump-house"\n') as site:
        request, scope = site.ask(100, 106)
        site.sign(request, scope)
        assert "not approved" in refused(site, request)
        site.sign(request, scope, person=site.li)
        open_for_viewing(request, site.wanted(100, 106), site.screen).close()


def test_an_unset_clock_opens_nothing(site: ViewingSite) -> None:
    grant = site.granted(100, 106)
    site.now = site.now._replace(clock="unset")
    assert "not approved" in refused(site, grant)


# --- what is shown ---


def test_the_stream_plays_and_is_the_pictures_of_that_time(site: ViewingSite, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    with open_for_viewing(site.granted(100, 106), site.wanted(101, 104.5), site.screen) as shown:
        out.write_bytes(b"".join(shown.stream()))
    assert card_numbers(out) == list(range(10, 50)), "whole seconds, from a keyframe on, across three files"


def test_a_copy_is_cut_to_the_picture(site: ViewingSite, tmp_path: Path) -> None:
    grant = site.granted(100, 106, copies=True)
    with open_for_viewing(grant, site.wanted(101, 104.5, use=Use.COPY), site.screen) as shown:
        (made,) = shown.cut(tmp_path / "copy.mp4")
        assert [path.name for _, path in shown.files()] == [Path(one.path).name for one in shown.segments]
    assert card_numbers(made.path) == list(range(10, 45))
    (ended,) = site.rows("viewing.ended")
    assert (ended["from_ns"], ended["to_ns"]) == (site.at(100), site.at(106)), "whole files were handed out"


def test_without_copies_granted_no_file_is_handed_out(site: ViewingSite) -> None:
    with (
        open_for_viewing(site.granted(100, 106), site.wanted(100, 106), site.screen) as shown,
        pytest.raises(ViewingRefused, match="no copies"),
    ):
        next(shown.files())


def test_footage_over_two_boots_is_two_copies_and_one_stream(site: ViewingSite, tmp_path: Path) -> None:
    late = stamp(3, boot="22222222-2222-3333-4444-555555555555", at_offset_s=107)  # second 110 of the first boot
    write_segment(site.paths.footage, 4, fragments(20, first=60, start=late), index=site.index)
    grant = site.granted(100, 120, copies=True)
    with open_for_viewing(grant, site.wanted(104, 112, use=Use.COPY), site.screen) as shown:
        made = shown.cut(tmp_path / "copy.mp4")
        (tmp_path / "all.mp4").write_bytes(b"".join(shown.stream()))
    assert [one.path.name for one in made] == ["copy.mp4", "copy-2.mp4"]
    assert [card_numbers(one.path) for one in made] == [list(range(40, 60)), list(range(60, 80))]
    assert card_numbers(tmp_path / "all.mp4") == list(range(40, 80))


def test_where_nothing_was_recorded_there_is_nothing_to_copy(site: ViewingSite, tmp_path: Path) -> None:
    grant = site.granted(100, 600, copies=True)
    with (
        open_for_viewing(grant, site.wanted(500, 600, use=Use.COPY), site.screen) as shown,
        pytest.raises(NoFootage),
    ):
        shown.cut(tmp_path / "copy.mp4")
    assert site.rows("viewing.ended")[0]["bytes"] == 0


def test_a_fragment_that_rotted_is_left_out(site: ViewingSite, tmp_path: Path) -> None:
    path = next(iter(site.paths.footage.rglob("00000002-*.mp4")))
    data = bytearray(path.read_bytes())
    data[-200] ^= 1  # in the last second's media
    path.write_bytes(data)
    with open_for_viewing(site.granted(100, 106), site.wanted(100, 106), site.screen) as shown:
        (tmp_path / "out.mp4").write_bytes(b"".join(shown.stream()))
    assert card_numbers(tmp_path / "out.mp4") == [n for n in range(60) if not 30 <= n < 40]


def test_a_boot_without_a_clock_is_found_by_its_anchor(site: ViewingSite, tmp_path: Path) -> None:
    boot = "33333333-2222-3333-4444-555555555555"
    begin = stamp(50, boot=boot, clock="unset")._replace(at_ns=50 * 10**9)
    write_segment(site.paths.footage, 4, fragments(20, first=60, start=begin), index=site.index)
    site.note(ClockSet(source="clock", boot=boot, mono_ns=0, at_ns=site.at(700), by="person"))
    with open_for_viewing(site.granted(700, 800), site.wanted(700, 800), site.screen) as shown:
        assert [one.seq for one in shown.segments] == [4]
        (tmp_path / "out.mp4").write_bytes(b"".join(shown.stream()))
    assert card_numbers(tmp_path / "out.mp4") == list(range(60, 80))
    (ended,) = site.rows("viewing.ended")
    assert (ended["from_ns"], ended["to_ns"]) == (site.at(750), site.at(752))


def test_one_viewing_is_bounded(site: ViewingSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewing, "SEGMENTS_MAX", 2)
    grant = site.granted(100, 106)
    assert "ask for less time" in refused(site, grant)


@pytest.mark.parametrize("name", ["cameras", "from", "to", "viewer", "why", "purpose"])
def test_a_grant_says_everything(site: ViewingSite, name: str) -> None:
    _, scope = site.ask(100, 106)
    with pytest.raises(ValueError, match=name):
        grant_of("g-1", {**scope, name: " "})


def test_a_grant_reads_back_as_it_was_written(site: ViewingSite) -> None:
    _, scope = site.ask(100, 106, why=Why.MAINTENANCE, copies=True)
    grant = grant_of("g-1", scope)
    assert (grant.why, grant.copies, grant.cameras) == (Why.MAINTENANCE, True, ("yard",))
    assert (grant.from_ns, grant.to_ns) == (site.at(100), site.at(106))
    assert replace(grant, why=Why.INCIDENT) != grant
