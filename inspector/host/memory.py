"""Owns what is known of memory: how much is free here, and how much a process takes."""

import re
from contextlib import suppress
from pathlib import Path


def free_bytes(meminfo: Path = Path("/proc/meminfo"), group: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes that processes may still take: on this machine, and within the limit of a container."""
    free = int(_found(meminfo, r"MemAvailable:\s*(\d+) kB") or 0) * 1024
    with suppress(OSError, ValueError):  # no limit, or no such file
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        reclaimable = int(_found(group / "memory.stat", r"\binactive_file (\d+)") or 0)
        free = min(free, max(0, limit - used + reclaimable))
    return free


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process had so far; 0 if it is gone."""
    return int(_found(Path(f"/proc/{pid}/status"), r"VmHWM:\s*(\d+) kB") or 0) * 1024


def _found(path: Path, pattern: str) -> str:
    try:
        found = re.search(pattern, path.read_text())
    except OSError:
        return ""
    return found[1] if found else ""
