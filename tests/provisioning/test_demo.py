"""The demonstration's own judgement: it must see what is missing, and it has words for everything that can happen."""

from __future__ import annotations

import dataclasses
import hashlib
import socket
import string
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo import far_end, near_end, site, story, summary, words
from demo.broker import Line, host_and_port
from demo.processes import Crew, DemoError

from agent.config import load
from agent.core.chain import Row
from agent.core.events import KINDS

CHECKOUT = Path(__file__).parents[2]
EPOCH = "00000000-0000-4000-8000-000000000000"


def row(seq: int, kind: str = "door.opened", source: str = "door", data: str = "{}") -> Row:
    return Row(seq, 0, "boot", 0, "synced", "status", 0, kind, source, "status", data, bytes([seq]) * 32)


def clip_row(seq: int, sha256: str) -> Row:
    return row(seq, "clip.ready", "pump-room", f'{{"sha256":"{sha256}"}}')


def good() -> summary.Figures:
    """Everything as it must be: five rows, one clip, one edge."""
    rows = [
        row(1),
        row(2, "clip.requested", "rule", '{"cameras":["pump-room"]}'),
        clip_row(3, "aa"),
        row(4, "point.changed", "cabinet-door"),
    ]
    far = far_end.FarEnd({r.seq: r.hash for r in rows}, files={"f": "aa"}, on_disk={"aa"})
    return summary.Figures(
        near_end.NearEnd(EPOCH, rows), far, summary.Footage(50, 60, 10), [1.0], 20, 1, [summary.Ran("panel", 30, 1, 1)]
    )


def test_nothing_missing_is_no_fault() -> None:
    assert summary.faults(good(), words.Words("en")) == []


def lose_a_row(f: summary.Figures) -> None:
    del f.far.hashes[1]


def change_a_row(f: summary.Figures) -> None:
    f.far.hashes[1] = b"\0" * 32


def double_a_row(f: summary.Figures) -> None:
    f.far.double = 1


def break_the_chain(f: summary.Figures) -> None:
    f.far.broken = "row 2 does not follow the one before"


def lose_a_clip(f: summary.Figures) -> None:
    f.far.files.clear()


def spoil_a_clip(f: summary.Figures) -> None:
    f.far.on_disk = {"bb"}


def lose_a_change(f: summary.Figures) -> None:
    f.near.rows[3] = row(4)


@pytest.mark.parametrize(
    "spoil",
    [lose_a_row, change_a_row, double_a_row, break_the_chain, lose_a_clip, spoil_a_clip, lose_a_change],
)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_what_is_missing_is_a_fault(spoil: object, language: str) -> None:
    figures = good()
    spoil(figures)  # type: ignore[operator]
    assert len(summary.faults(figures, words.Words(language))) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"footage": summary.Footage(40, 60, 10)},
        {"footage": summary.Footage(0, 5, 10)},
        {"latencies_ms": []},
        {"ran": [summary.Ran("panel", 30, 1, 2, ("signal 11",), "it said this")]},
    ],
)
def test_lost_footage_edges_and_lives_are_faults(change: dict[str, object]) -> None:
    figures = good()
    changed = dataclasses.replace(figures, **change)  # type: ignore[arg-type]
    assert len(summary.faults(changed, words.Words("en"))) == 1


def chained(*texts: str) -> list[tuple[int, str, bytes]]:
    before = hashlib.sha256(EPOCH.encode()).digest()
    rows = []
    for seq, text in enumerate(texts, start=1):
        before = hashlib.sha256(before + text.encode()).digest()
        rows.append((seq, text, before))
    return rows


def test_a_whole_chain_has_no_fault() -> None:
    assert far_end.chain_fault(EPOCH, chained("[1]", "[2]", "[3]")) == ""


def test_a_row_out_of_the_chain_is_found() -> None:
    rows = chained("[1]", "[2]", "[3]")
    assert far_end.chain_fault(EPOCH, [rows[0], rows[2]]) == "row 2 is not there"
    rows[1] = (2, "[two]", rows[1][2])
    assert far_end.chain_fault(EPOCH, rows) == "row 2 does not follow the one before"


def test_latency_is_from_each_edge_to_the_next_change_less_the_settle_time() -> None:
    ms = 1_000_000
    found = near_end.latencies_ms([0, 100 * ms, 200 * ms], [21 * ms, 122 * ms], settle_ms=20)
    assert found == [1.0, 2.0], "the third edge moved nothing"


