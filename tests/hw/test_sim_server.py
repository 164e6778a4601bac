"""The simulated board as a process: who may connect, what it refuses, and its driver."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_board import Board, until

from hw.gpio import GpioRelays, pin_factory
from hw.ports import HardwareError, PointSpec, RelaySpec
from hw.simulator import Driver
from hw.simulator.board import SimBoard
from hw.simulator.serve import assert_no_gpio
from hw.simulator.wire import Channel, pack, socket_to, unpack

DOOR = PointSpec("door", "GPIO17", "normally-closed")
BUTTON = PointSpec("button", "27")
SIREN = RelaySpec("siren", "GPIO23")


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    with Board(tmp_path, [DOOR, BUTTON], [SIREN]) as made:
        yield made


@pytest.fixture
def driver(board: Board) -> Iterator[Driver]:
    with Driver(board.socket) as made:
        yield made


def run_another(spec: Path, path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hw.simulator", str(spec), "--socket", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


# --- the process ---


def test_sigterm_ends_it_and_takes_the_socket_away(board: Board) -> None:
    assert board.process is not None
    board.process.send_signal(signal.SIGTERM)
    assert board.process.wait(timeout=30) == 0
    assert not board.socket.exists()


def test_the_socket_of_a_killed_board_is_taken_over(board: Board) -> None:
    board.kill()
    assert board.socket.exists()
    board.start()
    Driver(board.socket).close()


def test_a_second_board_at_one_socket_is_refused_and_the_first_goes_on(board: Board, driver: Driver) -> None:
    ended = run_another(board.socket.with_name("board.json"), board.socket)
    assert ended.returncode != 0
    assert "another simulated board serves here" in ended.stderr
    assert driver.lines()["GPIO17"]["level"] == 0


@pytest.mark.parametrize("name", ["file", "x" * 120], ids=["a-file-stands-there", "too-long"])
def test_a_place_where_no_socket_can_be_is_left_alone(tmp_path: Path, board: Board, name: str) -> None:
    path = tmp_path / name
    path.write_text("precious", encoding="utf-8")
    ended = run_another(board.socket.with_name("board.json"), path)
    assert ended.returncode != 0
    assert "choose another --socket" in ended.stderr
    assert path.read_text(encoding="utf-8") == "precious"


def test_nothing_of_it_can_touch_real_pins() -> None:
    modules = ("serve", "play", "telling", "scenario", "cameras", "driver", "server")
    imports = "; ".join(f"import hw.simulator.{name}" for name in modules)
    check = f"{imports}; hw.simulator.serve.assert_no_gpio()"
    subprocess.run([sys.executable, "-c", check], check=True, timeout=60)
    with pytest.raises(HardwareError, match="gpiozero"):
        assert_no_gpio()  # this process has it


def test_two_things_on_one_line_are_no_board() -> None:
    with pytest.raises(OSError, match="siren: line GPIO17 is used twice"):
        SimBoard([DOOR], [RelaySpec("siren", "17")], lambda: 0)


# --- connections ---


@pytest.mark.parametrize("packet", [b"\xff\xfe", b"{}", b"[]", b"[1]", b"nonsense"])
def test_garbage_costs_its_own_connection_only(board: Board, driver: Driver, packet: bytes) -> None:
    stranger = socket_to(board.socket, timeout_s=10)
    stranger.send(packet)
    assert stranger.recv(100) == b""
    stranger.close()
    assert driver.pending() == 0


@pytest.mark.parametrize(
    "question",
    [
        ["hello", "king"],
        ["relays"],
        ["write", "GPIO23", 1],
    ],
    ids=lambda q: q[0],
)
def test_a_stranger_gets_an_error_and_no_line(board: Board, driver: Driver, question: list[object]) -> None:
    stranger = socket_to(board.socket, timeout_s=10)
    stranger.send(pack(7, *question))
    number, value, code, _ = unpack(stranger.recv(1000))
    assert (number, value, code) == (7, None, errno.EINVAL)
    assert driver.relays()["GPIO23"]["function"] == "input"
    stranger.close()


def test_roles_do_not_mix(board: Board) -> None:
    panel, hand = Channel(board.socket, "panel"), Channel(board.socket, "driver")
    for channel, op, arguments in (
        (panel, "contact", ("door", False)),
        (hand, "output", ("GPIO23", 1)),
        (panel, "hello", ("driver",)),
    ):
        with pytest.raises(OSError, match=r"cannot ask|once") as caught:
            channel.ask(op, *arguments)
        assert caught.value.errno == errno.EINVAL
    panel.close()
    hand.close()


def test_edges_are_for_the_process_that_holds_the_lines(board: Board) -> None:
    panel = Channel(board.socket, "panel")
    look = (
        "import sys; from pathlib import Path; from hw.simulator.wire import Channel\n"
        "try: Channel(Path(sys.argv[1]), 'edges', int(sys.argv[2]))\n"
        "except OSError as error: sys.exit(error.errno)"
    )
    command = [sys.executable, "-c", look, str(board.socket), str(panel.welcome["token"])]
    assert subprocess.run(command, timeout=60, check=False).returncode == errno.EPERM
    panel.close()


@pytest.mark.parametrize(
    ("op", "arguments", "says"),
    [
        ("input", ("GPIO99", "up"), "no line 'GPIO99'; it has GPIO17"),
        ("input", ("GPIO17", "sideways"), "up, down or floating"),
        ("write", ("GPIO23", 1), "not an output"),
        ("output", ("GPIO23",), "output"),
        ("read", (None,), "no line"),
    ],
)
def test_what_a_panel_cannot_ask_is_said(board: Board, op: str, arguments: tuple[object, ...], says: str) -> None:
    panel = Channel(board.socket, "panel")
    with pytest.raises(OSError, match=says):
        panel.ask(op, *arguments)
    assert panel.ask("read", "GPIO17") == [0, 0]  # the connection stands
    panel.close()


def test_connections_are_bounded(board: Board) -> None:
    held: list[socket.socket] = []

    def refused() -> bool:
        held.append(socket_to(board.socket, timeout_s=10))
        try:
            held[-1].send(pack(1, "hello", "driver"))
            return len(unpack(held[-1].recv(65536))) == 4
        except ConnectionError:  # hung up on before it had said hello
            return True

    until(refused, "one connection is one too many")
    assert 32 < len(held) < 100
    for one in held:
        one.close()
    until(lambda: answers(board), "there is room again")


def answers(board: Board) -> bool:
    try:
        Driver(board.socket).close()
    except OSError:
        return False
    return True


def test_who_does_not_read_its_answers_is_hung_up_on(board: Board, driver: Driver) -> None:
    deaf = socket_to(board.socket, timeout_s=10)
    deaf.send(pack(1, "hello", "driver"))
    until(lambda: not still_taken(deaf), "the board hangs up")
    assert driver.pending() == 0
    deaf.close()


def still_taken(deaf: socket.socket) -> bool:
    try:
        for number in range(2, 200):
            deaf.send(pack(number, "lines"))
    except ConnectionError:
        return False
    return True


# --- the driver ---


def test_contacts_begin_at_rest_and_move(driver: Driver) -> None:
    assert {line: one["level"] for line, one in driver.lines().items()} == {"GPIO17": 0, "GPIO27": 1, "GPIO23": 0}
    first_ns = driver.contact("door", False)
    again_ns = driver.contact("door", False)
    assert first_ns < again_ns
    assert driver.lines()["GPIO17"]["level"] == 1


def test_a_pulse_leaves_the_rest_and_comes_back(driver: Driver) -> None:
    for point, line, rest in (("door", "GPIO17", 0), ("button", "GPIO27", 1)):
        driver.pulse(point, 150)
        assert driver.lines()[line]["level"] == 1 - rest
        until(lambda: driver.pending() == 0, "the pulse is over")
        assert driver.lines()[line]["level"] == rest


def test_a_contact_opens_for_a_while(driver: Driver) -> None:
    driver.contact("door", False, for_ms=30)
    until(lambda: driver.lines()["GPIO17"]["level"] == 0, "the door is shut again")


def test_raw_levels_and_names_of_lines(driver: Driver) -> None:
    driver.set(17, 1)
    driver.set("bcm27", 0)
    assert [driver.lines()[line]["level"] for line in ("GPIO17", "GPIO27")] == [1, 0]
    with pytest.raises(OSError, match="0 or 1"):
        driver.set(17, 2)


def test_an_output_is_not_driven_from_outside(board: Board, driver: Driver) -> None:
    factory = pin_factory(f"sim:{board.socket}")
    relays = GpioRelays([SIREN], factory, {})
    with pytest.raises(OSError, match="short circuit"):
        driver.set("GPIO23", 1)
    assert relays.states() == {"siren": False}
    factory.close()


@pytest.mark.parametrize(
    ("do", "says"),
    [
        (lambda d: d.contact("window", True), "no point 'window'; it has door, button"),
        (lambda d: d.pulse("door", 0), "at least 1 ms"),
        (lambda d: d.chatter("door", 9_999, 1), "1 to 5000 Hz"),
        (lambda d: d.camera("pump-room", "cut"), "no simulated camera 'pump-room'; there are none"),
        (lambda d: d.wait_relay("horn", True), "no relay 'horn'; it has siren"),
    ],
    ids=["contact", "pulse", "chatter", "camera", "wait"],
)
def test_what_a_driver_cannot_do_is_said(driver: Driver, do: object, says: str) -> None:
    assert callable(do)
    with pytest.raises(OSError, match=says):
        do(driver)


def test_waiting_for_a_relay(board: Board, driver: Driver) -> None:
    with pytest.raises(TimeoutError, match="siren not energised within"):
        driver.wait_relay("siren", True, timeout=0.05)
    assert driver.wait_relay("siren", False) > 0  # it is so already
    factory = pin_factory(f"sim:{board.socket}")
    relays = GpioRelays([SIREN], factory, {"siren": True})
    driver.wait_relay("siren", True)
    factory.close()
    driver.wait_relay("siren", False)
    assert relays.states() == {"siren": True}  # as last written


def test_the_history_is_read_whole_and_bounded(board: Board, driver: Driver) -> None:
    panel = Channel(board.socket, "panel")
    panel.ask("output", "GPIO23", 0)
    for number in range(1, 10_500):
        panel.ask("write", "GPIO23", number % 2)
    history = driver.relay_history()
    assert len(history) == 10_000
    assert [level for _, level, _ in history[-3:]] == [1, 0, 1]
    assert [at for _, _, at in history] == sorted(at for _, _, at in history)
    panel.close()


def test_a_gone_board_is_a_connection_error(board: Board, driver: Driver) -> None:
    board.kill()
    with pytest.raises(ConnectionError):
        driver.pending()


def test_the_board_rests_while_nothing_happens(board: Board, driver: Driver) -> None:
    assert board.process is not None
    switches = Path(f"/proc/{board.process.pid}/status")

    def woken() -> int:
        return int(switches.read_text().split("\nvoluntary_ctxt_switches:")[1].split()[0])

    driver.pending()
    before = woken()
    os.sched_yield()
    with pytest.raises(TimeoutError):
        driver.wait_relay("siren", True, timeout=0.5)
    assert woken() - before <= 10  # the questions of wait_relay itself; a poll loop would show here
