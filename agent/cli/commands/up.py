"""standpipe up: the whole agent in one terminal, unprivileged."""

from __future__ import annotations

import argparse
import functools
import os
import signal
from pathlib import Path

from msgspec import UNSET

from agent.cli.crew import Child, Crew, python
from agent.cli.place import CommandError, UsageError
from agent.config import SiteConfig, load
from agent.runtime.paths import Paths

HELP = """\
Runs panel, one recorder per camera and the uplink in this terminal, each line of theirs under its name.
One that dies is started again; Ctrl-C ends them all. Folders are made if need be:
  standpipe up --site provisioning/examples/minimal.toml --data ./data --run ./run --pins mock
A site file that comes as a signed command is tried here too: everything is started anew with it.
A board that runs by systemd needs no `up`: systemctl start standpipe.target."""
KINDS = ("panel", "recorder", "uplink")
INSTALLER = "installer"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pins", metavar="PINS", help="instead of [board] pins: gpiod, lgpio, mock, or sim:PATH")
    parser.add_argument("--only", metavar="LIST", help="only these, by comma: panel, uplink, recorder, recorder@CAMERA")
    parser.add_argument("--trial", nargs=2, metavar="S", default=[], help=argparse.SUPPRESS)  # bound and steady
    parser.add_argument("--clock-offset", type=Path, metavar="FILE", help=argparse.SUPPRESS)


def run(args: argparse.Namespace, paths: Paths) -> int:
    config = load(paths.site)
    children = _chosen(_children(config, args, paths), args.only)
    _make_folders(paths)
    passing = [_installer(args, paths)] if args.only is None and config.person else []
    crew = Crew([*children, *passing], functools.partial(_look, args, paths))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: crew.stop.set())
    crew.say("up", f"site {config.site.id}/{config.site.board}: {', '.join(c.name for c in children)}. Ctrl-C ends it.")
    if config.uplink is UNSET:
        crew.say("up", "no [uplink] in the site file: nothing is sent anywhere")
    crew.run()
    return 0


def _installer(args: argparse.Namespace, paths: Paths) -> Child:
    trial = ["--bound", args.trial[0], "--steady", args.trial[1]] if args.trial else []
    return Child(INSTALLER, python("agent.installer", *_folders(paths), "--in-terminal", *trial), once=True)


def _folders(paths: Paths) -> list[str]:
    return ["--site", str(paths.site), "--data", str(paths.data), "--run", str(paths.run)]


def _look(args: argparse.Namespace, paths: Paths, crew: Crew) -> None:
    """As systemd's path unit does: a new site file has come, or was cut off; and what the installer asks for then."""
    asked = paths.install_asked.exists() or paths.site.with_name(f"{paths.site.name}.trial").exists()
    if asked and any(child.name == INSTALLER for child in crew.children):
        crew.call(INSTALLER)
    if paths.restart_asked.exists():
        paths.restart_asked.unlink(missing_ok=True)
        crew.say("up", "everything is started anew, with another site file")
        crew.replace(_chosen(_children(load(paths.site), args, paths), args.only))


def _children(config: SiteConfig, args: argparse.Namespace, paths: Paths) -> list[Child]:
    folders = _folders(paths)
    if args.clock_offset:
        folders += ["--clock-offset", str(args.clock_offset.absolute())]
    pins = ["--pins", _pins(args.pins)] if args.pins else []
    found = [Child("panel", python("agent.panel", *folders, *pins))]
    for camera in config.camera:
        found.append(Child(f"recorder@{camera.id}", python("agent.recorder", *folders, "--camera", camera.id)))
    if config.uplink is not UNSET:
        found.append(Child("uplink", python("agent.uplink", *folders)))
    return found


def _pins(told: str) -> str:
    """The panel wants a simulator's socket absolute."""
    scheme, colon, path = told.partition(":")
    return f"sim:{Path(path).absolute()}" if (scheme, colon) == ("sim", ":") else told


def _chosen(children: list[Child], only: str | None) -> list[Child]:
    if only is None:
        return children
    wanted = [name.strip() for name in only.split(",") if name.strip()]
    found = [child for child in children if child.name in wanted or child.name.partition("@")[0] in wanted]
    known = {child.name for child in children} | set(KINDS)
    strange = [name for name in wanted if name not in known]
    if strange or not found:
        listed = ", ".join(child.name for child in children)
        raise UsageError(f"--only {only}: this site has {listed}")
    return found


def _make_folders(paths: Paths) -> None:
    os.umask(0o007)
    for folder in (paths.data, paths.run):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            refused = not os.access(folder, os.W_OK | os.X_OK)
        except PermissionError:
            refused = True
        if refused:
            raise CommandError(
                f"{folder}: may not be written by this user: name folders of your own "
                "(standpipe up --site FILE --data ./data --run ./run) or use sudo"
            )
