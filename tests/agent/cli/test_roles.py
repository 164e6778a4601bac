"""Who may do what: each role against each thing that takes a signature, by the functions that judge it in life.

There is one more way to anything of a board, an account on it: those are the system's (agent/design/0020-viewing.md).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pytest
from sp_people import Person

from agent.cli import permits
from agent.cli.place import UsageError
from agent.cli.rule_texts import TEXTS
from agent.cli.texts import Texts
from agent.config import here_of, load
from agent.core.commands import OPS, Here, Now, Refusal, judge
from agent.core.events import KINDS as EVENTS
from agent.core.events import DrillStarted, Event, FootageDisk, ImpairmentStarted, IncidentDeclared, VisitOpened
from agent.core.people import Role
from agent.core.permits import DISK
from agent.core.statements import KINDS, refusal
from agent.runtime import keys
from agent.runtime.keys import verify, write_key
from agent.runtime.paths import Paths

FOR = {"for_s": 60, "by": "x", "reason": "r"}
OUT = {**FOR, "measures": "m"}
WRITTEN: dict[str, Event] = {  # what a person writes at the site with --key
    "visit": VisitOpened(source="v-1", who="Li", what="visit", of=[], **FOR),  # type: ignore[arg-type]
    "impairment": ImpairmentStarted(source="i-1", of=["gate"], **OUT),  # type: ignore[arg-type]
    "impairment of the disk": ImpairmentStarted(source="i-1", of=[DISK], **OUT),  # type: ignore[arg-type]
    "drill": DrillStarted(source="d-1", of=["gate"], **FOR),  # type: ignore[arg-type]
    "incident": IncidentDeclared(source="n-1", what="fire", reason="smoke", since_ms=0, by="x"),
    "accept-volume": FootageDisk(source="footage", volume="a", before="b", device="", model="", serial=""),
}
# operator, shift leader, supervisor, manager, safety officer, safety office, technician, it admin, electrician, auditor
ROLES = (
    Role.OPERATOR, Role.SHIFT_LEADER, Role.SUPERVISOR, Role.MANAGER, Role.SAFETY_OFFICER, Role.SAFETY_OFFICE,
    Role.TECHNICIAN, Role.IT_ADMIN, Role.ELECTRICIAN, Role.AUDITOR,
)  # fmt: skip
MATRIX = """
command acknowledge         x x x . . . x . . .
command silence             x x x . . . x . . .
command reset               . . x . . . x . . .
command clip                x x x . . . x . . .
command snapshot            x x x . . . x . . .
command hold                x . x . . . . . . .
command config              . . . . . . x . . .
command arm                 x x x . . . x . . .
command disarm              . x x . . . x . . .
command drill-start         . x x . . . x . . .
command drill-end           x x x . . . x . . .
command impairment-start    . . x . . x . . . .
command impairment-end      x x x . . . x . . .
command incident-declare    x x x x x x x x x x
command incident-close      x x x x x x x x x x
command start-arm           x x x . . . x . . .
command start-confirm       x x x . . . x . . .
command start               x x x . . . x . . .
command report              x x x . . . x . . x
command approve             x x x x x x x x x x
approve disk.retire         . . x x . x . . . .
approve footage.delete      . . x x . . . . . .
approve footage.view        . . . x . . . . . .
approve hold.release        . . x x . . . . . .
approve policy              . . x x . . . . . .
write visit                 x x x . . . x . . .
write impairment            . . x . . x . . . .
write impairment of the disk . . . . . x . . . .
write drill                 . x x . . . x . . .
write incident              x x x x x x x x x x
write accept-volume         . . . . . . . x . .
"""


@pytest.fixture(scope="module")
def people() -> dict[Role, Person]:
    return {role: Person(f"one-{role}", role) for role in ROLES}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory, people: dict[Role, Person]) -> Paths:
    folder = tmp_path_factory.mktemp("roles")
    made = Paths(folder / "site.toml", folder, folder)
    sections = "".join(person.section for person in people.values())
    made.site.write_text(f'[site]\nid = "plant"\nboard = "pump-house"\n{sections}')
    return made


@pytest.fixture
def here(paths: Paths) -> Here:
    return here_of(load(paths.site), verify)


@pytest.fixture
def key_files(tmp_path: Path, people: dict[Role, Person], monkeypatch: pytest.MonkeyPatch) -> dict[Role, Path]:
    monkeypatch.setitem(keys._STRETCH, "n", 2**4)  # what takes a thief long takes tests long
    (tmp_path / "pass").write_text("correct horse\n")
    found = {role: tmp_path / f"{role}.key" for role in people}
    for role, person in people.items():
        write_key(found[role], person.signer, person.id, "correct horse")
    return found


def test_each_role_may_do_this_and_nothing_else(
    people: dict[Role, Person], here: Here, paths: Paths, key_files: dict[Role, Path], tmp_path: Path
) -> None:
    def commands(op: str, who: Person) -> bool:
        found = judge(who.command(op).text().encode(), here, now, {})
        return not (isinstance(found, Refusal) and found.code == "not-allowed")

    def approves(kind: str, who: Person) -> bool:
        other = people[Role.OPERATOR if who.role != Role.OPERATOR else Role.TECHNICIAN]
        asked = other.asks("r-1", kind, {"camera": "gate"}, "because")
        return refusal(who.states(asked), asked, here, now) == ""

    def writes(what: str, who: Person) -> bool:
        args = argparse.Namespace(key=key_files[who.key.role], passphrase_file=tmp_path / "pass")
        try:
            return bool(permits.signed(args, paths, WRITTEN[what], Texts("en", TEXTS)))
        except UsageError:
            return False

    now = Now(int(time.time()), "synced", keys_boot())
    asks = {
        **{f"command {op}": (commands, op) for op in OPS},
        **{f"approve {kind}": (approves, kind) for kind in KINDS},
        **{f"write {what}": (writes, what) for what in WRITTEN},
    }
    told = {
        name: "".join("x" if ask(about, people[role]) else "." for role in ROLES) for name, (ask, about) in asks.items()
    }
    wanted = {line[:-20].strip(): line[-20:].replace(" ", "") for line in MATRIX.strip().splitlines()}
    assert told == wanted


def keys_boot() -> str:
    from agent.runtime.clock import boot_id

    return boot_id()


def test_every_role_and_all_that_is_signed_stands_in_the_matrix() -> None:
    assert set(ROLES) == set(Role)
    assert {event.KIND for event in WRITTEN.values()} | {"incident.closed"} == set(permits.ROLES)
    assert set(permits.ROLES) <= set(EVENTS)


def test_pictures_and_what_cameras_see_are_for_those_who_watch() -> None:
    """Others than who watches, or answers for it, get no picture, no clip, and no camera's state by command."""
    outside = {Role.ELECTRICIAN, Role.IT_ADMIN, Role.SAFETY_OFFICER, Role.SAFETY_OFFICE, Role.AUDITOR, Role.MANAGER}
    assert not outside & (OPS["snapshot"].roles | OPS["clip"].roles | OPS["hold"].roles)
