"""standpipe footage play: recorded footage in a player, a file or a pipe. Each time under a grant, each time a row."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from agent.cli import screens
from agent.cli.asking import user
from agent.cli.moments import span
from agent.cli.place import CommandError, Place, UsageError
from agent.cli.terminal import tell
from agent.cli.texts import Texts
from agent.core.viewing import Use
from agent.footage.viewing import Viewing, open_for_viewing
from agent.runtime.paths import Paths

PLAYERS = (("mpv", "--really-quiet", "-"), ("ffplay", "-loglevel", "error", "-i", "-"), ("vlc", "--quiet", "-"))


def wants(parser: argparse.ArgumentParser) -> None:
    """The options of playing."""
    parser.add_argument("camera", metavar="CAMERA")
    parser.add_argument("--from", dest="start", required=True, metavar="TIME")
    parser.add_argument("--to", dest="end", required=True, metavar="TIME")
    screens.wants(parser, required=True)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--out", metavar="FILE", help="write an MP4 there (-: to a pipe) instead of playing it")
    where.add_argument(
        "--player", metavar="COMMAND", help="reads the film from its input (default: mpv, ffplay or vlc)"
    )


def run(args: argparse.Namespace, paths: Paths, place: Place, t: Texts) -> int:
    from_ns, to_ns = span(args.start, args.end, place)
    if to_ns <= from_ns:
        raise UsageError(t("to-before-from"))
    if args.out == "-" and sys.stdout.isatty():
        raise UsageError(t("stdout-terminal"))
    player = [] if args.out else _player(args, t)
    use = Use.COPY if args.out else Use.PLAY
    with (
        screens.screen(paths) as screen,
        open_for_viewing(args.grant, screens.wanted(args, from_ns, to_ns, use), screen) as viewing,
    ):
        if not viewing.segments:
            raise CommandError(t("nothing-there", camera=args.camera))
        if not args.out:
            return _play(player, viewing, t)
        return _pipe(viewing) if args.out == "-" else _write(Path(args.out), viewing, t)


def _player(args: argparse.Namespace, t: Texts) -> list[str]:
    """The command that plays what it reads. CommandError where there is none, or no screen."""
    if args.player:
        return shlex.split(args.player)
    if "SSH_CONNECTION" not in os.environ and ({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()):
        for name, *options in PLAYERS:
            if shutil.which(name):
                return [name, *options]
    raise CommandError(t("no-player"))


def _play(player: list[str], viewing: Viewing, t: Texts) -> int:
    """Feed the player as it asks for more, so that what is on record is what it was given."""
    try:
        running = subprocess.Popen(player, stdin=subprocess.PIPE)
    except OSError as error:
        raise CommandError(f"{player[0]}: {error.strerror}") from error
    tell(t("playing", player=player[0], viewing=viewing.id))
    assert running.stdin is not None
    before = signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # the player's own; it ends, and we write down how far it came
    try:
        for data in viewing.stream():
            running.stdin.write(data)
            running.stdin.flush()
    except BrokenPipeError:  # closed by whoever has seen enough
        pass
    finally:
        _end(running)
        signal.signal(signal.SIGINT, before)
    return 0


def _end(running: subprocess.Popen[bytes]) -> None:
    """Close its input and wait until it is gone."""
    assert running.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        running.stdin.close()
    running.wait()


def _pipe(viewing: Viewing) -> int:
    for data in viewing.stream():
        sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    return 0


def _write(target: Path, viewing: Viewing, t: Texts) -> int:
    for one in viewing.cut(target.absolute()):
        print(one.path)
        if "SSH_CONNECTION" in os.environ:
            tell(t("fetch", user=user(), host=socket.gethostname(), path=one.path))
    return 0
