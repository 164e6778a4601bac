"""standpipe keys: keys of people (to sign commands and approvals) and of the board."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from agent.cli.place import CommandError, UsageError, look
from agent.cli.signing import add_passphrase, passphrase
from agent.cli.terminal import columns
from agent.cli.texts import Texts
from agent.config import load
from agent.config.model import ID_PATTERN
from agent.core.people import Role, key_id, key_text, public_of
from agent.runtime.keys import about, board_key, board_public, new_signer, write_key
from agent.runtime.paths import Paths

HELP = """\
new FILE            a new key for a person, in a file closed by a passphrase; prints the section for site.toml
rotate FILE NEW     another key for the same person; site.toml then believes both, until old_key is taken out
show [FILE]         whose key that is; without FILE the people of site.toml
board               this board's own public key (made if there is none): collectors check its signature

A key file never leaves its owner. Boards know only public keys: change site.toml on each, and start it anew."""


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="new|rotate|show|board")
    new = actions.add_parser("new", help="make a key for a person")
    new.add_argument("file", type=Path, metavar="FILE", help="where to write it; must not exist yet")
    new.add_argument("--person", metavar="ID", help="who it is for (default: the file's name)")
    new.add_argument("--role", choices=[str(role) for role in Role], default="operator", help="what they may sign")
    add_passphrase(new)
    rotate = actions.add_parser("rotate", help="make the next key of the same person")
    rotate.add_argument("file", type=Path, metavar="FILE", help="the key so far; it is left as it is")
    rotate.add_argument("new", type=Path, metavar="NEW", help="where to write the new one")
    add_passphrase(rotate)
    show = actions.add_parser("show", help="whose key a file holds; without FILE, who is in site.toml")
    show.add_argument("file", nargs="?", type=Path, metavar="FILE")
    actions.add_parser("board", help="the board's own public key")


def run(args: argparse.Namespace, paths: Paths) -> int:
    do = {"new": _new, "rotate": _rotate, "show": _show, "board": _board}
    return do[args.action](args, paths, Texts(look(paths).language))


def _new(args: argparse.Namespace, _paths: Paths, t: Texts) -> int:
    person = args.person or args.file.stem
    if not re.match(ID_PATTERN, person):
        raise UsageError(
            f'{person!r} cannot be a person\'s id: small letters a-z, digits and - , such as --person "anna"'
        )
    public = _made(args.file, person, args, t)
    print(t("key-paste", file=args.file))
    print(section(person, args.role, public))
    return 0


def _rotate(args: argparse.Namespace, _paths: Paths, t: Texts) -> int:
    before = about(args.file)
    public = _made(args.new, before.person, args, t)
    print(t("key-rotate", file=args.new, old=args.file))
    print(f'key = "{public}"\nold_key = "{key_text(before.public)}"')
    return 0


def _made(file: Path, person: str, args: argparse.Namespace, t: Texts) -> str:
    """Write a new key; returns its public half as text."""
    if file.exists():
        raise CommandError(f"{file}: there is such a file already, and no key is ever overwritten")
    given = passphrase(args.passphrase_file, t("key-passphrase", file=file))
    if args.passphrase_file is None and passphrase(None, t("key-again")) != given:
        raise CommandError("the two passphrases differ; nothing was written")
    signer = new_signer()
    write_key(file, signer, person, given)
    return signer.public_text


def section(person: str, role: str, key: str) -> str:
    """What goes into site.toml."""
    return f'[[person]]\nid = "{person}"\nrole = "{role}"\nkey = "{key}"'


def _show(args: argparse.Namespace, paths: Paths, t: Texts) -> int:
    if args.file is not None:
        found = about(args.file)
        print(f"{found.person}  {key_text(found.public)}  ({key_id(found.public)})")
        return 0
    people = load(paths.site).person
    rows = []
    for one in people:
        for text, mark in ((one.key, ""), (one.old_key, t("key-old"))):
            if isinstance(text, str):
                rows.append([one.id, str(one.role), key_id(public_of(text)), one.name, mark])
    print("\n".join(columns(rows)) if rows else t("key-nobody"))
    return 0


def _board(_args: argparse.Namespace, paths: Paths, _t: Texts) -> int:
    """The public half is there for everybody; only who runs the uplink can make the private one."""
    print(board_public(paths.data) or board_key(paths.data).public_text)
    return 0
