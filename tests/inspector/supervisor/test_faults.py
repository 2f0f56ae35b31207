"""Holds a running line through faults of its surroundings: share gone, engine hung or crashed, sink held, clock set."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.fakes import Line, running, wait_until
from tests.inspector.folders import GOOD, below, claimed
from tests.inspector.pictures import encode, strip
from tests.planted import POISON_LEVEL, PlantedLine


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
        wait_until(lambda: "source_down" in str(line.account()[0]["gaps"]), line.explain)
        assert list(line.drop.iterdir()) == []
        # When it is back, then the line goes on by itself
        share.mount()
        drop(line, 400, 100)
        line.wait_for_records(500)
        wait_until(lambda: '"ready": true' in line.page("readyz"), line.explain)
        wait_until(lambda: len(below(line.drop / "done")) == 500, line.explain)
        assert line.stop() == 0
    all_once(line, 500)
    (account,) = line.account()
    assert account["tally"]["captured"] == 500  # no file was counted as vanished with its share


@pytest.mark.parametrize("fault", ["hang", "crash"])
def test_a_frame_that_hangs_or_crashes_the_engine_in_native_code_is_the_only_error(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an engine that on one picture crashes, or sleeps for ever in C and keeps Python's lock
    monkeypatch.setenv("PLANTED", fault)
    line = PlantedLine(tmp_path, workers={"batch_timeout_s": 3}, delivery={"max_attempts": 2})
    line.drop.mkdir()
    drop(line, 0, 30)
    (line.drop / "15-poison.bmp").write_bytes(encode(np.full((96, 128), POISON_LEVEL, np.uint8)))
    # When all of it goes through the only worker
    with running(line):
        line.wait_for_records(31)
        wait_until(lambda: (line.drop / "failed" / "15-poison.bmp").exists(), line.explain)
        drop(line, 30, 5)
        line.wait_for_records(36)
        assert line.stop() == 0
    # Then it alone is an error, after two workers, and nobody else was tried more than once more
    errors = [(record.name, record.reason) for record in line.records(outcomes=["error"])]
    assert errors == [("15-poison.bmp", "took down 2 workers")]
    assert all(record.attempt <= 2 for record in line.records())
    how = "is stuck in a batch for more than 3 s: killed" if fault == "hang" else "ended with signal 11"
    assert line.log.count(how) == 2
    assert line.account()[0]["balanced"]


@pytest.mark.parametrize("down_s", [3, pytest.param(60, marks=pytest.mark.long)])
def test_a_sink_that_is_down_under_load_costs_a_folder_time_and_a_camera_counted_frames(
    down_s: float, tmp_path: Path
) -> None:
    sources = [
        {"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "settle_ms": 0},
        {"name": "camera", "type": "simulated", "rate_fps": 40, "width_px": 64, "height_px": 64},
    ]
    # Given deadlines of frames that are shorter than what will happen, and a supervisor that is patient
    line = Line(
        tmp_path, sources, workers={"batch_timeout_s": 3}, delivery={"frame_timeout_s": 4, "in_flight_frames": 100},
        supervision={"stuck_s": 300},
    )  # fmt: skip
    line.drop.mkdir()
    with running(line):
        drop(line, 0, 100)
        line.wait_for_records(200)
        # When the sink stands still under load
        os.kill(line.child("sink"), signal.SIGSTOP)
        drop(line, 100, 500)
        ends_at = time.monotonic() + down_s
        wait_until(lambda: time.monotonic() >= ends_at, timeout_s=down_s + 30)
        os.kill(line.child("sink"), signal.SIGCONT)
        # Then all files are inspected, and the camera goes on
        wait_until(lambda: len(below(line.drop / "done")) == 600, line.explain)
        before = line.recorded
        wait_until(lambda: line.recorded > before + 20, line.explain)
        wait_until(lambda: '"ready": true' in line.page("readyz"), line.explain)
        assert line.stop() == 0
    # And nobody was blamed: no deadline ran while no verdict could be recorded
    assert all((record.attempt, record.outcome != "error") == (1, True) for record in line.records())
    assert sorted(one.name for one in line.records(sources=["drop"])) == sorted(
        f"{number}.bmp" for number in range(600)
    )
    accounts = {account["source"]: account for account in line.account()}
    assert all(account["balanced"] for account in accounts.values()), accounts
    assert accounts["camera"]["tally"]["dropped"]["overload"] > 0
    assert "overload" in {gap["reason"] for gap in accounts["camera"]["gaps"]}
    assert line.log.count("started, pid") == 4  # it was the same sink


def set_clock(folder: Path, offset_s: float) -> None:
    """The world's clock, as the line sees it, is off by so much."""
    (folder / "clock.new").write_text(str(offset_s))
    (folder / "clock.new").rename(folder / "clock")


