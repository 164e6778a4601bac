"""The commissioning sheet in a real browser: one page of A4 on paper, nothing cut off on a telephone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from agent.cli.place import Place
from agent.cli.sheet import Signed, sheet

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
S, BEGAN = 1_000_000_000, 1_795_360_000_000_000_000
MEASURE = """
<script>
const lines = one => {
  const all = document.createRange(); all.selectNodeContents(one); return all.getClientRects().length };
addEventListener("load", () => {
  const cells = [...document.querySelectorAll("td, th, h1, dd")].filter(one => one.offsetParent);
  const told = { wide: document.documentElement.scrollWidth, window: innerWidth,
    cut: cells.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent),
    broken: cells.filter(one => /^\\d\\d:\\d\\d:\\d\\d$/.test(one.textContent) && lines(one) > 1)
      .map(one => one.textContent),
    ticks: document.querySelectorAll("i.done").length };
  const pre = document.createElement("pre");
  pre.id = "told"; pre.textContent = JSON.stringify(told); document.body.append(pre);
})</script>
"""


@pytest.fixture
def browser() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium here: sh tests/run.sh installs chromium-headless-shell on Debian")
    return found


def run(browser: str, folder: Path, *arguments: str) -> str:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    done = subprocess.run([browser, *flags, *arguments], capture_output=True, text=True, timeout=90, check=True)
    return done.stdout


def point(number: int, *, tripped: bool = True) -> dict[str, Any]:
    return {
        "id": f"pump-house-point-{number}",
        "name": "Door <north> & 泵房大门",
        "kind": "contact",
        "pin": "BOARD11",
        "line": "GPIO17",
        "contact": "normally-closed",
        "bias": "pull-up",
        "class": "supervisory",
        "tripped_ns": BEGAN + number * S if tripped else None,
        "returned_ns": BEGAN + (number + 1) * S if tripped else None,
    }


def record(*, points: int = 5, left: bool = False) -> dict[str, Any]:
    value = {
        "id": "suction",
        "name": "吸水压力",
        "pin": "ADC1.0",
        "unit": "bar",
        "zero_milli": 0,
        "full_milli": 16_000,
        "least_milli": None if left else 1980,
        "most_milli": None if left else 4310,
        "fault": "below" if left else "",
        "moved_ns": None if left else BEGAN,
    }
    relay = {
        "id": "siren",
        "pin": "GPIO23",
        "line": "GPIO23",
        "active": "high",
        "rest": "released",
        "tested_ns": BEGAN,
        "ok": not left,
        "readback": "missing" if left else "seen",
        "heard_ns": None if left else BEGAN,
    }
    camera = {
        "id": "pump-room",
        "purpose": "watch the fire pumps",
        "picture_ns": BEGAN,
        "seen_ns": None if left else BEGAN,
        "seen_by": "" if left else "anna",
        "shown_ns": None if left else BEGAN,
    }
    made = [point(number, tripped=not (left and number == 0)) for number in range(points)]
    return {
        "v": 2,
        "site": "plant-3",
        "board": "pump-house",
        "epoch": "dd15de30-9897-4d0d-b9ff-f7c6f1f9a9ab",
        "from_seq": 1,
        "to_seq": 400,
        "head": "ab" * 32,
        "began_ns": BEGAN,
        "ended_ns": BEGAN + 1500 * S,
        "clock": "rtc" if left else "synced",
        "technician": "张伟 Zhang Wei",
        "points": made,
        "values": [value],
        "relays": [relay],
        "cameras": [camera],
        "left": ["pump-house-point-0", "suction", "siren", "pump-room"] if left else [],
    }


def written(folder: Path, language: str, one: dict[str, Any], more: str = "") -> str:
    signed = Signed("9f" * 32, "" if one["left"] else "anna", "" if one["left"] else "5d9c68c6", "MEUCIQDx" * 11)
    file = folder / "sheet.html"
    file.write_text(sheet(one, signed, Place(language, None)) + more, encoding="utf-8")
    return file.as_uri()


def pages(pdf: Path) -> int:
    """Pages of a PDF, in the open or in its compressed objects."""
    data = pdf.read_bytes()
    streams = [data]
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
        try:
            streams.append(zlib.decompress(stream))
        except zlib.error:
            continue  # not a compressed one
    return sum(len(re.findall(rb"/Type\s*/Page\b(?!s)", stream)) for stream in streams)


@pytest.mark.parametrize(
    ("language", "points", "left", "wanted"), [("en", 5, False, 1), ("zh-CN", 5, True, 1), ("zh-CN", 60, False, 4)]
)
def test_on_paper(browser: str, tmp_path: Path, language: str, points: int, left: bool, wanted: int) -> None:
    address = written(tmp_path, language, record(points=points, left=left))
    run(browser, tmp_path, f"--print-to-pdf={tmp_path / 'sheet.pdf'}", "--no-pdf-header-footer", address)
    assert pages(tmp_path / "sheet.pdf") == wanted


@pytest.mark.parametrize(
    ("language", "left", "width"), [("en", True, 420), ("zh-CN", True, 420), ("zh-CN", False, 1000)]
)
def test_on_a_screen_nothing_is_cut_off(browser: str, tmp_path: Path, language: str, left: bool, width: int) -> None:
    address = written(tmp_path, language, record(left=left), MEASURE)
    shown = run(browser, tmp_path, "--dump-dom", f"--window-size={width},1400", address)
    found = re.search(r'<pre id="told">(.*?)</pre>', shown)
    assert found is not None, shown[:500]
    told = json.loads(found[1].replace("&lt;", "<").replace("&amp;", "&"))
    assert told["wide"] <= told["window"], told
    assert (told["cut"], told["broken"]) == ([], [])
    assert told["ticks"] == (4 if left else 8)
