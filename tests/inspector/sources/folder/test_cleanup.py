"""Holds what leaves done/ and failed/: nothing by default, by age and by bytes where a setting says so."""

import time
from pathlib import Path
from typing import Any

import pytest

from inspector.settings.sources.folder import FolderSourceSettings
from inspector.sources.folder.cleanup import Cleanup
from tests.fakes import Line, running, wait_until
from tests.inspector import folders
from tests.inspector.folders import below


def clearance(drop: Path, **rules: Any) -> Cleanup:
    """With these rules."""
    return Cleanup(FolderSourceSettings(name="drop", type="folder", path=drop, **rules))


class Clocks:
    """The world's clock, which anyone can set, and the machine's own count of seconds."""

    def __init__(self) -> None:
        self.world, self.up = time.time(), 1000.0

    def pass_(self, seconds: float) -> None:
        """Both go on."""
        self.world, self.up = self.world + seconds, self.up + seconds

    def clearance(self, drop: Path, **rules: Any) -> Cleanup:
        """With these rules, by these clocks."""
        settings = FolderSourceSettings(name="drop", type="folder", path=drop, **rules)
        return Cleanup(settings, lambda: self.world, lambda: self.up)


def put(drop: Path, *names: str) -> None:
    """Files of 300,000 bytes, one after the other."""
    for name in names:
        path = drop / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(300_000))
        wait_until(lambda path=path: (drop / "later").write_bytes(b"") is not None  # type: ignore[misc]
                   and (drop / "later").stat().st_ctime_ns > path.stat().st_ctime_ns)  # fmt: skip
    (drop / "later").unlink()


def test_nothing_is_deleted_unless_a_setting_says_so(drop: Path) -> None:
    put(drop, "done/a.bmp", "failed/b.bmp")

    clocks = Clocks()
    clocks.pass_(1e9)
    assert clocks.clearance(drop).sweep() == 0
    assert len(below(drop)) == 2


def test_files_go_once_they_have_been_there_for_so_long(drop: Path) -> None:
    put(drop, "done/coil-1/a.bmp", "failed/b.bmp", "waiting.bmp")

    clocks = Clocks()
    done, failed = clocks.clearance(drop, keep_done_days=1), clocks.clearance(drop, keep_failed_days=1)
    assert done.sweep() == failed.sweep() == 0
    clocks.pass_(86_000)
    assert done.sweep() == 0
    clocks.pass_(1000)
    assert done.sweep() == 1
    assert below(drop) == ["failed/b.bmp", "waiting.bmp"]
    assert failed.sweep() == 1
    assert below(drop) == ["waiting.bmp"]


def test_a_clock_that_is_ahead_for_a_while_deletes_no_file_and_a_start_with_it_neither(
    drop: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(drop, "done/a.bmp", "failed/b.bmp")
    (drop / ".work").mkdir()
    clocks, rules = Clocks(), {"keep_done_days": 30, "keep_failed_days": 30}
    running = clocks.clearance(drop, **rules)
    assert running.sweep() == 0
    # When the clock is set three months ahead, then nothing goes, also after new starts
    clocks.world += 91 * 86_400
    assert running.sweep() == 0
    assert "the clock is 91.0 days ahead of what is known to have passed: nothing goes by age" in caplog.text
    put(drop, "done/of the time when it was ahead.bmp")
    for _ in range(3):
        assert clocks.clearance(drop, **rules).sweep() == 0
    clocks.world -= 91 * 86_400
    assert clocks.clearance(drop, **rules).sweep() == running.sweep() == 0
    # When the time has really passed, then they go
    for _ in range(31 * 24):
        clocks.pass_(3600)
        running.sweep()
    assert below(drop / "done") == below(drop / "failed") == []


def test_of_more_bytes_than_allowed_the_oldest_go(drop: Path) -> None:
    put(drop, "done/5.bmp", "done/b/4.bmp", "done/3.bmp", "done/a/2.bmp", "done/1.bmp", "failed/0.bmp")

    assert clearance(drop, keep_done_mb=1).sweep() == 2
    assert below(drop) == ["done/1.bmp", "done/3.bmp", "done/a/2.bmp", "failed/0.bmp"]
    assert clearance(drop, keep_done_mb=0, keep_failed_mb=1).sweep() == 3
    assert below(drop) == ["failed/0.bmp"]


def test_an_open_folder_clears_itself_and_stops_when_closed(folder: folders.Open, drop: Path) -> None:
    put(drop, "done/a.bmp", "done/b.bmp")
    connector = folder(keep_done_mb=0)

    wait_until(lambda: below(drop / "done") == [])
    connector.close()
    put(drop, "done/c.bmp")
    connector.open()  # a folder that was lost and is back
    wait_until(lambda: below(drop / "done") == [])


def test_files_that_stay_because_the_clock_is_in_doubt_are_counted_until_it_is_believed(drop: Path) -> None:
    put(drop, "done/a.bmp", "done/b.bmp", "failed/c.bmp")
    (drop / ".work").mkdir()
    clocks = Clocks()
    running = clocks.clearance(drop, keep_done_days=30, keep_failed_days=200)
    running.sweep()
    assert running.left == []
    clocks.world += 91 * 86_400
    assert running.sweep() == 0
    (left,) = running.left  # none in failed/ is older than its age, also by this clock
    assert (left.reason, left.count) == ("kept", 2)
    assert left.example.startswith(
        f"those in {drop}/done: the clock is 91.0 days ahead of what is known to have passed"
    )
    clocks.world -= 91 * 86_400
    running.sweep()
    assert running.left == []


def test_a_line_is_not_ready_while_its_clock_keeps_files_that_should_be_deleted(tmp_path: Path) -> None:
    rules = {"keep_done_days": 1e-5}
    line = Line(tmp_path, [{"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "settle_ms": 0, **rules}])
    put(line.drop, "done/a.bmp", "done/b.bmp")
    (line.drop / ".work").mkdir()
    (line.drop / ".work" / ".done-clock").write_text(f"{time.time() - 91 * 86_400:.0f}")
    with running(line):
        why = f"files of drop: 2 should be deleted by now: those in {line.drop}/done: the clock is 91.0 days ahead of"
        wait_until(lambda: why in line.page("readyz"), line.explain)
        wait_until(lambda: "2 kept, as those in " in line.run("status").stdout, line.explain)
        assert '\ninspector_files_left{reason="kept",source="drop"} 2.0\n' in line.page("metrics")
        assert line.stop() == 0
    assert below(line.drop / "done") == ["a.bmp", "b.bmp"]
