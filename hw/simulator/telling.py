"""What happens on the simulated board, told line by line while it happens, in English or Chinese.

A stopped or slow terminal must not stop the world: lines go through a bounded queue to a thread, and what does not
fit is left out and counted.
"""

from __future__ import annotations

import queue
import threading
import time
import unicodedata
from typing import TextIO

from hw.simulator.board import News

QUEUE_MAX = 1_000
SECOND_NS = 1_000_000_000
WHO_COLUMNS = 24
STATE_COLUMNS = 16

# (what, state) -> (en, zh)
WORDS = {
    ("contact", "closed"): ("closes", "闭合"),
    ("contact", "open"): ("opens", "断开"),
    ("contact", "high"): ("goes high", "变高"),
    ("contact", "low"): ("goes low", "变低"),
    ("relay", "energised"): ("ENERGISED", "吸合"),
    ("relay", "released"): ("released", "释放"),
    ("relay", "floating"): ("floats", "悬空"),
    ("panel", "came"): ("panel connects", "控制进程接入"),
    ("panel", "gone"): ("panel is gone", "控制进程退出"),
    ("camera", "cut"): ("camera cut", "摄像机断线"),
    ("camera", "mend"): ("camera mended", "摄像机恢复"),
    ("camera", "freeze"): ("camera frozen", "摄像机画面停滞"),
    ("analog", "reads"): ("reads", "读数"),
    ("wire", "well"): ("wires mended", "线路修复"),
    ("wire", "open"): ("wire BROKEN", "线路断开"),
    ("wire", "short"): ("wires SHORTED", "线路短路"),
    ("wire", "ground"): ("wire leaks to GROUND", "线路接地"),
    ("wire", "crossed"): ("pairs CROSSED", "线对交叉"),
    ("wire", "bridged"): ("wires TOUCH", "线间搭接"),
    ("chatter", "starts"): ("chatters", "抖动开始"),
    ("chatter", "ends"): ("is still", "抖动结束"),
    ("edges", "lost"): ("loses edges", "丢失边沿"),
    ("scenario", "waits"): ("waits for a panel", "等待控制进程"),
    ("scenario", "begins"): ("begins", "开始"),
    ("scenario", "ends"): ("is over", "结束"),
    ("trouble", "failed"): ("FAILED", "失败"),
    ("trouble", "refused"): ("REFUSED", "拒绝"),
}
LEVELS = {0: ("low", "低"), 1: ("high", "高"), None: ("floating", "悬空")}
WHO = {"scenario": ("scenario", "剧本"), "panel": ("process {}", "进程 {}"), "edges": ("process {}", "进程 {}")}
LEFT_OUT = ("{} lines left out: the terminal did not take them", "省略 {} 行：终端来不及显示")


def in_words(news: News, language: str = "en") -> str:
    """One line, without its time."""
    which = 1 if language.startswith("zh") else 0
    who = WHO.get(news.what, ("{}", "{}"))[which].format(news.who)
    state = WORDS[news.what, news.state][which]
    line = f"{news.pin} {LEVELS[news.level][which]}" if news.pin else ""
    detail = " ".join(part for part in (line, news.detail) if part)
    return f"{_pad(who, WHO_COLUMNS)}  {_pad(state, STATE_COLUMNS)}  {detail}".rstrip()


def _pad(text: str, columns: int) -> str:
    """Filled up to `columns`; Chinese characters take two."""
    return text + " " * (columns - sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text))


class Teller:
    """Writes news to a stream with the seconds since it was made. `close` writes what is still queued."""

    def __init__(self, stream: TextIO, language: str) -> None:
        self._stream = stream
        self._language = language
        self._start_ns = time.monotonic_ns()
        self._lines: queue.Queue[str | None] = queue.Queue(QUEUE_MAX)
        self._left_out = 0
        self._thread = threading.Thread(target=self._write, name="telling", daemon=True)
        self._thread.start()

    def tell(self, news: News) -> None:
        """Queue one line; never waits."""
        seconds = (time.monotonic_ns() - self._start_ns) / SECOND_NS
        line = f"{seconds:10.3f} s  {in_words(news, self._language)}"
        try:
            if self._left_out:
                self._lines.put_nowait(self._says_left_out())
                self._left_out = 0
            self._lines.put_nowait(line)
        except queue.Full:
            self._left_out += 1

    def close(self) -> None:
        """Write what is queued, within a second."""
        if not self._thread.is_alive():
            return
        try:
            self._lines.put(None, timeout=1)
        except queue.Full:
            return
        self._thread.join(timeout=1)

    def _says_left_out(self) -> str:
        return " " * 14 + LEFT_OUT[self._language.startswith("zh")].format(self._left_out)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                print(line, file=self._stream, flush=True)
            except (OSError, ValueError):  # nobody looks any more: the world goes on without being told
                return