def test_a_clock_that_jumps_back_and_forth_loses_nothing_also_across_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED", "clock")
    monkeypatch.setenv("PLANTED_CLOCK", str(tmp_path / "clock"))
    line = PlantedLine(tmp_path, evidence={"ok_share": 1.0})
    line.drop.mkdir()
    # Given a line at work, when its clock is set back by an hour, then it goes on
    with running(line):
        drop(line, 0, 100)
        line.wait_for_records(50)
        set_clock(tmp_path, -3600)
        drop(line, 100, 100)
        line.wait_for_records(200)
        wait_until(lambda: '"ready": true' in line.page("readyz"), line.explain)
        assert line.stop() == 0
    # And so it does when its next life is an hour before the former one, and the clock is set right in it
    with running(line):
        drop(line, 200, 50)
        line.wait_for_records(250)
        set_clock(tmp_path, 0)
        drop(line, 250, 50)
        line.wait_for_records(300)
        wait_until(lambda: '"ready": true' in line.page("readyz"), line.explain)
        assert line.stop() == 0
    all_once(line, 300)
    records = line.records()
    assert max(one.captured_at for one in records) - min(one.captured_at for one in records) > 3000
    assert all(one.latency_s < 600 for one in records)  # by a clock that nobody sets
    assert all(one.evidence for one in records)
    assert all(gap["began_at"] <= gap["ended_at"] for gap in line.account()[0]["gaps"])


@pytest.mark.parametrize("count", [5000, pytest.param(100_000, marks=pytest.mark.long)])
def test_files_that_wait_at_the_start_in_any_number_cost_no_stall_and_no_memory(count: int, tmp_path: Path) -> None:
    # Given so many files in the folder before the line
    line = Line(tmp_path, evidence={"budget_mb": 0}, workers={"count": 2})
    line.drop.mkdir()
    small = encode(strip(32, 32))
    for number in range(count):
        (line.drop / f"{number}.bmp").write_bytes(small)
    began = time.monotonic()
    with running(line):
        # When it starts, then the first is soon on record
        line.wait_for_records(1)
        first_s = time.monotonic() - began
        process = psutil.Process(line.child("drop"))
        first_cpu_s = sum(process.cpu_times()[:2])
        at_first_mb = process.memory_info().rss / 1e6
        wait_until(lambda: line.recorded >= count, line.explain, 30 + count / 100)
        peak_mb = int(Path(f"/proc/{process.pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
        took_s = time.monotonic() - began
        assert line.stop() == 0
    # And the last one costs the source no more memory than the first
    print(f"{count:,} files: first on record after {first_s:.1f} s, all after {took_s:.0f} s; "
          f"source {at_first_mb:.0f} MB at the first, {peak_mb:.0f} MB at most")  # fmt: skip
    assert first_cpu_s < 5  # of the source alone: how long it waits for a core is nothing of ours
    assert peak_mb - at_first_mb < 25
    all_once(line, count)
    assert {gap["reason"] for gap in line.account()[0]["gaps"]} <= {"not_running"}
