"""What may go, what must stay: calendars, clocks that step, holds, room, and nothing without a signature."""

import calendar
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agent.core.chain import Stamp
from agent.core.retention import (
    HOUR_NS,
    NS,
    Holds,
    Kept,
    Piece,
    Policy,
    Room,
    Rule,
    Run,
    Why,
    asked,
    clock_refusal,
    forecast,
    full_in_days,
    judged,
    older,
    oldest_ns,
    plan,
    stops_at,
)
from agent.core.spans import DAY_NS, cutoff_ns, least_days, span

YEAR_NS = 365 * DAY_NS
BIG = 1000  # bytes of a piece
POLICY = Policy("p-1", "chen")
FULL = Room(free=0, wanted=10**12, reserve=0)
EMPTY = Room(free=10**12, wanted=0, reserve=0)


def at(text, zone=UTC):
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * NS


NOW = Stamp(at("2026-11-22T12:00"), "b", 400 * DAY_NS, "synced")


def pieces(days, *, boot="b", now=NOW, first=1, per_day=24):
    """So many pieces a day, of the last `days` before now, oldest first."""
    step = DAY_NS // per_day
    count = days * per_day
    ends = [now.mono_ns - (count - 1 - n) * step for n in range(count)]
    return [Piece(first + n, boot, end - step, end, BIG) for n, end in enumerate(ends)]


def run_of(found, *, now=NOW, clock="synced", offset_ns=None):
    last = found[-1]
    shift = now.at_ns - now.mono_ns if offset_ns is None else offset_ns
    return Run(last.boot, found[0].seq, found[0].start_mono_ns, last.end_mono_ns, last.end_mono_ns + shift, clock)


def kept(found, *, camera="yard", keep="3 months", most=None, priority=5, holds=None, runs=None, day_bytes=24 * BIG):
    rule = Rule(camera, span(keep), span(most) if most else None, priority)
    total = sum(piece.bytes for piece in found)
    return Kept(rule, runs or [run_of(found)], lambda: found, holds or Holds(), total, day_bytes)


def seqs(made):
    return [seq for batch in made.batches for seq in batch.seqs]


# --- the calendar ---


