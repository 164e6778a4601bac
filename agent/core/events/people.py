"""People: signed commands (source: the process), approvals (source: "approve" or who asks)."""

from __future__ import annotations

from dataclasses import field

from agent.core.events.base import Event, Lane, kind


@kind("command.received", lane=Lane.ALARM)
class CommandReceived(Event):
    """A command from the broker that passed its first check. `envelope` is all of it, as its signer wrote it.

    command: the sender's id; by: person; key: id of their key; ctr: the key's counter.
    """

    command: str
    op: str
    by: str
    key: str
    ctr: int
    envelope: str


@kind("command.started", lane=Lane.ALARM)
class CommandStarted(Event):
    """Row `request` (command.received) was judged again and is being done. Found started, it is never repeated."""

    command: str
    request: int
    op: str
    by: str
    key: str
    ctr: int


@kind("command.done", lane=Lane.ALARM)
class CommandDone(Event):
    """The command of row `request` has been carried out. answer: what it has to say beside that, by name."""

    command: str
    request: int
    op: str
    by: str
    answer: dict[str, str] = field(default_factory=dict)


@kind("command.failed", lane=Lane.ALARM)
class CommandFailed(Event):
    """The command of row `request` was started and did nothing, or nobody knows what it did; `reason` says which.

    code: a stable word, where the reason is one of a list (core/start_table.py).
    """

    command: str
    request: int
    op: str
    by: str
    reason: str
    code: str = ""


@kind("command.refused", lane=Lane.ALARM)
class CommandRefused(Event):
    """A command from the broker was not carried out, and why. `digest` is the payload's SHA-256; code: a stable word.

    request: its row if it was received; command, op, by: what it says of itself, proven only if it was received.
    """

    reason: str
    bytes: int
    digest: str
    code: str = ""
    request: int = 0
    command: str = ""
    op: str = ""
    by: str = ""


@kind("hold.requested", lane=Lane.ALARM)
class HoldRequested(Event):
    """Footage of these cameras from / to (UTC) is to be kept from deletion. hold: the request's id.

    by: the person, or "rule" ([holds] on), then with the moments in monotonic time of `boot`.
    """

    hold: str
    cameras: list[str]
    from_ns: int
    to_ns: int
    reason: str
    by: str
    boot: str = ""
    from_mono_ns: int = 0
    to_mono_ns: int = 0


@kind("hold.placed", lane=Lane.ALARM)
class HoldPlaced(Event):
    """Footage that may not go (source: the hold's id). segments: camera -> its numbers, like "12-15,20".

    cause: the event, or the person, that asked for it; review_ns: when somebody must look at it again (UTC).
    """

    segments: dict[str, str]
    from_ns: int
    to_ns: int
    reason: str
    owner: str
    cause: str
    review_ns: int


@kind("hold.copied")
class HoldCopied(Event):
    """The footage of a hold (source: its id) lies in the special store, hashed. digest: SHA-256 of its manifest."""

    path: str
    files: int
    bytes: int
    digest: str


@kind("hold.checked")
class HoldChecked(Event):
    """The copies of a hold (source: its id) were read again. wrong: what of them is not what was copied, the first."""

    files: int
    wrong: list[str]


@kind("hold.reviewed")
class HoldReviewed(Event):
    """`by` has looked at the hold (source: its id); it stands, to be looked at again at review_ns (UTC)."""

    by: str
    review_ns: int
    note: str


@kind("hold.released", lane=Lane.ALARM)
class HoldReleased(Event):
    """The hold (source: its id) is over: `requester` asked (`request`), `approver` signed. copies: kept / deleted."""

    request: str
    requester: str
    approver: str
    reason: str
    copies: str
    files: int
    bytes: int


@kind("footage.deleted")
class FootageDeleted(Event):
    """Segments of a camera that are gone: expired (a camera and hour each), or on request.

    why: ceiling / room / forced / asked. authority: number of the standing policy or of the request that was approved.
    segments: their numbers, like "12-71,75"; digest: SHA-256 over their SHA-256 in order; hashes: each, if asked for.
    verified: the files were looked for afterwards and are gone.
    """

    deletion: str
    why: str
    reason: str
    authority: str
    requester: str
    approver: str
    from_ns: int
    to_ns: int
    segments: str
    files: int
    bytes: int
    digest: str
    hashes: list[str]
    retention_checked: bool
    holds_checked: bool
    by: str
    verified: bool


@kind("deletion.refused", lane=Lane.ALARM)
class DeletionRefused(Event):
    """What `request` asked for, approved though it was, is not deleted or released, and why."""

    request: str
    reason: str


@kind("deletion.done", lane=Lane.ALARM)
class DeletionDone(Event):
    """All that `request` asked for is deleted: so many files, each in a footage.deleted row."""

    request: str
    files: int
    bytes: int


