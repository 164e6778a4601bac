"""The panel's scheduling, as the kernel sees it, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from agent.panel.realtime import PRIORITY

SCRIPT = """
import json, logging, os, resource, sys, threading
logging.basicConfig(level=logging.INFO, format="%(message)s")
from agent.panel import realtime
if sys.argv[1] == "refused":
    resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
    if os.getuid() == 0:
        os.setuid(65534)
stop = threading.Event()
early = threading.Thread(target=stop.wait)
early.start()
realtime.prepare()
late = threading.Thread(target=stop.wait)
late.start()
tasks = [int(name) for name in os.listdir("/proc/self/task")]
print(json.dumps([[os.sched_getscheduler(t), os.sched_getparam(t).sched_priority] for t in tasks]))
stop.set()
"""


def _threads(how: str) -> tuple[list[list[int]], str]:
    """Policy and priority of three threads, one of them there before; what was logged."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, timeout=30, check=True)
    return json.loads(done.stdout), done.stderr


def test_all_threads_are_real_time_those_that_were_there_too() -> None:
    found, said = _threads("asked")
    if "not real-time" in said:
        pytest.skip(f"this kernel lets nobody here be real-time: {said.strip()}")
    assert found == [[os.SCHED_FIFO, PRIORITY]] * 3


def test_refused_it_says_so_and_goes_on() -> None:
    found, said = _threads("refused")
    assert found == [[os.SCHED_OTHER, 0]] * 3
    assert f"the panel is not real-time (Operation not permitted): LimitRTPRIO={PRIORITY} lets it be" in said
