"""Holds a running line through faults of its surroundings: share gone, engine hung or crashed, sink held, clock set."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import Line, running, wait_until
from tests.inspector.folders import GOOD, below, claimed


def drop(line: Line, first: int, count: int) -> None:
    """Drop pictures."""
    for number in range(first, first + count):
        (line.drop / f".{number}").write_bytes(GOOD)
        (line.drop / f".{number}").rename(line.drop / f"{number}.bmp")


def all_once(line: Line, count: int) -> None:
    """Every picture is on record once, in done/, and the sums are right."""
    assert sorted(record.name for record in line.records()) == sorted(f"{number}.bmp" for number in range(count))
    assert below(line.drop / "done") == sorted(f"{number}.bmp" for number in range(count))
    assert claimed(line.drop) == []
    (account,) = line.account()
    assert account["balanced"], account


class Share:
    """A file system of its own that can be mounted on the drop folder and taken away."""

    def __init__(self, folder: Path) -> None:
        self._disk = folder / "disk"
        self._place = folder / "drop"
        for path in (self._disk, self._place):
            path.mkdir()
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", self._disk], capture_output=True)
        if made.returncode:
            pytest.skip(f"nothing can be mounted here: {made.stderr.decode().strip()}")

    def mount(self) -> None:
        """It is there."""
        subprocess.run(["mount", "--bind", self._disk, self._place], check=True)

    def unmount(self) -> None:
        """It is gone, whoever has files open."""
        subprocess.run(["umount", "-l", self._place], check=True)

    def close(self) -> None:
        """Take all of it away."""
        subprocess.run(["umount", "-l", self._place], capture_output=True)
        subprocess.run(["umount", "-l", self._disk], check=True)


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Share]:
    """A share that is mounted on the drop folder."""
    made = Share(tmp_path)
    made.mount()
    yield made
    made.close()


def test_a_share_unmounted_under_load_is_told_touched_by_nobody_and_taken_up_when_it_is_back(
    tmp_path: Path, share: Share
) -> None:
    source = {"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "settle_ms": 0, "rescan_s": 0.2}
    line = Line(tmp_path, [source], delivery={"in_flight_frames": 64})
    drop(line, 0, 400)
    with running(line):
        # Given a line in the middle of its work
        line.wait_for_records(50)
        # When the share goes, then readiness says so, and the bare mount point stays bare
        share.unmount()
        wait_until(lambda: "source drop: lost: " in line.page("readyz"), line.explain)
        wait_until(lambda: "not mounted" in line.page("readyz"), line.explain)
        assert list(line.drop.iterdir()) == []
        # When it is back, then the line goes on by itself
        share.mount()
        drop(line, 400, 100)
        line.wait_for_records(500)
        wait_until(lambda: '"ready": true' in line.page("readyz"), line.explain)
        wait_until(lambda: len(below(line.drop / "done")) == 500, line.explain)
        assert line.stop() == 0
    all_once(line, 500)
    assert any(gap["reason"].startswith("source_down") for gap in line.account()[0]["gaps"]), line.account()
