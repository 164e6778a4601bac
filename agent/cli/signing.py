"""A person's key for a command that signs: the file, its passphrase, and whose it is."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from agent.cli.place import CommandError, UsageError
from agent.runtime.keys import About, Signer, about, open_key


def add_key(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """--key and --passphrase-file."""
    parser.add_argument("--key", type=Path, required=required, metavar="FILE", help="your key: standpipe keys new FILE")
    add_passphrase(parser)


def add_passphrase(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="first line: the passphrase (default: asked for)"
    )


def opened(args: argparse.Namespace) -> tuple[Signer, About]:
    """The key of --key, opened, and what its heading says. KeysError, UsageError."""
    said = about(args.key)
    return open_key(args.key, passphrase(args.passphrase_file, f"passphrase of {args.key}: ")), said


def passphrase(file: Path | None, prompt: str) -> str:
    """From the file's first line, or asked for. UsageError if there is nobody to ask."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").partition("\n")[0]
        except UnicodeDecodeError:
            raise CommandError(f"{file}: not UTF-8 text") from None
    if not sys.stdin.isatty():
        raise UsageError("no terminal to ask for the passphrase: name a file with --passphrase-file")
    try:
        return getpass.getpass(prompt)
    except EOFError:
        raise UsageError("no passphrase was given") from None
