"""The ring: one mapped file in /run where the alarm loop notes what it has decided before it acts.

It is both the memory of a panel that is killed and the bounded queue of its journal writer.

Rules of this file:
- a note is records (rows to be journaled) and the panel's whole state, and it counts as a whole or not at all: records
  and state go where nothing valid lies, then one 8-byte number (`turn`) makes them valid. A kill -9 tears nothing, as
  the memory is the kernel's; checksums guard against everything else;
- one thread notes, one thread reads records and marks them committed; a record is overwritten only once it is marked;
- before the writer appends to the journal for the first time after a mark it puts down how far the journal reached
  (`attempt`). Records not marked after a kill may or may not be rows past that point: who replays looks there;
- the file is allocated in full when it is made, so that a full /run cannot turn a note into a SIGBUS.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

MAGIC = b"STPRING1"
SLOTS = 1024
SLOT_BYTES = 1024
STATE_BYTES = 512 * 1024
_HEADER_BYTES = 4096
_TURN, _MARKED, _ATTEMPT = 64, 128, 192
_NUMBER = struct.Struct("<Q")
_ATTEMPT_HEAD = struct.Struct("<QI36s")  # seq, crc, epoch
_STATE_HEAD = struct.Struct("<QQII")  # turn, last record, length, crc
_SLOT_HEAD = struct.Struct("<QIHH")  # record number, crc, length, 1 if the record goes on in the next slot
_ROOM = SLOT_BYTES - _SLOT_HEAD.size
_SLOTS_AT = _HEADER_BYTES + 2 * STATE_BYTES
SIZE = _SLOTS_AT + SLOTS * SLOT_BYTES


class RingBusy(Exception):  # noqa: N818 - a state of the world
    """Another panel holds the ring: two must never drive the same relays."""


class Record(NamedTuple):
    """One noted row. number: pass the last one dealt with to mark()."""

    number: int
    payload: bytes


class Ring:
    """Make it with `open` or `without_file`. state: of the last note before opening, b"" if there was none."""

    def __init__(self, memory: mmap.mmap, fd: int = -1) -> None:
        self._memory = memory
        self._fd = fd
        if memory[: len(MAGIC)] != MAGIC:
            memory[:_HEADER_BYTES] = bytes(_HEADER_BYTES)
            memory[: len(MAGIC)] = MAGIC
        self._turn = self._number(_TURN)
        self._marked = self._number(_MARKED)
        self._last, self.state = self._read_state()
        self.torn = 0  # records that were noted but cannot be read any more

    @classmethod
    def open(cls, path: Path) -> Ring:
        """Open or make the ring. RingBusy if another process has it, OSError if there is no room or right for it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(fd).st_size != SIZE:
                os.ftruncate(fd, 0)
            os.posix_fallocate(fd, 0, SIZE)
            return cls(mmap.mmap(fd, SIZE), fd)
        except BlockingIOError as error:
            os.close(fd)
            raise RingBusy(f"{path} is held by another panel: end it first (`standpipe status` names it)") from error
        except OSError:
            os.close(fd)
            raise

    @classmethod
    def without_file(cls) -> Ring:
        """A ring in this process's memory alone, where /run cannot be had: works, but a kill loses what it holds."""
        return cls(mmap.mmap(-1, SIZE))

    def close(self) -> None:
        """Let go. The file stays for the next panel. Safe to call twice."""
        if not self._memory.closed:
            self._memory.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # --- the alarm loop's side ---

    def room(self) -> int:
        """Free slots."""
        return SLOTS - (self._last - self._marked)

    def note(self, payloads: Sequence[bytes], state: bytes) -> bool:
        """Note rows and state, valid together on return. False, and the old note stands, if there is no room."""
        slots = [part for payload in payloads for part in _parts(payload)]
        if len(slots) > self.room() or len(state) > STATE_BYTES - _STATE_HEAD.size:
            return False
        last = self._last
        for part, more in slots:
            last += 1
            self._write_slot(last, part, more)
        turn = self._turn + 1
        at = _state_at(turn)
        head = _STATE_HEAD.pack(turn, last, len(state), zlib.crc32(state))
        self._memory[at : at + len(head) + len(state)] = head + state
        self._memory[_TURN : _TURN + 8] = _NUMBER.pack(turn)
        self._turn, self._last = turn, last
        return True

    def _write_slot(self, number: int, part: bytes, more: bool) -> None:
        at = _slot_at(number)
        head = _SLOT_HEAD.pack(number, zlib.crc32(part), len(part), more)
        self._memory[at : at + len(head) + len(part)] = head + part

    # --- the writer's side ---

    def waiting(self) -> int:
        """Slots noted and not yet marked."""
        return self._last - self._marked

    def pending(self, most: int) -> list[Record]:
        """Up to `most` records not yet marked, oldest first. Torn ones are left out and counted in `torn`."""
        found: list[Record] = []
        number, last, payload = self._marked, self._last, b""
        while number < last and len(found) < most:
            number += 1
            part, more = self._read_slot(number)
            if part is None:
                self.torn += 1
                payload = b""
                continue
            payload += part
            if not more:
                found.append(Record(number, payload))
                payload = b""
        return found

    def mark(self, number: int) -> None:
        """Records up to `number` are rows now. Ends the attempt."""
        self._memory[_MARKED : _MARKED + 8] = _NUMBER.pack(number)
        self._marked = number
        self._memory[_ATTEMPT : _ATTEMPT + _ATTEMPT_HEAD.size] = bytes(_ATTEMPT_HEAD.size)

    def attempt(self, epoch: str, seq: int) -> None:
        """The next records are about to be appended to a journal that reaches `seq`. Stands until mark()."""
        if self.attempted() is None:
            name = epoch.encode().ljust(36)[:36]
            block = _ATTEMPT_HEAD.pack(seq, zlib.crc32(_NUMBER.pack(seq) + name), name)
            self._memory[_ATTEMPT : _ATTEMPT + len(block)] = block

    def attempted(self) -> tuple[str, int] | None:
        """(epoch, seq) of an attempt that was not followed by a mark."""
        seq, crc, name = _ATTEMPT_HEAD.unpack_from(self._memory, _ATTEMPT)
        if zlib.crc32(_NUMBER.pack(seq) + name) != crc or not name.strip(b"\0 "):
            return None
        return name.decode("ascii", "replace").strip(), seq

    # --- reading back ---

    def reread(self) -> bytes:
        """The state as it lies in the ring now."""
        return self._read_state()[1]

    def _number(self, at: int) -> int:
        return int(_NUMBER.unpack_from(self._memory, at)[0])

    def _read_state(self) -> tuple[int, bytes]:
        """(last record, state) of the newest valid note; (marked, b"") if there is none."""
        for turn in (self._turn, self._turn - 1):
            found = self._read_state_of(turn) if turn > 0 else None
            if found is not None:
                return found
        return self._marked, b""

    def _read_state_of(self, turn: int) -> tuple[int, bytes] | None:
        at = _state_at(turn)
        noted, last, length, crc = _STATE_HEAD.unpack_from(self._memory, at)
        if noted != turn or length > STATE_BYTES - _STATE_HEAD.size or not 0 <= last - self._marked <= SLOTS:
            return None
        state = self._memory[at + _STATE_HEAD.size : at + _STATE_HEAD.size + length]
        return (last, state) if zlib.crc32(state) == crc else None

    def _read_slot(self, number: int) -> tuple[bytes | None, bool]:
        at = _slot_at(number)
        noted, crc, length, more = _SLOT_HEAD.unpack_from(self._memory, at)
        if noted != number or length > _ROOM:
            return None, False
        part = self._memory[at + _SLOT_HEAD.size : at + _SLOT_HEAD.size + length]
        return (part, bool(more)) if zlib.crc32(part) == crc else (None, False)


def slots_of(payload: bytes) -> int:
    """How many slots a record of this size takes."""
    return max(1, -(-len(payload) // _ROOM))


def _parts(payload: bytes) -> list[tuple[bytes, bool]]:
    cuts = range(0, max(len(payload), 1), _ROOM)
    return [(payload[at : at + _ROOM], at + _ROOM < len(payload)) for at in cuts]


def _slot_at(number: int) -> int:
    return _SLOTS_AT + (number - 1) % SLOTS * SLOT_BYTES


def _state_at(turn: int) -> int:
    return _HEADER_BYTES + turn % 2 * STATE_BYTES
