"""Logging: one line a message on stderr (journald adds the time), passwords out, and never a blocked caller."""

from __future__ import annotations

import atexit
import contextlib
import logging
import logging.handlers
import os
import queue
import sys

from agent.runtime.redact import redact

QUEUE_MAX = 1000


class _Format(logging.Formatter):
    """`panel: text`, with a time where no journald adds one; redacted last, exceptions included."""

    def __init__(self, process: str) -> None:
        when = "" if os.environ.get("JOURNAL_STREAM") else "%(asctime)s "
        super().__init__(f"{when}{process}: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _Lossy(logging.handlers.QueueHandler):
    """Drops a message rather than wait: a full pipe to the log must not hold up an alarm."""

    def enqueue(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(queue.Full):  # losing a log line is the lesser evil: facts are in the journal
            self.queue.put_nowait(record)

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record  # the listener is in this process: no need to format here


def setup(process: str) -> None:
    """Log to stderr through a bounded queue from now on. STANDPIPE_LOG=debug for more."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(_Format(process))
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(QUEUE_MAX)
    listener = logging.handlers.QueueListener(waiting, stream)
    listener.start()
    root = logging.getLogger()
    root.handlers = [_Lossy(waiting)]
    root.setLevel(logging.DEBUG if os.environ.get("STANDPIPE_LOG") == "debug" else logging.INFO)
    atexit.register(listener.stop)
