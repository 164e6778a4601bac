"""The jobs process: one pass, then it ends; timers of systemd start it. `python -m agent.jobs retention|holds`."""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
from collections.abc import Callable

from agent.config import ConfigError, load_or_kept
from agent.footage.errors import FootageError
from agent.jobs import holds, retention
from agent.jobs.desk import Desk
from agent.journal import JournalError
from agent.runtime import process
from agent.runtime.paths import Paths

log = logging.getLogger(__name__)
JOBS: dict[str, Callable[[Desk], object]] = {"retention": retention.run, "holds": holds.run}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", choices=sorted(JOBS), help="retention: all of it; holds: those only")


def run(args: argparse.Namespace, paths: Paths) -> int:
    """One at a time: a pass that finds another under way leaves it to that."""
    site, mistake = load_or_kept(paths.site, paths.data)
    if mistake:
        log.warning("%s", mistake)
    paths.run.mkdir(parents=True, exist_ok=True)
    lock = os.open(paths.run / "jobs.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.info("another pass is under way")
        return 0
    with Desk(paths, site, process.clock(args).stamp) as desk:
        JOBS[args.job](desk)
    return 0


if __name__ == "__main__":
    process.main("jobs", run, arguments, errors=(ConfigError, FootageError, JournalError))
