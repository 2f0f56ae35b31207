"""Owns what is known of the disk under a folder: the room left on it, and whether it is in this machine."""

import os
import re
from pathlib import Path

#: Network file systems, by the kernel's names. SQLite relies on locks and shared memory, which do not work on them, or
#: only seem to.
_NETWORK = re.compile(r"nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|glusterfs|lustre|fuse\.(sshfs|rclone|s3fs|glusterfs)")


def free_bytes(folder: Path) -> int:
    """Return the bytes that a process without privileges may still use. Raise OSError if there is no such folder."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def low(folder: Path, min_free_mb: int) -> str:
    """Return why there is too little room for evidence; empty if there is enough."""
    free_mb = free_bytes(folder) / 1e6
    if free_mb >= min_free_mb:
        return ""
    return f"{free_mb:.0f} MB free, less than disk.min_free_mb ({min_free_mb}): no evidence is kept"


def network_file_system(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """Return the kind of network file system that the folder is on; empty if it is on a disk of this machine."""
    kinds = {}
    for line in mounts.read_text().splitlines():  # proc(5): "36 35 98:0 / /mnt rw - ext3 /dev/root rw"
        place, _, kind = line.partition(" - ")
        kinds[Path(re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), place.split()[4]))] = kind.split()[0]
    folder = folder.resolve()
    mounted = next(place for place in (folder, *folder.parents) if place in kinds or place == Path("/"))
    kind = kinds.get(mounted, "")
    return kind if _NETWORK.fullmatch(kind) else ""
