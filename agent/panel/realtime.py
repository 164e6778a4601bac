"""What keeps the alarm loop prompt beside everything else on a small board."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import sys
import threading
from pathlib import Path

log = logging.getLogger(__name__)

PRIORITY = 10  # of 99, SCHED_FIFO: before everything of ours and the system's, behind the kernel's own threads
SWITCH_S = 0.0005  # a busy Python thread beside the loop: p99 13.5 -> 1.2 ms
STACK_BYTES = 512 * 1024
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


def prepare() -> None:
    """Before threads start: short switches, small stacks, memory that stays in memory once it was touched, and a
    processor before all others, for all threads (design/0019); a kernel that refuses changes nothing."""
    sys.setswitchinterval(SWITCH_S)
    threading.stack_size(STACK_BYTES)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) != 0:
        log.info("memory is not locked (%s): LimitMEMLOCK=infinity lets it be", os.strerror(ctypes.get_errno()))
    try:
        for task in Path("/proc/self/task").iterdir():  # that of the log has begun already, and holds Python's lock too
            os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError as error:
        log.info("the panel is not real-time (%s): LimitRTPRIO=%d lets it be", error.strerror, PRIORITY)


def settle() -> None:
    """After start: what was loaded stays, the garbage collector need not look at it again."""
    gc.collect()
    gc.freeze()
