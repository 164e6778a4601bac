"""The installer: one pass over site files that came as signed commands, then it ends. A path unit starts it."""

from __future__ import annotations

import argparse
import contextlib
import fcntl

from agent.config import ConfigError, load
from agent.installer.health import BOUND_S, STEADY_S, Health
from agent.installer.installer import Installer
from agent.installer.place import Place
from agent.installer.services import Services, Systemd, Terminal, units
from agent.journal import Journal, JournalError
from agent.journal.files import make
from agent.runtime import process
from agent.runtime.keys import verify
from agent.runtime.paths import Paths


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--in-terminal", action="store_true", help="`standpipe up` starts the processes anew")
    parser.add_argument("--bound", type=float, default=BOUND_S, metavar="S", help="so long may all take to come back")
    parser.add_argument("--steady", type=float, default=STEADY_S, metavar="S", help="so long must it hold then")
    parser.add_argument("--units", action="store_true", help="only print the units that this site file asks for")


def run(args: argparse.Namespace, paths: Paths) -> int:
    """One pass, one at a time."""
    if args.units:
        print("\n".join(units(load(paths.site))))
        return 0
    lock_path = paths.run / "installer.lock"
    make(lock_path)
    stamp = process.clock(args).stamp
    services: Services = Terminal(paths) if args.in_terminal else Systemd()
    with lock_path.open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.closing(Journal.open(paths.journal, paths.bell, stamp)) as journal:
            health = Health(paths, args.bound, args.steady)
            paths.install_asked.unlink(missing_ok=True)  # first: what is asked from here on brings another pass
            Installer(Place(paths.site), paths.data, journal, services, health, verify, stamp).run()
    return 0


if __name__ == "__main__":
    process.main("installer", run, arguments, errors=(ConfigError, JournalError))
