"""Asking the panel by a row, and waiting for the row that answers it."""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Callable, Sequence

from agent.cli.place import UsageError
from agent.cli.texts import Texts
from agent.config.words import nearest
from agent.core.chain import Row
from agent.core.events import Event
from agent.journal import Bell, Journal
from agent.runtime.paths import Paths

ANSWER_S = 3.0


def user() -> str:
    """Who sits here, as far as the system knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return "command line"


def ask(
    journal: Journal, paths: Paths, asked: Event, answers: Callable[[Row], bool], kinds: list[str], wait_s: float
) -> tuple[Row, Row | None]:
    """Append the request and wait for its answer, or the panel's refusal: (request, answer or None)."""
    bell = Bell(paths.bell)
    try:
        row = journal.append(asked)[0]
        return row, _await(journal, row, answers, [*kinds, "panel.refused"], bell.wait, wait_s)
    finally:
        bell.close()


def _await(
    journal: Journal,
    request: Row,
    answers: Callable[[Row], bool],
    kinds: list[str],
    wait: Callable[[float], bool],
    wait_s: float,
) -> Row | None:
    deadline, mark = time.monotonic() + wait_s, request.seq
    while True:
        for row in journal.read(mark, kinds=kinds):
            mark = row.seq
            refused = row.kind == "panel.refused" and row.values()["request"] == request.seq
            if refused or (row.kind != "panel.refused" and answers(row)):
                return row
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        wait(min(left, 0.5))


def yes(question: str, t: Texts) -> bool | None:
    """y or n of somebody at a terminal, None for neither. UsageError if nobody is there."""
    if not sys.stdin.isatty():
        raise UsageError(t("needs-yes"))
    answer = input(question).strip().lower()
    return True if answer in ("y", "yes", "是") else False if answer in ("n", "no", "否") else None


def known(what: str, id_: str, ids: Sequence[str], t: Texts) -> None:
    """UsageError if the site has no such relay, camera or pump (`what`); the nearest is named, or those there are."""
    if id_ not in ids:
        near = nearest(id_, ids)
        hint = t("near", near=near) if near else ""
        raise UsageError(t(f"no-{what}", id=id_, near=hint, known=" ".join(ids) or t("none")))
