"""standpipe journal check: the hash chain from the first row to the last."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from agent.cli.place import journal_to_read
from agent.journal.check import check_chain
from agent.runtime.paths import Paths

HELP = """\
`journal check` recomputes every hash of the journal, from the oldest row to the newest, and names the first row
that does not follow from the one before. Exit code 1 if there is one. It only reads; the agent may run meanwhile."""


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="check")
    check = actions.add_parser("check", help="walk the hash chain")
    check.add_argument("--json", action="store_true", help="the report as JSON")


def run(args: argparse.Namespace, paths: Paths) -> int:
    with journal_to_read(paths) as journal:
        report = check_chain(journal, _progress if sys.stderr.isatty() else None)
    if sys.stderr.isatty():
        print(end="\r\x1b[K", file=sys.stderr)
    if args.json:
        print(json.dumps(asdict(report), ensure_ascii=False))
    elif report.bad_seq is None:
        print(f"{paths.journal}: {report.rows} rows, {report.first_seq} to {report.head_seq}, chain whole")
        print(f"epoch {report.epoch}")
    else:
        print(f"{paths.journal}: row {report.bad_seq}: {report.reason}")
        print(f"{report.rows} rows before it are whole; epoch {report.epoch}")
        print("next: keep a copy of the data folder; the collector's copy shows what the rows were")
    return 0 if report.bad_seq is None else 1


def _progress(done: int, total: int) -> None:
    print(f"\r{done} of {total} rows", end="", file=sys.stderr, flush=True)
