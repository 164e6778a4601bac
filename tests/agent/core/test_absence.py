"""Who should run and does not: by plain calls."""

from __future__ import annotations

from agent.core.absence import Absence

S = 1_000_000_000


def test_gone_for_long_enough_is_told_once_and_so_is_coming_back() -> None:
    absence = Absence(["yard", "gate"], 60 * S)
    assert absence.look({"yard": True}, 0) == {"yard": True}, "who is there is told of at the first look"
    assert absence.look({"yard": True}, 59 * S) == {}
    assert absence.look({"yard": True}, 60 * S) == {"gate": False}
    assert absence.look({"yard": True}, 99 * S) == {}
    assert absence.look({"yard": True, "gate": True}, 100 * S) == {"gate": True}
    assert absence.look({"gate": True}, 110 * S) == {}
    assert absence.look({"gate": True}, 170 * S) == {"yard": False}


def test_a_restart_is_no_absence() -> None:
    absence = Absence(["yard"], 60 * S)
    absence.look({"yard": True}, 0)
    for second in range(1, 500):
        there = second % 50 == 0
        assert absence.look({"yard": there}, second * S) == {}
