"""Where footage is viewed on the command line: under which grant, by whom, from where."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator

from agent.cli.asking import user
from agent.cli.footage_words import refused
from agent.cli.place import CommandError, journal_to_write, look
from agent.config import here_of, load
from agent.core.viewing import Use, Wanted
from agent.footage.index import MediaIndex
from agent.footage.viewing import Screen, ViewingRefused
from agent.runtime.clock import SystemClock
from agent.runtime.keys import verify
from agent.runtime.paths import Paths


def wants(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """The options of whoever views: --grant, --viewer, --present."""
    parser.add_argument("--grant", required=required, metavar="GRANT", help="by whose leave: standpipe grant list")
    parser.add_argument("--viewer", required=required, metavar="NAME", help="who looks: the grant names them")
    parser.add_argument("--present", action="append", default=[], metavar="NAME", help="who else looks on")


@contextlib.contextmanager
def screen(paths: Paths) -> Iterator[Screen]:
    """Journal and index of this board, and whose signatures count here. CommandError for what is not shown."""
    here = here_of(load(paths.site), verify)
    with journal_to_write(paths) as journal, contextlib.closing(MediaIndex(paths.media, create=False)) as index:
        try:
            yield Screen(journal, index, paths.footage, here, SystemClock().stamp)
        except ViewingRefused as error:
            raise CommandError(refused(str(error), look(paths))) from error


def wanted(args: argparse.Namespace, from_ns: int, to_ns: int, use: Use) -> Wanted:
    """What the options ask to see."""
    viewer, present = args.viewer or "", tuple(args.present)
    return Wanted(args.camera, from_ns, to_ns, viewer, use, user(), whence(), present)


def whence() -> str:
    """From where somebody sits at this command: the far end of an ssh session, or a terminal."""
    far = os.environ.get("SSH_CONNECTION", "").split()
    terminal = next((os.ttyname(one) for one in (0, 2) if os.isatty(one)), "")
    return " ".join(filter(None, (f"ssh {far[0]}" if far else "", terminal))) or "no terminal"