def test_percentiles() -> None:
    values = [float(n) for n in range(1, 101)]
    assert near_end.percentile(values, 0.5) == 51
    assert near_end.percentile(values, 0.99) == 100
    assert near_end.percentile([], 0.5) == 0


@pytest.mark.parametrize("kind", sorted(words.EVENTS))
@pytest.mark.parametrize("column", [0, 1])
def test_the_words_of_each_kind_can_be_filled_by_its_rows(kind: str, column: int) -> None:
    text = words.EVENTS[kind][column]
    fields = set(KINDS[kind].__dataclass_fields__)
    computed = {f"{name.removesuffix('_ms')}_s" for name in fields if name.endswith("_ms")}
    computed |= {"state"} if "energised" in fields else set()
    computed |= {"kib"} if "bytes" in fields else set()
    used = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    assert used <= fields | computed


def test_a_kind_without_words_is_shown_as_it_is() -> None:
    assert words.Words("en").event("weather.changed", "roof", {}) == "weather.changed roof"


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_its_site_file_is_right(tmp_path: Path, language: str) -> None:
    place = site.lay_out(tmp_path, language)
    place.run.rmdir()
    config = load(place.site)
    assert config.site.language == language
    assert [camera.id for camera in config.camera] == ["pump-room"]
    walk = next(point for point in config.point if point.id == "cabinet-door")
    assert walk.settle_ms < story.WALK_MS


@pytest.mark.parametrize("url", ["mqtts://h:8883", "mqtt://", "mqtt://u:p@h", "mqtt://h:99999", "mqtt://h/x", "h:1883"])
def test_a_broker_that_cannot_be_used_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(DemoError, match=r"mqtt://192\.168\.1\.10:1883"):
        host_and_port(url)


def test_a_broker_s_port_may_be_left_out() -> None:
    assert host_and_port("mqtt://broker.example") == ("broker.example", 1883)
    assert host_and_port("mqtt://broker.example:1884/") == ("broker.example", 1884)


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that sends back what it gets; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(4096):
                connection.sendall(data)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def asked(port: int) -> bytes:
    """What comes back for b"hello"; b"" if the line is cut."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(b"hello")
            return connection.recv(100)
    except OSError:
        return b""


def test_a_line_can_be_cut_and_mended(echo: int, free_port: int) -> None:
    line = Line(free_port, ("127.0.0.1", echo))
    assert asked(free_port) == b"hello"
    with socket.create_connection(("127.0.0.1", free_port), 5) as held:
        held.sendall(b"hello")
        assert held.recv(100) == b"hello"
        line.cut()
        assert held.recv(100) == b"", "a connection that stood is ended"
    assert asked(free_port) == b""
    line.mend()
    assert asked(free_port) == b"hello"


def test_a_broker_that_does_not_answer_is_said(free_port: int) -> None:
    with pytest.raises(DemoError, match=f"no broker answers at 127.0.0.1:{free_port}"):
        Line(1, ("127.0.0.1", free_port))


def test_what_dies_unasked_comes_back_and_is_told(tmp_path: Path) -> None:
    crew = Crew(tmp_path, {})
    told: list[str] = []
    crew.on_death = lambda name, how: told.append(f"{name} {how}")
    watched = crew.start("sleeper", ["/bin/sleep", "100"])
    first = watched.popen.pid
    watched.popen.kill()
    watched.popen.wait()
    while watched.lives < 2:
        crew.tend()
    assert told == ["sleeper signal 9"]
    assert watched.deaths == ["signal 9"]
    assert watched.popen.pid != first
    crew.kill_all()


def test_what_keeps_dying_ends_the_demonstration(tmp_path: Path) -> None:
    crew = Crew(tmp_path, {})
    crew.start("broken", ["/bin/sh", "-c", "echo my last words; exit 3"])
    with pytest.raises(DemoError, match=r"broken died 3 times .* my last words"):
        tend_for_ever(crew)


def tend_for_ever(crew: Crew) -> None:
    while True:
        crew.tend()


def test_keep_refuses_a_folder_with_something_in_it(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    said = subprocess.run(
        [sys.executable, "-m", "demo", "--keep", str(tmp_path)],
        env={"PYTHONPATH": str(CHECKOUT / "provisioning"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 2
    assert "name a new or an empty folder" in said.stderr
