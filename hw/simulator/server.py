"""The simulated board's process: one loop over its socket and its agenda.

Rules of this file:
- one thread; nothing in the loop blocks: who does not read gets its edges dropped and counted (panel) or is hung up
  on (everything else);
- a connection first says who it is: `panel` (holds lines), `edges` (the panel's second connection: edges only, so
  that they never queue behind answers), `converter` (reads channels), `driver` (moves the world);
- the kernel says which process a connection belongs to (SO_PEERCRED), not the process.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import selectors
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hw.ports import HardwareError
from hw.simulator.board import News, SimBoard
from hw.simulator.hands import Agenda, Hands
from hw.simulator.wire import PACKET_BYTES_MAX, check_path, pack, socket_to, unpack

CONNECTIONS_MAX = 64
HISTORY_PAGE = 1_000
LATER = object()  # the answer comes when it is true


class Session:
    """One connection. As a panel it holds lines (`board.Holder`)."""

    def __init__(self, connection: socket.socket, tell: Callable[[News], None]) -> None:
        connection.setblocking(False)
        self.socket = connection
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        self.pid: int = struct.unpack("3i", credentials)[0]
        self.role = ""
        self.edges: Session | None = None
        self.lost = 0
        self._tell = tell

    def send(self, packet: bytes) -> bool:
        """False if the other side does not read, or is gone."""
        try:
            self.socket.send(packet)
        except OSError:
            return False
        return True

    def gone(self) -> bool:
        """True if the other side has hung up, even while packets of it wait to be read."""
        poll = select.poll()
        poll.register(self.socket, 0)
        return any(found & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, found in poll.poll(0))

    def edge(self, line: str, level: int, mono_ns: int) -> None:
        """Pass an edge on; count it as lost if nobody reads."""
        if self.edges is not None and self.edges.send(pack("edge", line, level, mono_ns, self.lost)):
            return
        self.lost += 1
        if self.lost == 1:
            self._tell(News("edges", f"{self.pid}", "lost"))


class Simulator:
    """Serves one board at `path`. `run` until `stop`, which may be called from a signal handler or another thread."""

    def __init__(self, path: Path, board: SimBoard, hands: Hands, agenda: Agenda, tell: Callable[[News], None]) -> None:
        self._path = path
        self._board = board
        self.hands = hands
        self.agenda = agenda
        self._tell = tell
        self.panel_came: Callable[[], None] = lambda: None
        self._sessions: dict[int, Session] = {}
        self._waiting: list[tuple[Session, int, str, bool]] = []
        board.relay_changed = self._answer_waiting
        self._selector = selectors.SelectSelector()  # epoll rounds its timeouts up to whole milliseconds
        self._listener = _listen(path)
        self._inode = path.stat().st_ino
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._stopping = False
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._woken, selectors.EVENT_READ, lambda: None)
        self._panel_asks, self._driver_asks = self._questions()

    def run(self) -> None:
        """Serve until `stop`."""
        while not self._stopping:
            for key, _ in self._selector.select(self.agenda.wait_s()):
                key.data()
            self.agenda.do_due()

    def stop(self) -> None:
        """End `run` soon."""
        self._stopping = True
        with contextlib.suppress(BlockingIOError):  # full of wishes to stop already
            self._wake.send(b".")

    def close(self) -> None:
        """Hang up on everybody and take the socket away, if it is still ours. Safe to call twice."""
        for session in list(self._sessions.values()):
            self._hang_up(session)
        self._selector.close()
        for one in (self._listener, self._wake, self._woken):
            one.close()
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    # --- connections ---

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:  # it hung up again, or we are out of descriptors: the others go on
            self._tell(News("trouble", "socket", "refused", detail=str(error)))
            return
        session = Session(connection, self._tell)
        if len(self._sessions) >= CONNECTIONS_MAX:
            session.send(pack(1, None, errno.EUSERS, f"{CONNECTIONS_MAX} connections are open already"))
            connection.close()
            return
        self._sessions[id(session)] = session
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._read(session))

    def _read(self, session: Session) -> None:
        try:
            packet = session.socket.recv(PACKET_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if id(session) not in self._sessions:  # hung up on earlier in the same round
            return
        if not packet or not self._handle(session, packet):
            self._hang_up(session)

    def _hang_up(self, session: Session) -> None:
        del self._sessions[id(session)]
        self._selector.unregister(session.socket)
        self._waiting = [w for w in self._waiting if w[0] is not session]
        session.socket.close()
        self._board.drop(session)
        for other in self._sessions.values():
            if other.edges is session:
                other.edges = None
        if session.role == "panel":
            self._tell(News("panel", f"{session.pid}", "gone"))

    # --- questions ---

    def _handle(self, session: Session, packet: bytes) -> bool:
        """Answer one packet; False if the connection is not worth keeping."""
        try:
            number, op, *arguments = unpack(packet)
        except ValueError:
            return False
        try:
            value = self._answer(session, number, op, arguments)
        except OSError as error:
            return session.send(pack(number, None, error.errno or errno.EIO, error.strerror or str(error)))
        except (TypeError, ValueError, AttributeError) as error:
            return session.send(pack(number, None, errno.EINVAL, f"{op}: {error}"))
        return value is LATER or session.send(pack(number, value))

    def _answer(self, session: Session, number: int, op: str, arguments: list[Any]) -> object:
        if op == "hello":
            return self._hello(session, *arguments)
        if op == "wait" and session.role == "driver":
            return self._wait(session, number, *arguments)
        reads: dict[str, Callable[..., object]] = {"ratios": lambda _: self._board.converter.ratios_ppm()}
        tables = {"panel": self._panel_asks, "driver": self._driver_asks, "converter": reads}
        asks = tables.get(session.role, {})
        if op not in asks:
            raise OSError(errno.EINVAL, f"a {session.role or 'stranger'} cannot ask {op!r} here")
        return asks[op](session, *arguments)

    def _hello(self, session: Session, role: str, token: int = 0) -> object:
        if session.role or role not in ("panel", "edges", "converter", "driver"):
            raise OSError(errno.EINVAL, f"hello as panel, edges, converter or driver, once; not {role!r}")
        if role == "edges":
            panel = self._sessions.get(token)
            if panel is None or panel.role != "panel" or panel.pid != session.pid:
                raise OSError(errno.EPERM, "edges are for the process that holds the lines")
            panel.edges = session
        session.role = role
        if role == "panel":
            self._tell(News("panel", f"{session.pid}", "came"))
            self.panel_came()
        return {"token": id(session), "lines": self._board.line_view()}

    def _questions(self) -> tuple[dict[str, Callable[..., object]], dict[str, Callable[..., object]]]:
        board, hands = self._board, self.hands
        panel: dict[str, Callable[..., object]] = {
            "input": board.make_input,
            "output": board.make_output,
            "write": board.write,
            "watch": board.watch,
            "release": board.release,
            "read": lambda session, pin: [board.line(pin).level, session.lost],
        }
        driver: dict[str, Callable[..., object]] = {
            "set": lambda _, pin, level: board.set_level(pin, level),
            "contact": lambda _, point, closed, for_ms=0: hands.contact(point, bool(closed), for_ms),
            "pulse": lambda _, point, for_ms: hands.pulse(point, for_ms),
            "chatter": lambda _, point, hz, for_ms: hands.chatter(point, hz, for_ms),
            "analog": lambda _, channel, value: hands.analog(channel, value),
            "wire": lambda _, point, how, other="": hands.wire(point, how, other),
            "camera": lambda _, camera, does, for_ms=0: hands.camera(camera, does, for_ms),
            "relays": lambda _: board.relay_view(),
            "lines": lambda _: board.line_view(),
            "history": lambda _, after: [one for one in board.history if one[0] > after][:HISTORY_PAGE],
            "pending": lambda _: len(self.agenda),
            "lost": lambda _: sum(s.lost for s in self._sessions.values()),
        }
        return panel, driver

    def _wait(self, session: Session, number: int, relay: str, energised: bool) -> object:
        if self._board.energised(self._board.relay(relay)) == energised:
            return time.monotonic_ns()
        self._waiting.append((session, number, relay, energised))
        return LATER

    def _answer_waiting(self, relay: str) -> None:
        state = self._board.energised(self._board.relay(relay))
        fulfilled = [w for w in self._waiting if w[2] == relay and w[3] == state]
        for waiter in fulfilled:
            self._waiting.remove(waiter)
            waiter[0].send(pack(waiter[1], time.monotonic_ns()))  # if it has gone by now, its hang-up comes next


def _listen(path: Path) -> socket.socket:
    """A listening socket at `path`; one left by a dead simulator is replaced. HardwareError if that cannot be."""
    try:
        check_path(path)
        if _served(path):
            raise HardwareError(f"{path}: another simulated board serves here; end it, or choose another --socket")
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        made.bind(str(path))
        os.chmod(path, 0o660)  # noqa: PTH101 - the same call as everywhere a mode matters
        made.listen(CONNECTIONS_MAX)
        made.setblocking(False)
    except OSError as error:
        raise HardwareError(f"{path}: cannot serve here ({error.strerror}); choose another --socket") from error
    return made


def _served(path: Path) -> bool:
    if path.exists() and not path.is_socket():
        raise HardwareError(f"{path}: there is a file of that name that is no socket; choose another --socket")
    try:
        socket_to(path, timeout_s=1.0).close()
    except (ConnectionError, FileNotFoundError):
        return False
    return True
