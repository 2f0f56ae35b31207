"""Holds what is known of the disk: a network share is told from a disk, and too little room is said with numbers."""

from pathlib import Path

import pytest

from inspector.host import disk

MOUNTS = """22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/strip\\040data rw - nfs4 server:/export rw
31 22 0:41 / /mnt/share rw shared:2 master:1 - cifs //server/share rw
32 31 8:2 / /mnt/share/local rw - xfs /dev/sdb1 rw
33 22 0:42 / /mnt/home rw - fuse.sshfs me@host: rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/inspector", ""),
        ("/mnt/strip data/line-1", "nfs4"),
        ("/mnt/share", "cifs"),
        ("/mnt/share/line/data", "cifs"),
        ("/mnt/share/local/data", ""),
        ("/mnt/shared", ""),
        ("/mnt/home/data", "fuse.sshfs"),
    ],
)
def test_a_network_share_is_told_from_a_disk_of_this_machine(tmp_path: Path, folder: str, kind: str) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)

    assert disk.network_file_system(Path(folder), tmp_path / "mountinfo") == kind


def test_this_machine_can_be_asked(tmp_path: Path) -> None:
    assert disk.network_file_system(tmp_path) == ""
    assert disk.free_bytes(tmp_path) > 0
    assert disk.low(tmp_path, 0) == ""
    assert "MB free, less than disk.min_free_mb (900000000)" in disk.low(tmp_path, 900_000_000)
