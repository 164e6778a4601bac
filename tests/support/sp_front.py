"""A door in front of a server on 127.0.0.1: a TCP proxy that can be shut or hang, while the server itself goes on."""

from __future__ import annotations

import contextlib
import socket
import threading


class Front:
    """127.0.0.1:port to `to`. While `shut`, connections are cut as soon as something comes.

    From hang() to go_on() nothing goes through and nothing is cut, as behind a link that died.
    """

    def __init__(self, to: int) -> None:
        self._to = to
        self.shut = False
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hang(self) -> None:
        self._open.clear()

    def go_on(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.set()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while (data := source.recv(65536)) and not self.shut:
                self._open.wait(60)
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