@pytest.mark.parametrize(
    ("now", "keep", "last_that_goes"),
    [
        ("2026-11-22T12:00", "3 months", "2026-08-22T12:00"),
        ("2026-05-31T10:00", "3 months", "2026-02-28T23:59:59"),
        ("2026-03-01T10:00", "3 months", "2025-12-01T10:00"),
        ("2028-03-31T10:00", "1 month", "2028-02-29T23:59:59"),
        ("2026-11-22T12:00", "15 days", "2026-11-07T12:00"),
    ],
)
def test_months_are_calendar_months(now, keep, last_that_goes):
    found = cutoff_ns(at(now), span(keep))
    assert found // NS in (at(last_that_goes) // NS, at(last_that_goes) // NS - 1)


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")])
def test_three_months_are_never_fewer_than_the_calendar_says(zone):
    """Against the plain definition: from a day to the same day three months on, or the first after it."""
    for day in range(0, 800):
        then = datetime(2026, 1, 1, 5, tzinfo=zone) + timedelta(days=day)
        year, month0 = divmod(then.year * 12 + then.month - 1 + 3, 12)
        if then.day <= calendar.monthrange(year, month0 + 1)[1]:
            until = then.replace(year=year, month=month0 + 1)
        else:
            until = then.replace(year=year + (month0 + 1) // 12, month=(month0 + 1) % 12 + 1, day=1, hour=0)
        recorded, until_ns = int(then.timestamp()) * NS, int(until.timestamp()) * NS
        assert cutoff_ns(until_ns - 2 * HOUR_NS, span("3 months"), zone) < recorded, then
        assert cutoff_ns(until_ns + 2 * HOUR_NS, span("3 months"), zone) >= recorded, then


def test_the_fewest_days_of_a_span():
    assert [least_days(span(text)) for text in ("15 days", "1 month", "3 months")] == [15, 28, 89]
    with pytest.raises(ValueError, match="not like"):
        span("3 weeks")


# --- the floor ---


def test_nothing_younger_than_three_months_goes_and_all_that_is_older_may():
    found = pieces(120)
    made = plan(NOW, [kept(found)], FULL, POLICY)
    limit = NOW.mono_ns - (NOW.at_ns - at("2026-08-22T12:00"))
    assert seqs(made) == [piece.seq for piece in found if piece.end_mono_ns <= limit]
    assert {batch.why for batch in made.batches} == {Why.ROOM}


def test_fifteen_full_days_stay_whatever_is_configured():
    found = pieces(30)
    made = plan(NOW, [kept(found, keep="1 day", most="2 days")], FULL, Policy("p", "chen", overwrite=True))
    assert seqs(made) == [piece.seq for piece in found if NOW.mono_ns - piece.end_mono_ns >= 15 * DAY_NS]


def test_fourteen_days_and_23_hours_old_is_not_deleted_on_request():
    camera = kept(pieces(40), keep="15 days")
    young = NOW.at_ns - 14 * DAY_NS - 23 * HOUR_NS
    batches, why = asked(NOW, camera, young - HOUR_NS, young)
    assert batches == []
    assert "15 full days" in why
    batches, why = asked(NOW, camera, young - DAY_NS - 2 * HOUR_NS, NOW.at_ns - 15 * DAY_NS)
    assert why == ""
    assert sum(len(batch.seqs) for batch in batches) == 25


def test_a_request_takes_exactly_its_scope():
    found = pieces(40)
    from_ns = NOW.at_ns - 30 * DAY_NS - HOUR_NS // 2
    batches, _ = asked(NOW, kept(found), from_ns, from_ns + 3 * HOUR_NS)
    gone = {seq for batch in batches for seq in batch.seqs}
    assert [p.seq for p in found if p.seq in gone] == [
        p.seq
        for p in found
        if p.start_mono_ns >= from_ns - NOW.at_ns + NOW.mono_ns
        and p.end_mono_ns <= from_ns + 3 * HOUR_NS - NOW.at_ns + NOW.mono_ns
    ]
    assert len(gone) == 2


# --- who allows it ---


def test_without_a_standing_policy_nothing_expires():
    made = plan(NOW, [kept(pieces(400), most="6 months")], FULL, None)
    assert made.batches == []
    assert "policy" in made.refused
    signed = plan(NOW, [kept(pieces(400), most="6 months")], FULL, POLICY)
    assert made.waits == signed.batches, "what would go is told before anybody signs"
    assert signed.waits == []


def test_between_floor_and_ceiling_footage_goes_only_for_room():
    found = pieces(200)
    camera = kept(found, keep="3 months", most="6 months")
    past_ceiling = sum(1 for p in found if p.end_mono_ns <= NOW.mono_ns - NOW.at_ns + at("2026-05-22T12:00"))
    made = plan(NOW, [camera], EMPTY, POLICY)
    assert len(seqs(made)) == past_ceiling > 0
    assert {batch.why for batch in made.batches} == {Why.CEILING}
    made = plan(NOW, [camera], Room(0, (past_ceiling + 30) * BIG, 0), POLICY)
    assert len(seqs(made)) == past_ceiling + 30
    assert seqs(made) == [p.seq for p in found][: past_ceiling + 30]


def test_for_room_the_least_important_camera_gives_first():
    low, high = kept(pieces(120), camera="gate", priority=1), kept(pieces(120), priority=9)
    made = plan(NOW, [high, low], Room(0, 10 * BIG, 0), POLICY)
    assert {batch.camera for batch in made.batches} == {"gate"}
    assert seqs(made) == list(range(1, 11))


def test_an_hour_is_one_batch():
    made = plan(NOW, [kept(pieces(100, per_day=24 * 60), keep="99 days")], FULL, POLICY)
    assert len(made.batches) in (24, 25)
    assert sum(len(batch.seqs) for batch in made.batches) == 24 * 60


# --- a full disk ---


def test_a_full_disk_takes_nothing_before_its_floor_unless_the_policy_says_so():
    cameras = [kept(pieces(60), priority=5), kept(pieces(60), camera="gate", priority=2)]
    full = Room(free=0, wanted=100, reserve=5 * BIG)
    assert plan(NOW, cameras, full, POLICY).batches == []
    made = plan(NOW, cameras, full, Policy("p", "chen", overwrite=True))
    assert [(batch.camera, batch.why) for batch in made.batches] == [("gate", Why.FORCED)] * 5
    assert seqs(made) == [1, 2, 3, 4, 5]


def test_forcing_spares_holds_and_the_hard_floor():
    found = pieces(20)
    camera = kept(found, holds=Holds([(1, 50, "h-1")]))
    made = plan(NOW, [camera], Room(0, 0, 10**12), Policy("p", "chen", overwrite=True))
    assert seqs(made) == [p.seq for p in found if p.seq > 50 and NOW.mono_ns - p.end_mono_ns >= 15 * DAY_NS]


# --- holds ---


def test_what_is_held_stays_and_is_counted():
    holds = Holds([(10, 20, "h-1"), (15, 18, "h-2"), (100, 100, "h-3")])
    made = plan(NOW, [kept(pieces(120), holds=holds)], FULL, POLICY)
    assert not set(seqs(made)) & {*range(10, 21), 100}
    assert (made.held, made.held_bytes) == ({"h-1": 11, "h-3": 1}, 12 * BIG)


def test_a_hold_that_is_not_yet_found_in_the_footage_protects_a_day_around_it():
    found = pieces(120)
    when = NOW.at_ns - 110 * DAY_NS
    made = plan(NOW, [kept(found, holds=Holds(windows=[(when, when + 60 * NS, "h-1")]))], FULL, POLICY)
    stays = {p.seq for p in found if abs(p.end_mono_ns - (when - NOW.at_ns + NOW.mono_ns)) < DAY_NS}
    assert stays
    assert not stays & set(seqs(made))
    assert set(seqs(made)) >= {1, 2, 3}


def test_held_footage_is_not_deleted_with_an_approval_either():
    found = pieces(40)
    batches, why = asked(
        NOW, kept(found, holds=Holds([(1, 9999, "h-7")])), NOW.at_ns - 30 * DAY_NS, NOW.at_ns - 29 * DAY_NS
    )
    assert batches == []
    assert "h-7" in why


# --- clocks ---

EARLIER = NOW._replace(at_ns=NOW.at_ns - HOUR_NS, mono_ns=NOW.mono_ns - HOUR_NS)


@pytest.mark.parametrize("years", [1, -1])
@pytest.mark.parametrize("clock", ["synced", "rtc"])
@pytest.mark.parametrize("boot", ["b", "c"])
def test_a_clock_that_stepped_by_a_year_deletes_nothing_and_says_so(years, clock, boot):
    stepped = NOW._replace(at_ns=NOW.at_ns + years * YEAR_NS, clock=clock, boot=boot)
    why = clock_refusal(stepped, EARLIER, None)
    assert "365 d" in why or "364 d" in why
    made = plan(stepped, [kept(pieces(300))], FULL, POLICY, why)
    assert made.batches == []
    assert made.refused == why


def test_a_clock_that_is_back_or_confirmed_is_believed_again():
    assert clock_refusal(NOW, EARLIER, None) == ""
    stepped = NOW._replace(at_ns=NOW.at_ns + YEAR_NS)
    assert clock_refusal(stepped, EARLIER, stepped.at_ns - NS) == ""
    assert clock_refusal(stepped, EARLIER, stepped.at_ns - HOUR_NS) != ""


@pytest.mark.parametrize(
    ("now", "before", "refused"),
    [
        (NOW._replace(clock="unset"), EARLIER, True),
        (NOW._replace(boot="c", mono_ns=60 * NS), EARLIER, False),  # restarted, off for an hour
        (NOW._replace(boot="c", at_ns=NOW.at_ns + 20 * DAY_NS), EARLIER, False),  # off for three weeks, NTP again
        (NOW._replace(boot="c", at_ns=NOW.at_ns + 20 * DAY_NS, clock="rtc"), EARLIER, True),
        (NOW._replace(at_ns=NOW.at_ns + 20 * DAY_NS), EARLIER._replace(clock="rtc"), False),  # NTP found at last
        (NOW._replace(at_ns=NOW.at_ns + HOUR_NS), EARLIER, True),
        (NOW, None, False),
        (NOW._replace(clock="rtc"), None, True),
    ],
)
def test_when_a_clock_is_relied_on(now, before, refused):
    assert bool(clock_refusal(now, before, None)) is refused


def test_footage_with_a_stepped_clock_is_as_old_as_it_is():
    """A year ahead, a year behind, in the middle of a boot: monotonic time says how old each piece is."""
    found = pieces(120)
    made = plan(NOW, [kept(found)], FULL, POLICY)
    for offset_ns in (YEAR_NS, -YEAR_NS):
        runs = [run_of(found, offset_ns=NOW.at_ns - NOW.mono_ns + offset_ns)]
        assert seqs(plan(NOW, [kept(found, runs=runs)], FULL, POLICY)) == seqs(made)


def earlier_boot(days, offset_ns, clock="synced"):
    """An earlier boot that ended `days` ago by the right clock; its own was wrong by offset_ns."""
    before = Stamp(NOW.at_ns - days * DAY_NS, "a", 50 * DAY_NS, "synced")
    first = pieces(10, boot="a", now=before, per_day=24)
    second = pieces(days, first=len(first) + 1)
    runs = [run_of(first, now=before._replace(at_ns=before.at_ns + offset_ns), clock=clock), run_of(second)]
    return first, second, runs


@pytest.mark.parametrize(
    ("offset_ns", "clock"),
    [(-YEAR_NS, "synced"), (-YEAR_NS, "rtc"), (-40 * YEAR_NS, "unset"), (YEAR_NS, "rtc")],
)
def test_a_boot_whose_clock_was_wrong_is_as_old_as_it_is(offset_ns, clock):
    """It ended when the next began, of which the time is known."""
    for keep in ("19 days", "21 days", "25 days", "31 days"):
        first, second, right = earlier_boot(20, 0)
        runs = earlier_boot(20, offset_ns, clock)[2]
        found = [*first, *second]
        made = plan(NOW, [kept(found, keep=keep, runs=runs)], FULL, POLICY)
        assert seqs(made) == seqs(plan(NOW, [kept(found, keep=keep, runs=right)], FULL, POLICY)), keep


def test_an_earlier_clock_that_was_some_days_behind_undercuts_no_floor():
    first, second, runs = earlier_boot(10, -20 * DAY_NS, "rtc")
    made = plan(NOW, [kept([*first, *second], keep="15 days", runs=runs)], FULL, POLICY)
    assert seqs(made) == [piece.seq for piece in first][: len(seqs(made))]
    assert len(seqs(made)) <= 5 * 24


def test_ages_never_go_back_along_the_sequence():
    first, second, runs = earlier_boot(20, 3 * DAY_NS)
    ages = [one.at_ns for one in older([*first, *second], judged(runs, NOW), NOW.at_ns)]
    assert ages == sorted(ages)
    assert len(ages) == len(first) + len(second)


def test_an_earlier_boot_with_a_good_clock_is_as_old_as_it_says():
    first, second, runs = earlier_boot(20, 0)
    made = plan(NOW, [kept([*first, *second], keep="21 days", runs=runs)], FULL, POLICY)
    assert 200 < len(seqs(made)) < len(first)


def test_footage_of_a_camera_that_is_gone_still_ages():
    before = Stamp(NOW.at_ns - 200 * DAY_NS, "a", 50 * DAY_NS, "synced")
    found = pieces(2, boot="a", now=before)
    made = plan(NOW, [kept(found, runs=[run_of(found, now=before)])], FULL, POLICY)
    assert len(seqs(made)) == len(found)


def test_what_nobody_can_date_stays_and_keeps_all_after_it():
    found = pieces(120)
    strange = found[10]._replace(boot="never seen")
    mixed = [*found[:10], strange, *found[11:]]
    assert [one.piece.seq for one in older(mixed, judged([run_of(found)], NOW), NOW.at_ns)] == list(range(1, 11))


# --- the days ahead ---


def test_too_little_room_is_told_in_days():
    found = pieces(10)
    camera = kept(found, day_bytes=1000)
    assert forecast([camera], 10**9, NOW.at_ns) == {}
    roomy = kept([found[0]], day_bytes=1000)
    assert forecast([roomy], 67 * 1000 - roomy.bytes + 999, NOW.at_ns) == {"yard": (67, 92)}
    assert forecast([roomy], 92 * 1000 - roomy.bytes, NOW.at_ns) == {}
    assert forecast([roomy], 92 * 1000 - roomy.bytes - 1, NOW.at_ns) == {"yard": (91, 92)}


def test_whatever_the_disk_holds_it_is_told_seven_days_before_it_is_full():
    """Day by day, from empty: the first footage says what a day takes."""
    for days in range(8, 92):
        for day in range(1, days + 1):
            camera = replace(kept([], day_bytes=1000, runs=[object()]), bytes=day * 1000)
            if forecast([camera], (days - day) * 1000, NOW.at_ns):
                break
        assert days - day >= 7, f"room for {days} days"


def test_who_asks_for_less_gets_all_of_it():
    short = kept([], camera="gate", keep="15 days", day_bytes=1000, runs=[object()])
    long = kept([], keep="90 days", day_bytes=1000, runs=[object()])
    assert forecast([short, long], 15_000 + 60_000, NOW.at_ns) == {"yard": (60, 90)}


def test_how_long_it_lasts_if_nothing_goes():
    assert full_in_days([kept([], day_bytes=1000, runs=[object()])], 14_999) == 14
    assert full_in_days([], 10**9) is None


def test_how_far_back_footage_goes():
    found = pieces(40)
    assert oldest_ns(kept(found), NOW) == NOW.at_ns - NOW.mono_ns + found[0].end_mono_ns
    assert oldest_ns(kept(found, runs=[run_of(pieces(2, boot="z"))]), NOW) is None, "of a boot that nobody knows"


def test_the_least_important_cameras_stop_first():
    priorities = [1, 5, 5, 9]
    assert [stops_at(400, one, priorities) for one in priorities] == [600, 500, 500, 400]
