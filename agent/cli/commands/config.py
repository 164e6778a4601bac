"""standpipe config schema: JSON Schema of site.toml, for editors that complete and check while one types."""

from __future__ import annotations

import argparse
import json

from agent.config.schema import schema
from agent.runtime.paths import Paths

HELP = """\
`config schema` prints the JSON Schema of site.toml. For editors with TOML support (VS Code with Even Better TOML,
JetBrains, Helix with taplo): save it and put this on the first line of site.toml:
  #:schema ./site.schema.json"""


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="schema")
    actions.add_parser("schema", help="print JSON Schema")


def run(args: argparse.Namespace, paths: Paths) -> int:
    print(json.dumps(schema(), ensure_ascii=False, indent=2))
    return 0
