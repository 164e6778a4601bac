"""`standpipe simulate`: the board of this site as a process of its own, for a bench without hardware."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent.cli.place import CommandError
from agent.runtime.paths import Paths

if TYPE_CHECKING:
    from agent.config import SiteConfig
    from hw.simulator.board import News
    from hw.simulator.scenario import Scenario
    from hw.simulator.server import Simulator

HELP = """\
The board of this site as a process of its own: it owns the levels of all points, sees every relay and serves the
cameras whose source is tcp://127.0.0.1:PORT. The panel reaches it with pins = "sim:SOCKET" in [board]. No GPIO of
this machine is touched. A SCENARIO moves the world by itself; provisioning/examples has one to read."""
SCENARIO_BYTES_MAX = 1 << 20
TEXTS = {
    "serves": (
        "simulated board {board} serves at {socket}: {points} points, {relays} relays, {cameras} cameras; "
        "no GPIO of this machine is touched. Ctrl-C ends it.",
        "模拟板 {board} 已就绪：{socket}；输入点 {points}，继电器 {relays}，摄像机 {cameras}；"
        "不接触本机任何 GPIO。按 Ctrl-C 结束。",
    ),
}


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "scenario", nargs="?", type=Path, metavar="SCENARIO", help="what happens to the board, and when"
    )
    parser.add_argument(
        "--socket",
        type=Path,
        metavar="PATH",
        help='where to serve (default: the PATH of pins = "sim:PATH" in the site file, else RUN/board.sock)',
    )
    parser.add_argument("--no-cameras", action="store_true", help="leave the simulated cameras out")
    parser.add_argument("--at-once", action="store_true", help="begin the scenario now, not when the panel connects")


def run(args: argparse.Namespace, paths: Paths) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    from agent.config import load
    from agent.runtime.notify import notifier
    from hw.simulator.telling import Teller
    from hw.simulator.untouched import keep_off

    keep_off()
    config = load(paths.site)
    ports = _camera_ports(config)
    scenario = _scenario(args.scenario, config)
    if scenario is not None:
        scenario = _playable(scenario, ports, args.no_cameras)
    ports = {} if args.no_cameras else ports
    socket = args.socket or _socket(config, paths)
    teller = Teller(sys.stdout, config.site.language)
    try:
        with _board(config, socket, ports, teller.tell) as simulator:
            _arm(simulator, scenario, args.at_once, teller.tell)
            print(_greeting(config, socket, ports), flush=True)
            notifier()("READY=1")
            simulator.run()
    finally:
        teller.close()
    return 0


@contextlib.contextmanager
def _board(
    config: SiteConfig, socket: Path, ports: dict[str, int], tell: Callable[[News], None]
) -> Iterator[Simulator]:
    from agent.panel.plan import channel_specs, point_spec, relay_spec
    from hw.ports import channel_of
    from hw.simulator.cameras import open_cameras
    from hw.simulator.serve import build

    points = [point_spec(point) for point in config.point if channel_of(point.pin) is None]
    relays = [relay_spec(relay) for relay in config.relay]
    with contextlib.ExitStack() as stack:
        cameras = open_cameras(ports)
        for camera in cameras.values():
            stack.callback(camera.close)
        simulator = build(socket.absolute(), points, relays, cameras, tell, channel_specs(config))
        stack.callback(simulator.close)
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, lambda *_: simulator.stop())
        yield simulator


def _arm(simulator: Simulator, scenario: Scenario | None, at_once: bool, tell: Callable[[News], None]) -> None:
    """Begin the scenario now or, once, when the first panel comes: its times then mean the same on a slow board."""
    from hw.simulator.board import News
    from hw.simulator.play import play

    if scenario is None:
        return

    def begin() -> None:
        simulator.panel_came = lambda: None
        play(scenario, simulator.hands, simulator.agenda, tell)

    if at_once:
        begin()
    else:
        tell(News("scenario", "", "waits"))
        simulator.panel_came = begin


def _scenario(path: Path | None, config: SiteConfig) -> Scenario | None:
    from hw.simulator.scenario import ScenarioError, parse

    if path is None:
        return None
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(SCENARIO_BYTES_MAX + 1)
    except OSError as error:
        raise CommandError(
            f"{path}: {error.strerror}; an example: provisioning/examples/pump-house.scenario"
        ) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path}: not UTF-8 text; save it with that encoding") from error
    if len(text) > SCENARIO_BYTES_MAX:
        raise CommandError(f"{path}: a scenario has at most {SCENARIO_BYTES_MAX} characters")
    try:
        return parse(text, [p.id for p in config.point], [c.id for c in config.camera], name=str(path))
    except ScenarioError as error:
        raise CommandError(str(error)) from error


def _playable(scenario: Scenario, ports: dict[str, int], no_cameras: bool) -> Scenario:
    """Without the steps of cameras that are left out. CommandError if a real camera is to be cut."""
    from hw.simulator.scenario import Camera

    real = [s.camera for s in scenario.steps if isinstance(s, Camera) and s.camera not in ports]
    if real and not no_cameras:
        raise CommandError(
            f"the scenario cuts camera {real[0]}, which is not simulated: give it the source "
            "tcp://127.0.0.1:PORT in the site file, or leave cameras out with --no-cameras"
        )
    kept = tuple(s for s in scenario.steps if not (no_cameras and isinstance(s, Camera)))
    return dataclasses.replace(scenario, steps=kept)


def _camera_ports(config: SiteConfig) -> dict[str, int]:
    """camera -> port, for the cameras that only a simulator can serve."""
    found: dict[str, int] = {}
    for camera in config.camera:
        url = urlsplit(camera.source)
        if url.scheme == "tcp" and url.hostname == "127.0.0.1" and url.port:
            found[camera.id] = url.port
    return found


def _socket(config: SiteConfig, paths: Paths) -> Path:
    pins = config.board.pins
    return Path(pins.removeprefix("sim:")) if pins.startswith("sim:") else paths.run / "board.sock"


def _greeting(config: SiteConfig, socket: Path, ports: dict[str, int]) -> str:
    text = TEXTS["serves"][config.site.language == "zh-CN"]
    return text.format(
        board=config.site.board, socket=socket, points=len(config.point), relays=len(config.relay), cameras=len(ports)
    )
