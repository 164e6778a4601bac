"""What is given back to the kernel: code that only a start runs, and nothing that cannot be read again."""

from __future__ import annotations

import subprocess
import sys

from agent.recorder.memory import _clean

SMAPS = """\
00400000-00500000 r-xp 00001000 fe:00 7      /lib/a b.so
Rss:                 100 kB
Anonymous:             0 kB
Swap:                  0 kB
00500000-00600000 r--p 00001000 fe:00 7      /lib/a b.so
Rss:                 200 kB
Anonymous:             4 kB
Swap:                  0 kB
00600000-00700000 rw-p 00001000 fe:00 7      /lib/a b.so
Rss:                 300 kB
Anonymous:             0 kB
Swap:                  0 kB
00700000-00800000 r--p 00000000 00:00 0
Rss:                 400 kB
Anonymous:             0 kB
Swap:                  0 kB
00800000-00900000 r--s 00000000 fe:00 8      /data/journal.db-shm
Rss:                 500 kB
Anonymous:             0 kB
Swap:                  0 kB
00900000-00a00000 r--p 00001000 fe:00 9      /lib/c.so
Rss:                   0 kB
Anonymous:             0 kB
Swap:                  0 kB
00a00000-00b00000 r-xp 00000000 00:00 0      [vdso]
Rss:                   4 kB
Anonymous:             0 kB
Swap:                  0 kB
00b00000-00c00000 r--p 00001000 fe:00 9      /lib/c.so
Rss:                   4 kB
Anonymous:             0 kB
Swap:                  4 kB
ffffff00-fffffff0 r--p 00001000 fe:00 9      /lib/c.so
Rss:                  12 kB
Pss:                  12 kB
Anonymous:             0 kB
Swap:                  0 kB
"""
PROGRAM = """
from agent.recorder import looking, memory

def mapped_kib():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssFile"))

before = mapped_kib()
gone = memory.let_go_of_start()
after = mapped_kib()
import av, cv2, hashlib, numpy, sqlite3
frame = av.VideoFrame.from_ndarray(numpy.full((90, 64), 200, numpy.uint8), format="gray")
told = [cv2.mean(cv2.resize(frame.to_ndarray(), (8, 8)))[0], hashlib.sha256(b"").hexdigest()[:4]]
print(before, after, gone >> 10, sqlite3.connect(":memory:").execute("select 1").fetchone(), *told)
"""


def test_only_what_can_be_read_from_its_file_again_goes() -> None:
    found = [(start, end, resident >> 10) for start, end, resident in _clean(SMAPS.splitlines())]
    assert found == [(0x400000, 0x500000, 100), (0xFFFFFF00, 0xFFFFFFF0, 12)]


def test_a_process_is_smaller_afterwards_and_all_works() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    before, after, gone, *told = done.stdout.split(maxsplit=3)
    assert told == ["(1,) 200.0 e3b0\n"]
    assert int(after) < int(before) / 3, "and code that runs just now is back already"
    assert int(gone) > int(before) / 2
