"""The command `standpipe`: finds the command's module, and turns whatever goes wrong into one line and an exit code.

Exit codes: 0 done, 1 something is wrong (said in words), 2 asked for something that does not exist.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from agent import __version__
from agent.cli.commands import COMMANDS, module_of
from agent.runtime import paths as defaults
from agent.runtime.paths import Paths

FOLDERS = f"""\
for every command, before or after its name:
  --site FILE   the site's file ({defaults.SITE})
  --data DIR    journal, footage and clips ({defaults.DATA})
  --run DIR     what lives until the next boot ({defaults.RUN})
"""
PERMISSION = (
    "permission denied: join the group standpipe (sudo usermod -aG standpipe $USER, then log in again) or use sudo"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. SystemExit only from argparse (help, usage)."""
    paths, rest = _folders(sys.argv[1:] if argv is None else argv)
    if not rest or rest[0] in ("-h", "--help", "help"):
        print(_help(), file=sys.stdout if rest else sys.stderr)
        return 0 if rest else 2
    if rest[0] in ("-V", "--version"):
        return _version()
    if rest[0] not in COMMANDS:
        return _unknown(rest[0])
    module = importlib.import_module(module_of(rest[0]))
    args = _parser(rest[0], module).parse_args(rest[1:])
    return _guarded(module, args, paths)


def _folders(argv: Sequence[str]) -> tuple[Paths, list[str]]:
    """--site, --data and --run from wherever they stand, and the rest as it came."""
    parser = argparse.ArgumentParser(prog="standpipe", add_help=False, allow_abbrev=False, usage="standpipe --help")
    parser.add_argument("--site", type=Path, default=defaults.SITE, metavar="FILE")
    parser.add_argument("--data", type=Path, default=defaults.DATA, metavar="DIR")
    parser.add_argument("--run", type=Path, default=defaults.RUN, metavar="DIR")
    args, rest = parser.parse_known_args(list(argv))
    return Paths(args.site.absolute(), args.data.absolute(), args.run.absolute()), rest


def _help() -> str:
    listed = "\n".join(f"  {name:<12}{about}" for name, about in COMMANDS.items())
    return (
        "usage: standpipe COMMAND ... (standpipe COMMAND --help says more)\n\n"
        "The agent that stands at a remote site: video, doors, fire pumps, alarm relays, and an honest journal.\n\n"
        f"commands:\n{listed}\n\n{FOLDERS}"
    ).rstrip()


def _version() -> int:
    print(f"standpipe {__version__}")
    return 0


def _unknown(name: str) -> int:
    from agent.config.words import nearest

    near = nearest(name, COMMANDS)
    hint = f", did you mean {near}?" if near else ""
    print(f"standpipe: there is no command {name!r}{hint} (standpipe --help lists them)", file=sys.stderr)
    return 2


def _parser(name: str, module: ModuleType) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"standpipe {name}",
        description=module.HELP,
        epilog=FOLDERS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add(parser)
    return parser


def _guarded(module: ModuleType, args: argparse.Namespace, paths: Paths) -> int:
    try:
        code: int = module.run(args, paths)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the last line of defence: a person gets one line, never a traceback
        return _tell(error)
    return code


def _tell(error: Exception) -> int:
    """One line for a person, the exit code for a script. STANDPIPE_TRACEBACK=1 shows where a bug sits."""
    from agent.cli.place import UsageError
    from agent.cli.terminal import safe
    from agent.runtime.redact import redact

    if os.environ.get("STANDPIPE_TRACEBACK"):
        raise error
    print(f"standpipe: {safe(redact(_in_words(error)))}", file=sys.stderr)
    return 2 if isinstance(error, UsageError) else 1


def _in_words(error: Exception) -> str:
    refused = error if isinstance(error, PermissionError) else error.__cause__
    if isinstance(refused, PermissionError) and refused.filename:
        return f"{refused.filename}: {PERMISSION}"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if type(error).__module__.startswith(("agent.", "hw.")):
        return str(error)
    return f"a fault in standpipe itself: {type(error).__name__}: {error} (STANDPIPE_TRACEBACK=1 shows where)"


if __name__ == "__main__":
    sys.exit(main())
