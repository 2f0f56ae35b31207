"""Holds the line on a small disk that fills: evidence stops first, records go on, nothing is lost, all of it heals."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from inspector.host.disk_reserve import Reserve
from tests.fakes import Line, running, wait_until
from tests.inspector.pictures import strip

DISK_MB = 48


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A small disk."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounting.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounting.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, leave: int = 0) -> None:
    """Somebody else fills the disk."""
    with (disk / "ballast").open("ab") as file:
        while (free := os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize) > leave:
            try:
                file.write(bytes(min(free - leave, 1 << 20)))
                file.flush()
            except OSError:
                return


def drop(line: Line, first: int, count: int) -> None:
    """Drop pictures."""
    line.drop.mkdir(exist_ok=True)
    for number in range(first, first + count):
        cv2.imwrite(str(line.drop / f".{number}.bmp"), strip(seed=number % 7))
        (line.drop / f".{number}.bmp").rename(line.drop / f"{number}.bmp")


def test_a_disk_that_fills_stops_evidence_then_takes_the_reserve_and_loses_nothing(tmp_path: Path, small: Path) -> None:
    line = Line(
        tmp_path, data=str(small / "data"), disk={"min_free_mb": 12}, evidence={"ok_share": 1.0},
        record={"reserve_mb": 4, "commit_rows": 16},
    )  # fmt: skip
    line.data = small / "data"
    with running(line):
        # Given a line that keeps evidence and holds its reserve
        drop(line, 0, 20)
        line.wait_for_records(20)
        wait_until(lambda: "inspector_record_reserve_bytes 4e+06" in line.page("metrics"), line.explain)
        assert all(record.evidence for record in line.records())
        # When little room is left, then evidence stops and the record goes on
        fill(small, 10_000_000)
        wait_until(lambda: "less than disk.min_free_mb (12): no evidence is kept" in line.page("readyz"), line.explain)
        drop(line, 20, 40)
        line.wait_for_records(60)
        assert sum(bool(record.evidence) for record in line.records()) == 20
        # When none is left, then the record goes on into its reserve
        fill(small)
        drop(line, 60, 300)
        line.wait_for_records(360)
        assert "disk full: the record goes on into its reserve of 4 MB" in line.log
        wait_until(lambda: "record reserve: 0 MB of 4 held" in line.page("readyz"), line.explain)
        # When that is gone, too, then what cannot be recorded waits
        fill(small)
        drop(line, 360, 1200)
        wait_until(lambda: "cannot record" in line.log, line.explain)
        assert "record: " in line.page("readyz")
        # When the disk is freed, then all of it heals by itself
        (small / "ballast").unlink()
        line.wait_for_records(1560)
        wait_until(lambda: '"ready": true' in line.page("readyz"), lambda: line.page("readyz") + line.explain())
        wait_until(lambda: "inspector_record_reserve_bytes 4e+06" in line.page("metrics"), line.explain)
        drop(line, 1560, 5)
        line.wait_for_records(1565)
        assert all(record.evidence for record in line.records(limit=5)), line.explain()
        assert line.stop() == 0
    names = [record.name for record in line.records()]
    assert sorted(names) == sorted(f"{number}.bmp" for number in range(1565))
    assert len(list((line.drop / "done").iterdir())) == 1565
    (account,) = line.account()
    assert account["balanced"], account


def test_a_line_starts_on_a_full_disk_by_its_reserve(tmp_path: Path, small: Path) -> None:
    data = small / "data"
    data.mkdir()
    assert Reserve(data, 4_000_000).hold(0)
    fill(small)
    line = Line(tmp_path, data=str(data), disk={"min_free_mb": 12}, record={"reserve_mb": 4})
    line.data = data
    drop(line, 0, 10)
    with running(line):
        line.wait_for_records(10)
        assert line.stop() == 0


def test_a_reserve_takes_no_room_that_is_not_there(tmp_path: Path) -> None:
    huge = Reserve(tmp_path, 10**18)

    assert not huge.hold(0) and huge.held == 0
    small = Reserve(tmp_path, 1_000_000)
    assert not small.hold(10**18)
    assert small.hold(0) and small.held == 1_000_000
    assert not small.release() and small.whole  # the disk is not full: a write failed for another reason
