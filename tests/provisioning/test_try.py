"""The demonstration itself: a whole site on real parts, a half minute of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sp_children

CHECKOUT = Path(__file__).parents[2]
STANDPIPE = Path(sys.executable).with_name("standpipe")

pytestmark = pytest.mark.timeout(300)


def environment(tmp: Path) -> dict[str, str]:
    """English, no colours, and a folder for its temporary things that can be looked at afterwards."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG"))}
    return {**kept, "LANG": "C", "TMPDIR": str(tmp), "PYTHONPATH": str(CHECKOUT / "provisioning")}


@pytest.mark.long
def test_nothing_is_missing_after_the_whole_of_it(tmp_path: Path) -> None:
    said = _run(tmp_path, "sh", str(CHECKOUT / "provisioning/try.sh"))
    assert said.returncode == 0, said.stdout + said.stderr
    assert "1 gap(s) over 10 s" in said.stdout


def test_nothing_is_missing_and_what_is_kept_can_be_checked(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    said = _run(tmp_path, "sh", str(CHECKOUT / "provisioning/try.sh"), "--fast", "--keep", str(kept))
    assert said.returncode == 0, said.stdout + said.stderr
    for seen in ("door pump-house-door opened", "FAILED TO START", "relay siren -> ON", "broker is dead", "salvaged"):
        assert seen in said.stdout
    assert "/ 0 missing / 0 double" in said.stdout
    assert "2 wanted / 2 sent / 2 with equal hashes" in said.stdout
    checked = _run(
        tmp_path, str(STANDPIPE), "journal", "check", "--site", f"{kept}/site.toml", "--data", f"{kept}/board"
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert not list(tmp_path.glob("standpipe-*")), "nothing is left but what was to be kept"


def _run(tmp: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment(tmp),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_ctrl_c_tidies_up(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with out.open("wb") as said:
        demo = subprocess.Popen([sys.executable, "-m", "demo", "--fast"], env=environment(tmp_path), stdout=said)
    deadline = time.monotonic() + 60
    while b"everything is up" not in out.read_bytes():
        assert demo.poll() is None, out.read_text()
        assert time.monotonic() < deadline, out.read_text()
        time.sleep(0.1)
    mine = {pid for pid, line in sp_children.alive().items() if "standpipe-run" in line or "standpipe-try" in line}
    assert len(mine) >= 6
    demo.send_signal(signal.SIGINT)
    assert demo.wait(30) == 130
    assert not mine & set(sp_children.alive())
    assert not list(tmp_path.glob("standpipe-*"))
