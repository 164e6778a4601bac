"""The uplink process: composes its threads. One session for rows, one for files, one that writes the status file."""

from __future__ import annotations

import argparse
import functools
import logging
from pathlib import Path

from msgspec import UNSET

from agent import __version__
from agent.config import ConfigError, SiteConfig, keys_of, load_or_kept
from agent.config.model import Hours, Uplink
from agent.core.hours import Part, minutes
from agent.runtime import process
from agent.runtime.keys import BoardSigner, KeysError
from agent.runtime.paths import Paths
from agent.runtime.secrets import Secrets
from agent.runtime.workers import Workers
from agent.uplink import budgets, bulk, keeper, session, view
from agent.uplink.link import BrokerAt

log = logging.getLogger(__name__)

MB = 1_000_000


def broker_at(uplink: Uplink, secrets: Secrets, beside: Path) -> BrokerAt:
    """Where the broker is and how to get in; relative certificate files lie beside site.toml."""
    user, password = secrets.credentials("uplink") or ("", "")
    ca, cert, key = (str(beside / name) if name else "" for name in (uplink.ca, uplink.cert, uplink.key))
    return BrokerAt(uplink.broker, user, password, ca, cert, key, uplink.keepalive_s)


def run(args: argparse.Namespace, paths: Paths) -> int:
    """Ready at once, whether or not anyone can be reached."""
    config, mistake = load_or_kept(paths.site, paths.data)
    if mistake:
        log.warning("%s", mistake)
    workers = Workers("uplink")
    shown = view.View("" if config.uplink is UNSET else config.uplink.broker)
    workers.start("status", functools.partial(view.run, paths, shown, config.retention.reserve_mb, workers.stop))
    if config.uplink is UNSET:
        shown.link = {"state": "not configured"}
    else:
        _start_sessions(args, paths, config, config.uplink, workers, shown)
    return workers.run()


def _start_sessions(
    args: argparse.Namespace, paths: Paths, config: SiteConfig, uplink: Uplink, workers: Workers, shown: view.View
) -> None:
    board = session.Board(
        config=config,
        paths=paths,
        broker=broker_at(uplink, Secrets.load(paths.secrets), paths.site.parent),
        window=uplink.window,
        chunk_bytes=uplink.chunk_kb * 1024,
        stamp=process.clock(args).stamp,
        version=__version__,
        keys=keys_of(config),
        signer=_signer(paths, shown),
        hours=tuple(_part(one) for one in uplink.hours),
        metered=uplink.metered,
        home_assistant=uplink.home_assistant,
        file_prefix=uplink.file_prefix,
        files_bytes=uplink.files_mb * MB,
    )
    budgets_bytes = {"alarm": uplink.alarm_mb * MB, "status": uplink.status_mb * MB}
    keep_to = functools.partial(budgets.run, paths, budgets_bytes, shown, board.stamp, workers.stop)
    workers.start("budgets", keep_to, limit_s=60)
    workers.start("session", functools.partial(keeper.run, board, shown, workers.stop))
    workers.start("files", functools.partial(bulk.run, board, shown, workers.stop))


def _part(one: Hours) -> Part:
    kbit_s = None if one.kbit_s is UNSET else one.kbit_s
    return Part(minutes(one.from_), minutes(one.until), kbit_s, one.files)


def _signer(paths: Paths, shown: view.View) -> BoardSigner | None:
    """The board's own key, made at the first start. Without one all goes on, unsigned, and the view says so."""
    try:
        return BoardSigner(paths.data)
    except KeysError as error:
        log.warning("%s: the head of the journal goes out unsigned", error)
        shown.unsigned = str(error)
        return None


if __name__ == "__main__":
    process.main("uplink", run, errors=(ConfigError,))
