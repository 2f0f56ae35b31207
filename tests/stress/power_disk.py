"""The disk of tests/stress/power_cuts.py: two file systems that lose, in one instant, all that had not reached it."""

import fcntl
import os
import subprocess
from pathlib import Path

from tests.fakes import wait_until

#: Of each file system; XFS takes no less than 300.
HALF_MB = 320
_FICLONE = 0x40049409  # linux/fs.h
_MB = 1 << 20


class NoDiskError(Exception):
    """Why there can be no such disk here."""


class PowerDisk:
    """Two file systems, `drop` and `data`, on the halves of one file that can be cloned at any instant.

    The file lies on an XFS of its own. A clone is taken in one step between two writes of the loop devices: it holds
    what the file systems had sent to their disk by then, of both the same instant, and nothing of their page caches.
    """

    def __init__(self, folder: Path, kind: str, places: tuple[Path, Path]) -> None:
        """`kind`: ext4 or xfs; `places`: where the two are mounted. NoDiskError where that cannot be done here."""
        self._host, self._places = folder / "host", places
        self._number = 0
        self._devices: list[str] = []
        self._host_device = ""
        for program in ("losetup", "mount", "mkfs.xfs", f"mkfs.{kind}"):
            if subprocess.run(["which", program], capture_output=True).returncode:
                raise NoDiskError(f"{program} is not here")
        try:
            self._make_host(folder / "host.img")
            self._file.touch()
            os.truncate(self._file, 2 * HALF_MB * _MB)
            self._attach()
            for device in self._devices:
                _run(f"mkfs.{kind}", "-q", device)
            self._mount()
        except NoDiskError:
            self.close()
            raise

    @property
    def _file(self) -> Path:
        return self._host / f"disk-{self._number}.img"

    def snapshot(self) -> None:
        """Take what a power cut at this instant would leave. `cut` goes on with it."""
        with self._file.open("rb") as now, (self._host / "next.img").open("wb") as then:
            fcntl.ioctl(then, _FICLONE, now.fileno())

    def cut(self) -> None:
        """Go back to the snapshot, as after the power is back. Nothing may use the file systems meanwhile."""
        self._detach()
        self._file.unlink()
        self._number += 1
        (self._host / "next.img").rename(self._file)
        self._attach()
        self._mount()

    def close(self) -> None:
        """Take everything away."""
        self._detach(force=True)
        if self._host_device:
            subprocess.run(["umount", "-l", str(self._host)], capture_output=True)
            subprocess.run(["losetup", "-d", self._host_device], capture_output=True)

    def _make_host(self, file: Path) -> None:
        file.touch()
        os.truncate(file, 8 * HALF_MB * _MB)  # sparse: it takes what is written
        self._host.mkdir()
        self._host_device = _run("losetup", "--find", "--show", str(file))
        _run("mkfs.xfs", "-q", "-m", "reflink=1", self._host_device)
        _run("mount", self._host_device, str(self._host))

    def _attach(self) -> None:
        for half in range(2):
            offset, size = str(half * HALF_MB * _MB), str(HALF_MB * _MB)
            options = ["--find", "--show", "--offset", offset, "--sizelimit", size]
            self._devices.append(_run("losetup", *options, str(self._file)))

    def _mount(self) -> None:
        for device, place in zip(self._devices, self._places, strict=True):
            place.mkdir(exist_ok=True)
            _run("mount", device, str(place))

    def _detach(self, force: bool = False) -> None:
        for place in self._places:
            if force:
                subprocess.run(["umount", "-l", str(place)], capture_output=True)
            elif os.path.ismount(place):  # those who used it may still be ending
                wait_until(lambda place=place: _unmounted(place))  # type: ignore[misc]
        for device in self._devices:
            subprocess.run(["losetup", "-d", device], capture_output=True)
        self._devices.clear()


def _unmounted(place: Path) -> bool:
    return subprocess.run(["umount", str(place)], capture_output=True).returncode == 0


def _run(*command: str) -> str:
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        raise NoDiskError(f"{' '.join(command)}: {ran.stderr.strip()}")
    return ran.stdout.strip()
