"""The pass over clips and single pictures: what is past its time and delivered, or nobody asks for, goes.

Each is a row first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import UNSET

from agent.core.chain import Row
from agent.core.events import ClipDeleted
from agent.core.retention import Policy
from agent.core.spans import HARD_FLOOR, cutoff_ns, span
from agent.footage.errors import explain
from agent.jobs.dating import Dating
from agent.jobs.desk import Desk
from agent.journal.files import sync_folder
from agent.journal.holds import holds
from agent.journal.projections import every

FOLDER = "clips"
READY = ("clip.ready", "snapshot.ready")
ENDS = {
    "clip.delivered": "delivered",
    "clip.given_up": "given up",
    "snapshot.delivered": "delivered",
    "snapshot.given_up": "given up",
}


def id_of(row: Row) -> str:
    """Of the clip or picture that the row is about."""
    values = row.values()
    return str(values.get("clip") or values.get("snapshot"))


def tend(desk: Desk, policy: Policy | None) -> int:
    """One pass, alone, by a clock that can be relied on; how many went. A pass that was killed is completed first."""
    _, deleted = _last_words(desk)
    _unlink(desk, sorted(deleted & _present(desk)))
    if policy is None:
        return 0
    gone = due(desk)
    for row, why in gone:
        desk.journal.append(_event(row, why, policy))
    _unlink(desk, [str(row.values()["path"]) for row, _ in gone])
    return len(gone)


def due(desk: Desk) -> list[tuple[Row, str]]:
    """Rows READY of the files that would go now, and why nobody needs them."""
    made, _ = _last_words(desk)
    return list(_ripe(desk, [made[path] for path in sorted(made.keys() & _present(desk))]))


def waiting(desk: Desk) -> set[tuple[str, str]]:
    """(camera, clip or picture) of those whose file is there: their rows are needed."""
    present = _present(desk)
    rows = every(desk.journal, *READY)
    return {(row.source, id_of(row)) for row in rows if str(row.values()["path"]) in present}


def _present(desk: Desk) -> set[str]:
    """What lies in the clips folder, as rows call it."""
    try:
        return {f"{FOLDER}/{path.name}" for path in desk.paths.clips.iterdir()}
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise explain(desk.paths.clips, error) from error


def _last_words(desk: Desk) -> tuple[dict[str, Row], set[str]]:
    """(path -> its row of READY, paths of those that were deleted): the same clip may have been cut again since."""
    last = {str(row.values()["path"]): row for row in every(desk.journal, *READY, "clip.deleted")}
    made = {path: row for path, row in last.items() if row.kind in READY}
    return made, last.keys() - made.keys()


def _ripe(desk: Desk, rows: list[Row]) -> Iterator[tuple[Row, str]]:
    """Those past their time and not on hold, and why nobody needs their file here."""
    now = desk.now()
    keep = span(desk.site.retention.clips)
    past = min(cutoff_ns(now.at_ns, keep, desk.zone), cutoff_ns(now.at_ns, HARD_FLOOR, desk.zone))
    dating, held, over = Dating(desk.journal, now), holds(desk.journal), _over(desk)
    for row in rows:
        clip, at_ns = id_of(row), dating.at_ns(row)
        why = over.get((row.source, clip), "" if desk.site.uplink is not UNSET else "nobody asks for it")
        if at_ns is not None and at_ns <= past and clip not in held and why:
            yield row, why


def _over(desk: Desk) -> dict[tuple[str, str], str]:
    """(camera, clip or picture) -> why the far end no longer needs it."""
    return {(row.source, id_of(row)): ENDS[row.kind] for row in every(desk.journal, *ENDS)}


def _event(row: Row, why: str, policy: Policy) -> ClipDeleted:
    values: Any = row.values()
    same: dict[str, Any] = {name: values[name] for name in ("path", "bytes", "sha256")}
    same |= {name: values.get(name, values.get("at_ns")) for name in ("from_ns", "to_ns")}
    told: dict[str, Any] = {"clip": id_of(row), "why": why, "authority": policy.request, "approver": policy.approver}
    return ClipDeleted(source=row.source, **told, **same)


def _unlink(desk: Desk, paths: list[str]) -> None:
    try:
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                (desk.paths.clips / Path(path).name).unlink()
        if paths:
            sync_folder(desk.paths.clips)
    except OSError as error:
        raise explain(error.filename or desk.paths.clips, error) from error
