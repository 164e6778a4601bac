"""`standpipe simulate` as a person starts it: the real command on a real site file."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sp_ports
from sp_board import until

from hw.gpio import GpioRelays, pin_factory
from hw.ports import RelaySpec
from hw.simulator import Driver

SITE = """\
[site]
id = "plant-3"
board = "pump-house"
language = "{language}"

[board]
pins = "sim:{socket}"

[[point]]
id = "door"
kind = "door"
pin = "GPIO17"
contact = "normally-closed"

[[relay]]
id = "siren"
pin = "GPIO23"

[[camera]]
id = "pump-room"
source = "tcp://127.0.0.1:{port}"

[[camera]]
id = "gate"
source = "rtsp://10.0.0.7/main"
"""


class Command:
    """A running `standpipe simulate`; `lines` is what it has said so far."""

    def __init__(self, *arguments: str, site: Path) -> None:
        command = [sys.executable, "-m", "agent.cli", "--site", str(site), "--run", str(site.parent / "run")]
        self._out = site.with_name("out")
        with self._out.open("wb") as out:
            self.process = subprocess.Popen([*command, "simulate", *arguments], stdout=out, stderr=subprocess.STDOUT)

    @property
    def said(self) -> str:
        return self._out.read_text(encoding="utf-8")

    def says(self, text: str) -> None:
        until(lambda: text in self.said or self.process.poll() is not None, f"it says {text!r}")
        assert text in self.said

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


Start = Callable[..., Command]


@pytest.fixture
def port() -> int:
    return sp_ports.free_port()


@pytest.fixture
def board(tmp_path: Path) -> Path:
    return tmp_path / "board.sock"


@pytest.fixture
def start(tmp_path: Path, board: Path, port: int) -> Iterator[Start]:
    started: list[Command] = []
    site = tmp_path / "site.toml"

    def go(*arguments: str, language: str = "en") -> Command:
        site.write_text(SITE.format(socket=board, port=port, language=language), encoding="utf-8")
        started.append(Command(*arguments, site=site))
        return started[-1]

    yield go
    for one in started:
        one.process.kill()
        one.process.wait()


def scenario(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "demo.scenario"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_a_scenario_waits_for_the_panel_and_is_told_live(tmp_path: Path, start: Start, board: Path) -> None:
    command = start("--no-cameras", scenario(tmp_path, "at 0 s door opens for 50 ms", "at 0 s camera pump-room cut"))
    command.says("1 points, 1 relays, 0 cameras; no GPIO of this machine is touched")
    command.says("waits for a panel")
    with Driver(board) as driver:
        assert driver.pending() == 0
    assert "opens" not in command.said
    factory = pin_factory(f"sim:{board}")
    relays = GpioRelays([RelaySpec("siren", "GPIO23")], factory, {"siren": True})
    for words in ("panel connects", "ENERGISED", "door                      opens", "is over"):
        command.says(words)
    relays.close()
    factory.close()
    command.says("floats")
    assert command.end() == 0
    assert not board.exists()


def test_chinese_sites_are_told_in_chinese(tmp_path: Path, start: Start) -> None:
    command = start("--no-cameras", "--at-once", scenario(tmp_path, "at 0 s door opens"), language="zh-CN")
    command.says("不接触本机任何 GPIO")
    command.says("断开")
    assert command.end() == 0


def test_it_serves_the_cameras_of_the_site_and_cuts_them(start: Start, board: Path, port: int) -> None:
    command = start()
    command.says("1 cameras")
    with Driver(board) as driver:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as stream:
            assert stream.recv(1) == b"\x47"  # MPEG-TS
        driver.camera("pump-room", "cut", for_ms=60_000)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=30)
        driver.camera("pump-room", "mend")
        socket.create_connection(("127.0.0.1", port), timeout=30).close()
    command.says("camera cut")
    assert command.end() == 0


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("at 1 s window opens", "line 1: \"at 1 s window opens\": this site has no point 'window'"),
        ("at 1 s camera gate cut", "cuts camera gate, which is not simulated"),
    ],
)
def test_a_scenario_that_does_not_fit_the_site_is_refused_in_words(
    tmp_path: Path, start: Start, board: Path, line: str, says: str
) -> None:
    command = start(scenario(tmp_path, line))
    assert command.process.wait(timeout=30) == 1
    assert says in command.said
    assert "Traceback" not in command.said
    assert not board.exists()


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xff"], ids=["missing", "not-text"])
def test_a_file_that_is_no_scenario_is_refused_in_words(tmp_path: Path, start: Start, content: bytes | None) -> None:
    path = tmp_path / "x.scenario"
    if content is not None:
        path.write_bytes(content)
    command = start(str(path))
    assert command.process.wait(timeout=30) == 1
    assert command.said.startswith(f"standpipe: {path}: ")
    assert "Traceback" not in command.said


def test_a_taken_camera_port_is_refused_in_words(start: Start, port: int, board: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        command = start()
        assert command.process.wait(timeout=30) == 1
    assert f"simulated camera pump-room, port {port}" in command.said
    assert "Traceback" not in command.said
    assert not board.exists()


# --- no GPIO of this machine is touched ---


def test_a_running_simulator_opens_no_device(tmp_path: Path, start: Start, board: Path) -> None:
    """As the kernel sees it: what the process holds and has loaded."""
    command = start("--no-cameras", scenario(tmp_path, "at 0 s door opens for 50 ms"))
    command.says("waits for a panel")
    held = {str(fd.readlink()) for fd in Path(f"/proc/{command.process.pid}/fd").iterdir()}
    maps = Path(f"/proc/{command.process.pid}/maps").read_text()
    assert [path for path in held if path.startswith(("/dev/gpio", "/dev/mem", "/dev/spi"))] == []
    assert [name for name in ("lgpio", "gpiod") if name in maps] == []
    assert command.end() == 0


@pytest.mark.parametrize(
    "touch", ["import lgpio", "import gpiod", "open('/dev/gpiochip0')", "__import__('os').open('/dev/gpiomem', 2)"]
)
def test_what_would_touch_gpio_ends_in_words(touch: str) -> None:
    program = f"from hw.simulator.untouched import keep_off; keep_off(); {touch}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "HardwareError: the simulator touches no GPIO" in done.stderr


def test_a_process_that_has_a_gpio_library_cannot_be_a_simulator() -> None:
    program = "import sys; sys.modules['lgpio'] = sys; from hw.simulator.untouched import keep_off; keep_off()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "must not load lgpio" in done.stderr


def test_the_command_keeps_off_gpio(tmp_path: Path, board: Path) -> None:
    """The command itself, with a simulator that tries."""
    site = tmp_path / "site.toml"
    site.write_text(SITE.format(socket=board, port=1, language="en"), encoding="utf-8")
    program = (
        "import sys, hw.simulator.serve as serve\n"
        "def build(*_): open('/dev/gpiochip0')\n"
        "serve.build = build\n"
        "from agent.cli.__main__ import main\n"
        f"sys.exit(main(['simulate', '--no-cameras', '--site', {str(site)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, "may not be opened" in done.stderr) == (1, True)
