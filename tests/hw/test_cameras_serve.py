"""The simulated camera: any number of viewers, cut, frozen and mended, on a real socket."""

import itertools
import socket
import time

import av
import pytest

from hw.cameras.card import read_card
from hw.cameras.serve import StreamServer
from hw.ports import HardwareError


@pytest.fixture
def server():
    server = StreamServer(0, width=320, height=180, fps=20, label="yard")
    server.start()
    yield server
    server.close()


def watch(server, timeout_s=5.0):
    options = {"probesize": "32768", "fpsprobesize": "0"}
    return av.open(f"tcp://127.0.0.1:{server.port}", format="mpegts", options=options, timeout=(timeout_s, timeout_s))


def numbers(container, count):
    decoded = (read_card(frame) for frame in container.decode(video=0))
    return [code.number for code in itertools.islice(decoded, count)]


def gone(connection, deadline_s=5.0):
    """True once the far end has closed; what it sent before is skipped."""
    connection.settimeout(deadline_s)
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def test_two_viewers_see_the_same_frames_from_a_keyframe_on(server):
    with watch(server) as one, watch(server) as two:
        seen, seen_too = numbers(one, 30), numbers(two, 30)
    assert seen == list(range(seen[0], seen[0] + 30))
    assert seen_too == list(range(seen_too[0], seen_too[0] + 30))
    assert seen[0] < seen_too[0] <= seen[-1] + 20


def test_a_cut_ends_viewers_refuses_new_ones_and_numbers_go_on(server):
    with watch(server) as viewer:
        before = numbers(viewer, 5)
        server.cut()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), 2)
        rest = [code.number for code in (read_card(frame) for frame in viewer.decode(video=0))]
    server.mend()
    with watch(server) as viewer:
        after = numbers(viewer, 5)
    assert after[0] > (rest or before)[-1]


def test_frozen_it_accepts_and_sends_nothing_until_mended(server):
    server.freeze()
    with socket.create_connection(("127.0.0.1", server.port), 2) as connection:
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        server.mend()
        connection.settimeout(5)
        assert connection.recv(1) == b"\x47"  # a transport stream's sync byte


def test_a_viewer_that_never_reads_is_dropped_and_the_others_see_on(server, monkeypatch):
    monkeypatch.setattr("hw.cameras.serve.PENDING_BYTES_MAX", 1000)
    monkeypatch.setattr("hw.cameras.serve.SEND_BUFFER_BYTES", 4096)
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    deaf.connect(("127.0.0.1", server.port))
    with watch(server) as viewer:
        deadline = time.monotonic() + 30
        decoded = (read_card(frame).number for frame in viewer.decode(video=0))
        while len(server._viewers) > 1 and time.monotonic() < deadline:
            next(decoded)
        assert len(server._viewers) == 1
        assert next(decoded)
    assert gone(deaf)
    deaf.close()


def test_close_twice_and_the_port_is_free_again(server):
    port = server.port
    server.close()
    server.close()
    again = StreamServer(port)
    again.close()


def test_a_taken_port_is_one_clear_error(server):
    with pytest.raises(HardwareError, match=rf"port {server.port} on 127.0.0.1 is taken"):
        StreamServer(server.port)
