"""Reaching a board with a signed command: over a broker, or through the journal of the board that one stands at."""

from __future__ import annotations

import argparse
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from agent.cli.place import UsageError, journal_to_write
from agent.config import load
from agent.core.answers import received
from agent.core.commands import INSTALLER, OPS, Envelope
from agent.core.people import public_of
from agent.core.results import ENDS, STATES, Told
from agent.core.signed import COMMAND
from agent.core.statements import Waiting
from agent.core.wire import Topics
from agent.journal import Bell, Journal
from agent.journal.approvals import waiting
from agent.runtime.keys import Signer
from agent.runtime.paths import Paths

Tell = Callable[[Told], None]


class Where(NamedTuple):
    """The board that a command is for. boot: the nonce of its commands."""

    site: str
    board: str
    boot: str


class Reached(Protocol):
    """A board that can be spoken to."""

    where: Where

    def requests(self) -> list[Waiting]:
        """What was asked for there and needs a second person, oldest first."""

    def send(self, envelope: Envelope, wait_s: float, tell: Tell) -> Told | None:
        """Send one command; its end, or None if none came within `wait_s`. What the board says goes to `tell`."""


def add_reach(parser: argparse.ArgumentParser) -> None:
    """How a board is reached: --broker and what belongs to it."""
    parser.add_argument("--broker", metavar="URL", help="mqtts://HOST:8883; without it: the board of this machine")
    parser.add_argument("--site-id", metavar="ID", help="with --broker: the site, as in its site.toml")
    parser.add_argument("--board", metavar="ID", help="with --broker: the board at that site")
    parser.add_argument("--trust", default="", metavar="KEY", help="the board's public key, or its file (keys board)")
    parser.add_argument("--ca", default="", metavar="FILE", help="authority of the broker's certificate")
    parser.add_argument("--cert", default="", metavar="FILE", help="our certificate for the broker")
    parser.add_argument("--cert-key", default="", metavar="FILE", help="its key")
    parser.add_argument("--secrets", metavar="FILE", help="0600 file with [operator] user and password for the broker")


@contextmanager
def reach(args: argparse.Namespace, paths: Paths) -> Iterator[Reached]:
    """The board of --broker, or the one of this machine. UsageError; OperatorError if it cannot be spoken to."""
    if args.broker:
        if not (args.site_id and args.board):
            raise UsageError("--broker needs --site-id and --board: which board is it for?")
        with _afar(args) as board:
            yield board
        return
    site = load(paths.site).site
    with journal_to_write(paths) as journal:
        yield _Here(journal, paths, site.id, site.board)


def envelope(board: Reached, signer: Signer, person: str, op: str, told: dict[str, Any], valid_s: int) -> Envelope:
    """A signed command for that board, as of now."""
    now_ns = time.time_ns()
    made = Envelope(
        site=board.where.site,
        board=board.where.board,
        op=op,
        args=told,
        id=f"c-{secrets.token_hex(8)}",
        by=person,
        key=signer.key_id,
        iat=now_ns // 1_000_000_000,
        exp=now_ns // 1_000_000_000 + valid_s,
        ctr=now_ns // 1000,  # grows by itself, on whatever computer the key is used next
        nonce=board.where.boot,
    )
    return Envelope(**{**made.__dict__, "sig": signer.sign(COMMAND, made.unsigned())})


# --- over a broker ---


@contextmanager
def _afar(args: argparse.Namespace) -> Iterator[Reached]:
    from agent.runtime.secrets import Secrets
    from agent.uplink.link import BrokerAt
    from agent.uplink.operator import Operator

    known = Secrets.load(Path(args.secrets)) if args.secrets else None
    user, password = (known.credentials("operator") if known else None) or ("", "")
    broker = BrokerAt(args.broker, user, password, args.ca, args.cert, args.cert_key)
    with Operator(broker, Topics(args.site_id, args.board), _trusted(args.trust)) as operator:
        yield _Afar(operator, Where(args.site_id, args.board, operator.presence.boot))


def _trusted(text: str) -> str:
    """A public key as text or in a file. UsageError if it is none."""
    if not text:
        return ""
    try:
        key = text if text.startswith("ed25519:") else Path(text).read_text(encoding="ascii").strip()
        public_of(key)
    except (OSError, ValueError) as error:
        raise UsageError(f"--trust {text}: no public key: {error}") from None
    return key


class _Afar:
    def __init__(self, operator: Any, where: Where) -> None:
        self._operator, self.where = operator, where

    def requests(self) -> list[Waiting]:
        found: list[Waiting] = self._operator.requests()
        return found

    def send(self, envelope: Envelope, wait_s: float, tell: Tell) -> Told | None:
        end: Told | None = self._operator.send(envelope, wait_s, tell)
        return end


# --- through the journal of this machine's board ---


class _Here:
    """The row that the uplink would write; whoever may write the journal still needs a key that the panel believes."""

    def __init__(self, journal: Journal, paths: Paths, site: str, board: str) -> None:
        from agent.runtime.clock import boot_id

        self._journal, self._paths = journal, paths
        self.where = Where(site, board, boot_id())

    def requests(self) -> list[Waiting]:
        return waiting(self._journal)

    def send(self, envelope: Envelope, wait_s: float, tell: Tell) -> Told | None:
        row = received("command", envelope)
        bell = Bell(self._paths.bell)
        try:
            request = self._journal.append(row)[0].seq
            if OPS[envelope.op].does == INSTALLER:
                self._paths.install_asked.touch()  # as the uplink does, which need not run
            return self._listen(request, bell, wait_s, tell)
        finally:
            bell.close()

    def _listen(self, request: int, bell: Bell, wait_s: float, tell: Tell) -> Told | None:
        tell(Told("received", "", "", {}))
        end, mark = time.monotonic() + wait_s, request
        while True:
            for row in self._journal.read(mark, kinds=tuple(STATES)):
                mark, values = row.seq, row.values()
                if values.get("request") != request:
                    continue
                told = Told(STATES[row.kind], _text(values, "code"), _text(values, "reason"), _answer(values))
                tell(told)
                if told.state in ENDS:
                    return told
            left = end - time.monotonic()
            if left <= 0:
                return None
            bell.wait(min(left, 0.5))


def _text(values: dict[str, Any], name: str) -> str:
    return str(values.get(name) or "")


def _answer(values: dict[str, Any]) -> dict[str, str]:
    answer = values.get("answer")
    return {str(name): str(value) for name, value in answer.items()} if isinstance(answer, dict) else {}
