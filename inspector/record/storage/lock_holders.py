"""Owns the list of other processes with a lock on the record, from the kernel: those that must end first."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from inspector.record.storage.file_set import INDEX

_LOCKS = Path("/proc/locks")
#: Bytes of the index that SQLite locks: the first while it writes, one of the range while it reads.
_WRITES, _READS = 120, range(123, 128)


class Holder(NamedTuple):
    """A process that holds a lock."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"process {self.pid}" + (f" ({self.name})" if self.name else "")


def readers(record: Path) -> set[Holder]:
    """Return the processes that read the record now: what they read in the log cannot be removed from it."""
    index = record.with_name(f"{record.name}{INDEX}")
    return {_holder(pid) for pid, _, first, last in _locks(index) if any(first <= byte <= last for byte in _READS)}


def writers(record: Path) -> set[Holder]:
    """Return the processes that write to the record now, or have locked it exclusively."""
    index = record.with_name(f"{record.name}{INDEX}")
    writing = {pid for pid, kind, first, last in _locks(index) if kind == "WRITE" and first <= _WRITES <= last}
    alone = {pid for pid, kind, *_ in _locks(record) if kind == "WRITE"}
    return {_holder(pid) for pid in writing | alone}


def named(holders: Iterable[Holder], record: Path) -> str:
    """Return the names of the holders for a message; without holders, how to find them."""
    names = ", ".join(str(one) for one in sorted(holders))
    return names or f"some process (`fuser -v {record}*` shows which)"


def _locks(path: Path) -> Iterator[tuple[int, str, int, int]]:
    """Yield process, kind, first and last byte of each lock of others on the file; none if the kernel hides them."""
    try:
        number = path.stat().st_ino
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return
    for line in lines:  # proc(5): "1: POSIX  ADVISORY  WRITE 708 08:03:1548 0 EOF"; of one that waits "1: -> POSIX …"
        fields = line.split()
        if len(fields) != 8 or fields[1] != "POSIX" or not fields[5].endswith(f":{number}"):
            continue
        pid, first, last = int(fields[4]), int(fields[6]), fields[7]
        if pid > 0 and pid != os.getpid():
            yield pid, fields[3], first, 2**62 if last == "EOF" else int(last)


def _holder(pid: int) -> Holder:
    try:
        return Holder(pid, Path(f"/proc/{pid}/comm").read_text(errors="replace").strip())
    except OSError:  # the process of another user, with /proc mounted with hidepid
        return Holder(pid, "")
