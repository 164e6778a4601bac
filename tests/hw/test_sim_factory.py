"""A panel on a simulated board: what outlives it, who may hold a line, what a lost edge or a dead board looks like."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_board import Board, until

from hw.gpio import GpioInputs, GpioRelays, pin_factory
from hw.ports import Edge, HardwareError, PointSpec, RelaySpec
from hw.simulator import Driver
from hw.simulator.wire import Channel, pack, unpack

DOOR = PointSpec("door", "GPIO17", "normally-closed")
SIREN = RelaySpec("siren", "GPIO23")
LOW = RelaySpec("low", "GPIO24", active="low")
FAULT = RelaySpec("fault", "GPIO25", rest="energised")

PANEL = """
import sys
from hw.gpio import GpioInputs, GpioRelays, pin_factory
from hw.ports import PointSpec, RelaySpec
factory = pin_factory(sys.argv[1])
bank = GpioInputs([PointSpec("door", "GPIO17", "normally-closed")], factory)
relays = GpioRelays([RelaySpec("siren", "GPIO23"), RelaySpec("low", "GPIO24", "low")], factory, {"siren": True})
print("holds", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    with Board(tmp_path, [DOOR], [SIREN, LOW, FAULT]) as made:
        yield made


@pytest.fixture
def driver(board: Board) -> Iterator[Driver]:
    with Driver(board.socket) as made:
        yield made


@pytest.fixture
def panel(board: Board) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the door, the siren (energised) and the active-low relay."""
    command = [sys.executable, "-c", PANEL, f"sim:{board.socket}"]
    made = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert made.stdout is not None
    assert made.stdout.readline() == "holds\n"
    yield made
    made.kill()
    made.communicate()


def levels_of(driver: Driver, pin: str) -> list[int | None]:
    return [level for name, level, _ in driver.relay_history() if name == pin]


# --- no relay clicks ---


def test_no_relay_blips_at_start(board: Board, driver: Driver) -> None:
    factory = pin_factory(f"sim:{board.socket}")
    relays = GpioRelays([SIREN, LOW, FAULT], factory, {"siren": True})
    assert [(pin, level) for pin, level, _ in driver.relay_history()] == [("GPIO23", 1), ("GPIO24", 1), ("GPIO25", 1)]
    assert {r["id"]: r["energised"] for r in driver.relays().values()} == {"siren": True, "low": False, "fault": True}
    relays.close()
    factory.close()


def test_the_history_would_show_a_blip(board: Board, driver: Driver) -> None:
    factory = pin_factory(f"sim:{board.socket}")
    pin = factory.pin("GPIO24")
    pin.function = "output"  # what gpiozero does by default: output at low first
    pin.state = 1
    assert levels_of(driver, "GPIO24") == [0, 1]
    factory.close()


# --- a dead panel ---


def test_kill_9_leaves_the_levels_and_floats_the_outputs(
    board: Board, driver: Driver, panel: subprocess.Popen[str]
) -> None:
    driver.contact("door", False)
    panel.kill()
    panel.wait()
    driver.wait_relay("siren", False)
    until(lambda: driver.lines()["GPIO17"]["pid"] == 0, "the door's line is free")
    assert driver.lines()["GPIO17"]["level"] == 1
    assert {r["function"] for r in driver.relays().values()} == {"input"}
    assert not any(r["energised"] for r in driver.relays().values())


def test_a_restarted_panel_takes_the_siren_up_without_releasing_it_itself(
    board: Board, driver: Driver, panel: subprocess.Popen[str]
) -> None:
    panel.kill()
    panel.wait()
    factory = pin_factory(f"sim:{board.socket}")  # at once: the board may not yet have seen the other one go
    relays = GpioRelays([SIREN], factory, {"siren": True})
    assert levels_of(driver, "GPIO23") == [1, None, 1]
    relays.drive("siren", False)
    assert levels_of(driver, "GPIO23") == [1, None, 1, 0]
    factory.close()


def test_a_dead_panels_line_is_free_even_before_the_board_looked(board: Board) -> None:
    assert board.process is not None
    following = Channel(board.socket, "panel")  # connected before the other one, so it is heard first
    dead = Channel(board.socket, "panel")
    dead.ask("output", "GPIO23", 1)
    os.kill(board.process.pid, signal.SIGSTOP)
    following._socket.send(pack(2, "output", "GPIO23", 1))
    dead.close()
    os.kill(board.process.pid, signal.SIGCONT)
    assert unpack(following._socket.recv(65536)) == [2, None]
    following.close()


def test_a_stopped_panel_keeps_its_outputs(board: Board, driver: Driver, panel: subprocess.Popen[str]) -> None:
    os.kill(panel.pid, signal.SIGSTOP)
    driver.contact("door", False)
    assert driver.relay("siren")["energised"]
    assert driver.lines()["GPIO23"]["pid"] == panel.pid


def test_a_line_is_held_by_one_process(board: Board, driver: Driver, panel: subprocess.Popen[str]) -> None:
    factory = pin_factory(f"sim:{board.socket}")
    with pytest.raises(HardwareError, match=rf"relay siren, pin GPIO23: .*process {panel.pid}.*another process holds"):
        GpioRelays([SIREN], factory, {})
    with pytest.raises(HardwareError, match=rf"point door, pin GPIO17: .*process {panel.pid}"):
        GpioInputs([DOOR], factory)
    assert driver.relay("siren")["energised"]
    relays = GpioRelays([FAULT], factory, {})  # a line of its own it may have
    assert driver.relay("fault")["energised"]
    relays.close()
    factory.close()


# --- edges ---


def test_an_edges_time_is_the_boards(board: Board, driver: Driver) -> None:
    factory = pin_factory(f"sim:{board.socket}")
    edges: queue.Queue[Edge] = queue.Queue()
    bank = GpioInputs([DOOR], factory)
    bank.watch(edges.put)
    at_ns = driver.contact("door", False)
    assert abs(edges.get(timeout=10).mono_ns - at_ns) <= 1  # a float of seconds rounds the last nanosecond
    bank.close()
    factory.close()


def test_unread_edges_overflow_and_are_counted(board: Board, driver: Driver) -> None:
    factory = pin_factory(f"sim:{board.socket}")
    bank = GpioInputs([DOOR], factory)
    seen: list[Edge] = []
    go_on = threading.Event()

    def slow(edge: Edge) -> None:
        go_on.wait()
        seen.append(edge)

    bank.watch(slow)
    made = driver.chatter("door", 2000, 1)
    until(lambda: driver.pending() == 0, "the chatter is over")
    assert bank.levels() == {"door": True}
    assert 0 < bank.lost_edges() == driver.lost() < made
    go_on.set()
    until(lambda: len(seen) == made - bank.lost_edges(), "every edge that was not lost comes")
    driver.contact("door", False)
    until(lambda: seen[-1].closed is False, "edges go on after an overflow")
    factory.close()


def test_a_masked_chatter_costs_the_panel_nothing(board: Board, driver: Driver) -> None:
    factory = pin_factory(f"sim:{board.socket}")
    bank = GpioInputs([DOOR], factory)
    seen: list[Edge] = []
    bank.watch(seen.append)
    bank.mask("door", True)
    assert driver.lines()["GPIO17"]["watched"] is False
    driver.chatter("door", 1000, 0.2)
    until(lambda: driver.pending() == 0, "the chatter is over")
    assert bank.levels() == {"door": True}
    assert (seen, bank.lost_edges()) == ([], 0)
    factory.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_reader_that_died_is_no_secret(board: Board, driver: Driver) -> None:
    factory = pin_factory(f"sim:{board.socket}")
    bank = GpioInputs([DOOR], factory)

    def broken(edge: Edge) -> None:
        raise ZeroDivisionError("a bug in the watcher")

    bank.watch(broken)
    driver.contact("door", False)

    def fails() -> bool:
        try:
            bank.levels()
        except HardwareError as error:
            return "edges are no longer read" in str(error)
        return False

    until(fails, "levels says that edges are no longer read")
    factory.close()


# --- a dead board ---


def test_a_dead_board_is_a_hardware_error_and_a_new_one_needs_a_new_factory(board: Board) -> None:
    factory = pin_factory(f"sim:{board.socket}")
    bank, relays = GpioInputs([DOOR], factory), GpioRelays([SIREN], factory, {})
    board.kill()
    with pytest.raises(HardwareError, match=r"point door, pin GPIO17: .*is gone"):
        bank.levels()
    with pytest.raises(HardwareError, match=r"relay siren, pin GPIO23: .*is gone"):
        relays.drive("siren", True)
    assert relays.states() == {"siren": False}
    board.start()
    with pytest.raises(HardwareError, match="is gone"):
        bank.levels()
    for one in (bank, relays, factory):
        one.close()
        one.close()
    again = pin_factory(f"sim:{board.socket}")
    assert GpioInputs([DOOR], again).levels() == {"door": True}
    again.close()


def test_a_board_that_does_not_answer_is_a_hardware_error(board: Board) -> None:
    factory = pin_factory(f"sim:{board.socket}")
    bank = GpioInputs([DOOR], factory)
    assert board.process is not None
    os.kill(board.process.pid, signal.SIGSTOP)
    with pytest.raises(HardwareError, match="is gone"):
        bank.levels()
    os.kill(board.process.pid, signal.SIGCONT)
    factory.close()


def test_no_board_says_what_to_start(tmp_path: Path) -> None:
    with pytest.raises(HardwareError, match="standpipe simulate"):
        pin_factory(f"sim:{tmp_path}/nobody.sock")


def test_edge_to_relay_can_be_measured_outside_the_panel(board: Board, driver: Driver) -> None:
    factory = pin_factory(f"sim:{board.socket}")
    relays = GpioRelays([SIREN], factory, {})
    bank = GpioInputs([DOOR], factory)
    bank.watch(lambda edge: relays.drive("siren", not edge.closed))
    edge_ns = driver.contact("door", False)
    seen_ns = driver.wait_relay("siren", True)
    (written_ns,) = [at for pin, level, at in driver.relay_history() if (pin, level) == ("GPIO23", 1)]
    assert edge_ns < written_ns <= seen_ns < time.monotonic_ns()
    bank.close()
    factory.close()
