"""Clock, workers, watchdog, logging, secrets, status: what every process stands on."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.runtime import logs, redact, status
from agent.runtime.clock import SystemClock, boot_id, mono_ns
from agent.runtime.notify import NotifyError, notifier
from agent.runtime.paths import Paths
from agent.runtime.secrets import Secrets, SecretsError

ROOT = Path(__file__).parents[3]


def test_stamp_is_now_in_this_boot() -> None:
    before = mono_ns(), time.time_ns()
    stamp = SystemClock().stamp()
    assert before[0] <= stamp.mono_ns <= mono_ns()
    assert before[1] <= stamp.at_ns <= time.time_ns()
    assert stamp.boot == boot_id()
    assert stamp.clock in ("synced", "rtc")


def test_a_clock_never_set_says_so_and_a_simulated_step_steps_it(tmp_path: Path) -> None:
    offset = tmp_path / "offset"
    year_ns = 365 * 86_400 * 10**9
    clock = SystemClock(offset)
    assert clock.stamp().clock != "unset"
    offset.write_text(str(-30 * year_ns))
    assert clock.stamp().clock == "unset"
    offset.write_text(str(year_ns))
    assert clock.stamp().at_ns > time.time_ns() + year_ns - 10**9


_PROCESS = """
import os, sys, time
from agent.runtime.workers import Workers
import agent.runtime.logs as logs
logs.setup("demo")
workers = Workers("demo")
def well(tick):
    while not workers.stop.wait(0.02):
        tick()
def bad(tick):
    {bad}
workers.start("well", well)
workers.start("bad", bad, limit_s={limit})
sys.exit(workers.run(lambda: open(os.environ.get("MARK", os.devnull), "w").close()))
"""
_SYSTEMD = """
import os, socket
def notify(line):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.sendto(line.encode(), os.environ["NOTIFY_SOCKET"])
"""


def _process(bad: str, limit: str = "15", **env: str) -> subprocess.Popen[str]:
    code = _PROCESS.format(bad=bad, limit=limit)
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **env}, stderr=subprocess.PIPE, text=True
    )


def test_a_dead_thread_ends_its_process() -> None:
    process = _process("raise ValueError('broken on purpose')")
    assert "broken on purpose" in process.communicate(timeout=20)[1]
    assert process.returncode == 1


def test_a_thread_that_returns_ends_its_process() -> None:
    process = _process("return")
    assert "bad ended by itself" in process.communicate(timeout=20)[1]
    assert process.returncode == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(number: signal.Signals, tmp_path: Path) -> None:
    mark = tmp_path / "up"
    process = _process("workers.stop.wait()", limit="None", MARK=str(mark))
    deadline = time.monotonic() + 20
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 0


def _systemd(folder: Path) -> tuple[socket.socket, dict[str, str]]:
    """A notify socket, and a stand-in for systemd-python where it is not installed."""
    package = folder / "package" / "systemd"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "daemon.py").write_text(_SYSTEMD)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(folder / "notify"))
    listener.settimeout(20)
    path = f"{package.parent}:{ROOT}"
    return listener, {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "4000000", "PYTHONPATH": path}


def _until(listener: socket.socket, wanted: str) -> list[str]:
    seen: list[str] = []
    while wanted not in seen:
        seen.append(listener.recv(100).decode())
    return seen


def test_the_watchdog_is_fed_while_all_tick(tmp_path: Path) -> None:
    listener, env = _systemd(tmp_path)
    process = _process("workers.stop.wait()", limit="None", **env)
    assert _until(listener, "WATCHDOG=1")[0] == "READY=1"
    process.terminate()
    assert "STOPPING=1" in _until(listener, "STOPPING=1")
    process.communicate(timeout=20)
    assert process.returncode == 0
    listener.close()


def test_the_watchdog_starves_when_one_is_stuck(tmp_path: Path) -> None:
    listener, env = _systemd(tmp_path)
    process = _process("time.sleep(60)", limit="0.1", **env)
    assert _until(listener, "READY=1") == ["READY=1"]
    listener.settimeout(3)
    with pytest.raises(TimeoutError):
        listener.recv(100)
    process.kill()
    assert "thread bad has been stuck" in process.communicate()[1]
    listener.close()


def test_systemd_without_its_package_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere")
    monkeypatch.setitem(sys.modules, "systemd", None)
    with pytest.raises(NotifyError, match="apt install python3-systemd"):
        notifier()


def test_without_systemd_nothing_is_notified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert notifier()("READY=1") is None


# --- passwords ---


def test_credentials_come_from_a_private_file_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    assert Secrets.load(path).credentials("cam") is None
    path.write_text('[cam]\nuser = "viewer"\npassword = "s3cret/é"\n', encoding="utf-8")
    path.chmod(0o644)
    with pytest.raises(SecretsError, match="chmod 600"):
        Secrets.load(path)
    path.chmod(0o600)
    assert Secrets.load(path).credentials("cam") == ("viewer", "s3cret/é")


@pytest.mark.parametrize("text", ['[cam]\nuser = "x"\n', "cam = 5\n", "[cam\n", '[cam]\nuser = 1\npassword = "x"\n'])
def test_a_wrong_secrets_file_is_one_line_without_its_secret(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SecretsError) as caught:
        Secrets.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_logged_or_shown_holds_a_password(capfd: pytest.CaptureFixture[str]) -> None:
    redact.register("hunter2!/x")
    shown = redact.redact("open rtsp://viewer:hunter2!%2Fx@10.0.0.7/main failed; hunter2!/x; hunter2%21%2Fx")
    assert "hunter2" not in shown
    assert "10.0.0.7/main" in shown
    before = logging.getLogger().handlers
    try:
        logs.setup("cam")
        try:
            raise OSError("rtsp://viewer:hunter2!/x@10.0.0.7/main: refused")
        except OSError:
            logging.getLogger("x").exception("lost rtsp://viewer:other@10.0.0.7/main")
        for handler in logging.getLogger().handlers:
            handler.flush()
        deadline = time.monotonic() + 10
        text = ""
        while "refused" not in text and time.monotonic() < deadline:
            text += capfd.readouterr().err
    finally:
        logging.getLogger().handlers = before
    assert "lost rtsp://10.0.0.7/main" in text
    assert "refused" in text
    assert "hunter2" not in text
    assert "other@" not in text


# --- status ---


def test_status_is_replaced_whole_and_says_who_lives(tmp_path: Path) -> None:
    paths = Paths(run=tmp_path / "run")
    status.write(paths, "panel", {"state": "well"})
    status.write(paths, "panel", {"state": "ill"})
    strange = [
        "{",
        "[]",
        "[" * 100_000,
        '{"process": "x", "pid": "1", "mono_ns": "soon"}',
        '{"process": 1, "pid": 1, "mono_ns": 1}',
        f'{{"process": "x", "pid": {10**300}, "mono_ns": 1}}',
        f'{{"process": "x", "pid": 1, "mono_ns": {10**400}}}',
        "\xff",
    ]
    for number, text in enumerate(strange):
        (tmp_path / "run" / f"status-{number}.json").write_bytes(text.encode("latin-1"))
    found = status.read_all(paths)
    assert list(found) == ["panel"]
    assert (found["panel"]["state"], found["panel"]["alive"]) == ("ill", True)
    assert 0 <= found["panel"]["age_s"] < 60
