"""How every process of ours starts: arguments, logging, errors in one line, exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from agent.runtime import logs, paths
from agent.runtime.clock import SystemClock
from agent.runtime.notify import NotifyError
from agent.runtime.paths import Paths
from agent.runtime.redact import redact
from agent.runtime.secrets import SecretsError


def add_folders(parser: argparse.ArgumentParser) -> None:
    """--site, --data and --run, as every process and command takes them."""
    parser.add_argument(
        "--site", type=Path, default=paths.SITE, metavar="FILE", help=f"site file (default {paths.SITE})"
    )
    parser.add_argument(
        "--data", type=Path, default=paths.DATA, metavar="DIR", help=f"data folder (default {paths.DATA})"
    )
    parser.add_argument("--run", type=Path, default=paths.RUN, metavar="DIR", help=f"run folder (default {paths.RUN})")


def folders(args: argparse.Namespace) -> Paths:
    """The three folders, absolute."""
    return Paths(args.site.absolute(), args.data.absolute(), args.run.absolute())


def clock(args: argparse.Namespace) -> SystemClock:
    """The board's clock, stepped by --clock-offset on a simulated site."""
    return SystemClock(args.clock_offset)


def main(
    name: str,
    run: Callable[[argparse.Namespace, Paths], int],
    arguments: Callable[[argparse.ArgumentParser], None] | None = None,
    errors: tuple[type[Exception], ...] = (),
) -> NoReturn:
    """Parse, set up, run, exit. `errors` are those whose text is meant for people: one line and exit 1, as OSError."""
    parser = argparse.ArgumentParser(prog=f"python -m agent.{name}")
    add_folders(parser)
    parser.add_argument(
        "--clock-offset", type=Path, metavar="FILE", help="simulation: ns in FILE are added to the UTC clock"
    )
    if arguments is not None:
        arguments(parser)
    args = parser.parse_args()
    logs.setup(name)
    os.umask(0o007)
    for_people: tuple[type[Exception], ...] = (NotifyError, SecretsError, OSError, *errors)
    try:
        code = run(args, folders(args))
    except for_people as error:
        print(f"{name}: {redact(str(error))}", file=sys.stderr)
        code = 1
    sys.exit(code)