@kind("deletion.certified", lane=Lane.ALARM)
class DeletionCertified(Event):
    """A disk that held footage was destroyed (source: its serial number): what its certificate says.

    method: overwritten / erased / degaussed / shredded; looked: what reading it back has shown, "" if nobody did; held:
    what was on it, in words; last_used_ns: when footage was last recorded to it (UTC); key: approver's.
    """

    request: str
    volume: str
    held: str
    last_used_ns: int
    method: str
    looked: str
    document: str
    requester: str
    approver: str
    key: str
    reason: str


@kind("retention.breach", lane=Lane.ALARM)
class RetentionBreach(Event):
    """Footage was given up before its floor: the disk was full, and the signed policy `authority` allows it."""

    deletion: str
    authority: str
    approver: str
    floor: str
    from_ns: int
    to_ns: int
    files: int
    bytes: int


@kind("retention.ran")
class RetentionRan(Event):
    """A pass over all footage by a clock that could be relied on. refused: why nothing expired, if so."""

    files: int
    bytes: int
    held: int
    refused: str


@kind("approval.requested", lane=Lane.ALARM)
class ApprovalRequested(Event):
    """`by` asks for something that a second person must approve. what: a kind of core/statements.py, within scope.

    key, sig: `by` signed it with this key; "" where nobody's key asked for it.
    """

    request: str
    what: str
    scope: dict[str, str]
    by: str
    reason: str
    key: str = ""
    sig: str = ""


@kind("statement.signed", lane=Lane.ALARM)
class StatementSigned(Event):
    """A person's signed verdict on a request. `statement` is all of it, as it was signed (core/statements.py)."""

    request: str
    what: str
    verdict: str
    by: str
    key: str
    statement: str


@kind("statement.refused", lane=Lane.ALARM)
class StatementRefused(Event):
    """A verdict that somebody signed at the board does not stand, and why; what it was about waits as before."""

    request: str
    what: str
    verdict: str
    by: str
    key: str
    reason: str


@kind("viewing.opened", lane=Lane.ALARM)
class ViewingOpened(Event):
    """Footage of a camera is shown to a person, from / to (UTC), under a grant; written before any picture goes.

    use: play / copy / export; why: what kind of viewing (core/viewing.py); by: the account at the board, at: from
    where; asked_by_key: the requester signed, too; document: number of the paper; present: who else looks on.
    """

    viewing: str
    grant: str
    viewer: str
    use: str
    why: str
    purpose: str
    document: str
    requester: str
    asked_by_key: bool
    approver: str
    by: str
    at: str
    present: list[str]
    from_ns: int
    to_ns: int
    segments: str


@kind("viewing.ended", lane=Lane.ALARM)
class ViewingEnded(Event):
    """The viewing is over after `shown_ms`: what was truly handed out, from / to (UTC, 0: nothing) and bytes."""

    viewing: str
    grant: str
    from_ns: int
    to_ns: int
    bytes: int
    shown_ms: int


@kind("viewing.refused", lane=Lane.ALARM)
class ViewingRefused(Event):
    """Somebody wanted to view footage of a camera, from / to (UTC), and was shown none; why not."""

    grant: str
    viewer: str
    use: str
    by: str
    at: str
    from_ns: int
    to_ns: int
    reason: str


@kind("viewing.cut", lane=Lane.ALARM)
class ViewingCut(Event):
    """A clip of a camera was cut without a grant, from / to (UTC), and may go to the centre; written before it can.

    how: command / account / rule; by: the person who signed the command, the account at this board, "" for a rule;
    cause: of the request, which is row `request` (0: not known).
    """

    clip: str
    how: str
    by: str
    cause: str
    request: int
    from_ns: int
    to_ns: int
    bytes: int
    sha256: str


@kind("viewing.still", lane=Lane.ALARM)
class ViewingStill(Event):
    """One picture of a camera, as it was at `at_ns` (UTC), is let out without a grant; written before it can be.

    picture: the snapshot's id, or "reference"; use: look (its path is told) / copy / sheet (of a walk test) / send (to
    the centre); how, by, cause, request: as of viewing.cut; viewer, at: who looks, from where, "" if nobody is at the
    board; present: who else looks on.
    """

    picture: str
    use: str
    how: str
    by: str
    viewer: str
    at: str
    present: list[str]
    cause: str
    request: int
    at_ns: int
    bytes: int
    sha256: str


@kind("clip.deleted", lane=Lane.ALARM)
class ClipDeleted(Event):
    """A clip of a camera, or a picture (clip: its id), goes from the clips folder; no file is gone without a row.

    why: delivered / given up / nobody asks for it. authority, approver: the standing policy.
    """

    clip: str
    path: str
    bytes: int
    sha256: str
    from_ns: int
    to_ns: int
    why: str
    authority: str
    approver: str
