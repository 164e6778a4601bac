"""standpipe collect: what runs beside the central broker; `standpipe collect report` says what it has."""

from __future__ import annotations

import argparse
import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.place import UsageError
from agent.cli.terminal import safe
from agent.runtime import logs, redact
from agent.runtime.notify import notifier
from agent.runtime.paths import Paths
from agent.runtime.secrets import Secrets

if TYPE_CHECKING:
    from agent.collector.metrics import Metrics
    from agent.collector.stores import Where

HELP = """\
Runs beside the central broker until Ctrl-C: stores every row of every board once, proves that none is missing,
puts files together, and tells the boards what has arrived. `standpipe collect report` says what is in a store;
`standpipe collect trust --of SITE/BOARD` believes the new key of a board that was set up anew."""
FEED_S = 5.0


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", nargs="?", choices=["run", "report", "trust"], default="run", help="run (default), report or trust"
    )
    parser.add_argument(
        "--store", required=True, metavar="DIR", help="where rows and files are kept; or postgresql://USER@HOST/NAME"
    )
    parser.add_argument(
        "--files", default="", metavar="DIR", help="where files are kept, if elsewhere; or s3://BUCKET?endpoint=URL"
    )
    parser.add_argument(
        "--share",
        metavar="GROUP",
        help='collectors of one group divide the messages (default with PostgreSQL: collector; "": each reads all)',
    )
    parser.add_argument("--broker", metavar="URL", help="mqtt://HOST:1883 or mqtts://HOST:8883")
    parser.add_argument(
        "--site-filter", action="append", default=[], metavar="SITE", help="only boards of this site; repeatable"
    )
    parser.add_argument(
        "--secrets",
        type=Path,
        metavar="FILE",
        help="0600 file with user and password: [collector] for the broker, [store], [files]",
    )
    parser.add_argument("--ca", default="", metavar="FILE", help="certificates that may sign the broker's (mqtts)")
    parser.add_argument("--cert", default="", metavar="FILE", help="our certificate (mqtts)")
    parser.add_argument("--key", default="", metavar="FILE", help="our certificate's key (mqtts)")
    parser.add_argument(
        "--metrics", metavar="HOST:PORT", help="answer GET /metrics there with figures for Prometheus (127.0.0.1:9273)"
    )
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    parser.add_argument("--of", metavar="SITE/BOARD", help="trust: the board whose new key is right; report: only this")


def run(args: argparse.Namespace, _paths: Paths) -> int:
    return {"run": _collect, "report": _report, "trust": _trust}[args.what](args)


def _trust(args: argparse.Namespace) -> int:
    """A board that was set up anew signs with another key: a person has compared it with `standpipe keys board`."""
    from agent.collector.heads import trust

    if not args.of:
        raise UsageError("say which board: standpipe collect trust --store DIR --of SITE/BOARD")
    print(f"{args.of}: trusted from now on: {trust(_where(args), args.of)}")
    return 0


def _report(args: argparse.Namespace) -> int:
    """0 if nothing is missing or in conflict, keys too, and every chain is whole, 1 otherwise."""
    from agent.collector.report import in_words, report

    found = report(_where(args), args.of or "")
    print(json.dumps(found, ensure_ascii=False, indent=2) if args.json else safe(in_words(found)))
    totals = found["totals"]
    wrong = totals["missing"] or totals["conflicts"] or totals["key_conflicts"]
    return 0 if totals["chains_whole"] and not wrong else 1


def _collect(args: argparse.Namespace) -> int:
    from agent.collector.collector import Collector
    from agent.collector.link import Broker, check_group

    if not args.broker:
        raise UsageError("say which broker: standpipe collect --broker mqtt://HOST:1883 --store DIR")
    broker = Broker.from_url(args.broker, ca=args.ca, cert=args.cert, key=args.key)
    if args.secrets:
        broker = broker.with_credentials(Secrets.load(args.secrets).credentials("collector"))
    redact.register(broker.password)
    logs.setup("collect")
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda which, _frame: stopped.append(which))
    notify = notifier()
    metrics = _metrics(args)
    where = _where(args)
    share = check_group(("collector" if where.shared else "") if args.share is None else args.share)
    store = where.open()
    collector = Collector(broker, store, where.shelf(store), args.site_filter, share=share, metrics=metrics)
    notify("READY=1")
    fed = 0.0

    def tick() -> None:
        nonlocal fed
        if time.monotonic() - fed > FEED_S:
            fed = time.monotonic()
            notify("WATCHDOG=1")

    collector.run(lambda: bool(stopped), tick)
    return 0


def _where(args: argparse.Namespace) -> Where:
    from agent.collector.stores import Where

    secrets = Secrets.load(args.secrets) if args.secrets else Secrets({})
    _, password = secrets.credentials("store") or ("", "")
    return Where(args.store, args.files, password, secrets.credentials("files"))


def _metrics(args: argparse.Namespace) -> Metrics | None:
    """Serving already, if it was asked for."""
    if not args.metrics:
        return None
    from agent.collector.metrics import Metrics

    host, _, port = args.metrics.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise UsageError("--metrics: say where, as in 127.0.0.1:9273")
    metrics = Metrics(_where(args))
    try:
        metrics.serve(host.strip("[]") or "127.0.0.1", int(port))
    except OSError as error:
        raise UsageError(f"--metrics {args.metrics}: {error.strerror or error}") from error
    return metrics
