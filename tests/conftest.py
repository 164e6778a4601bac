"""What all tests share: --long, counts that grow with it, a free port, and a watch over processes left behind."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "provisioning"))  # demo
sys.path.insert(0, str(Path(__file__).with_name("support")))  # sp_...

import sp_children
import sp_ports

_started_by: dict[int, str] = {}
_left: dict[int, str] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the full campaigns: every round, and the tests marked long")


def pytest_configure() -> None:
    sp_children.adopt_orphans()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background: so would be what we start
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    skip = pytest.mark.skip(reason="a long campaign: sh tests/run.sh --long")
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(skip)


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """rounds(short, full): how often to repeat, `short` by default and `full` with --long."""
    full_wanted: bool = request.config.getoption("--long")
    return lambda short, full: full if full_wanted else short


@pytest.fixture
def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on."""
    return sp_ports.free_port()


@pytest.fixture(autouse=True)
def _who_started_it(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    for pid in sp_children.alive():
        _started_by.setdefault(pid, request.node.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that outlives the tests fails the run (and is ended): the next run would meet it."""
    _left.update(sp_children.alive())
    sp_children.kill(_left)
    if _left and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for pid, command in _left.items():
        where = _started_by.get(pid, "no test that was seen")
        terminalreporter.write_line(f"FAILED {where} - left a process behind: {pid} {command[:160]}", red=True)
