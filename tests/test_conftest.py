"""The tests' own house rules: what --long changes, and that no process outlives a run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sp_children

TESTS = Path(__file__).parent

LEAVES_ONE = """
import subprocess
def test_it():
    subprocess.Popen(["sh", "-c", "sleep 77 & exec true"]).wait()
"""
LONG = """
import pytest
@pytest.mark.long
def test_long(): pass
def test_rounds(rounds): assert rounds(2, 50) == EXPECTED
"""


def run(place: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """pytest on one file of its own, under this conftest."""
    shutil.copy(TESTS / "conftest.py", place)
    shutil.copytree(TESTS / "support", place / "support", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TESTS.parent / "pyproject.toml", place)
    (place / "test_inner.py").write_text(text)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--rootdir",
            str(place),
            "-c",
            str(place / "pyproject.toml"),
            *options,
            str(place),
        ],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST")},
    )


def test_a_process_left_behind_fails_the_run_by_name_and_is_ended(tmp_path: Path) -> None:
    said = run(tmp_path, LEAVES_ONE)
    assert said.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_inner.py::test_it - left a process behind" in said.stdout
    assert "sleep 77" in said.stdout
    assert "sleep 77" not in sp_children.alive().values()


def test_a_process_that_was_waited_for_is_none_left_behind(tmp_path: Path) -> None:
    said = run(tmp_path, LEAVES_ONE.replace("sleep 77 & ", ""))
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize(
    ("options", "outcome", "rounds"), [((), "1 passed, 1 skipped", 2), (("--long",), "2 passed", 50)]
)
def test_long_runs_everything_and_more_rounds(
    tmp_path: Path, options: tuple[str, ...], outcome: str, rounds: int
) -> None:
    said = run(tmp_path, LONG.replace("EXPECTED", str(rounds)), *options)
    assert said.returncode == 0, said.stdout
    assert outcome in said.stdout
