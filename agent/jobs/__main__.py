"""The jobs process: one pass, then it ends; timers of systemd start it. `python -m agent.jobs JOB`."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable

from agent.config import ConfigError, load_or_kept
from agent.footage.errors import FootageError
from agent.jobs import backup, disk, holds, retention, scrub, seal
from agent.jobs.desk import Desk
from agent.journal import JournalError
from agent.runtime import process
from agent.runtime.paths import Paths

log = logging.getLogger(__name__)
JOBS: dict[str, Callable[[Desk], object]] = {
    "retention": retention.run,
    "holds": holds.run,
    "backup": backup.run,
    "seal": seal.run,
    "scrub": scrub.run,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", choices=sorted(JOBS), help="which pass: retention seals and tends to holds too")


def run(args: argparse.Namespace, paths: Paths) -> int:
    """One pass of that job."""
    site, mistake = load_or_kept(paths.site, paths.data)
    if mistake:
        log.warning("%s", mistake)
    with Desk(paths, site, process.clock(args).stamp) as desk:
        disk.look(desk)
        JOBS[args.job](desk)
    return 0


if __name__ == "__main__":
    process.main("jobs", run, arguments, errors=(ConfigError, FootageError, JournalError))
