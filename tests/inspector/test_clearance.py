"""Holds what leaves done/ and failed/: nothing by default, by age and by bytes where a setting says so."""

import time
from pathlib import Path
from typing import Any

from inspector.source_settings import FolderSource
from inspector.sources.clearance import Clearance
from tests.fakes import wait_until
from tests.inspector import folders
from tests.inspector.folders import below


def clearance(drop: Path, now: float | None = None, **rules: Any) -> Clearance:
    """With these rules, `now` seconds since 1970."""
    return Clearance(FolderSource(name="drop", type="folder", path=drop, **rules), lambda: now or time.time())


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

    assert clearance(drop, time.time() + 1e9).sweep() == 0
    assert len(below(drop)) == 2


def test_files_go_once_they_have_been_there_for_so_long(drop: Path) -> None:
    put(drop, "done/coil-1/a.bmp", "failed/b.bmp", "waiting.bmp")

    assert clearance(drop, time.time() + 86_000, keep_done_days=1).sweep() == 0
    assert clearance(drop, time.time() + 87_000, keep_done_days=1).sweep() == 1
    assert below(drop) == ["failed/b.bmp", "waiting.bmp"]
    assert clearance(drop, time.time() + 87_000, keep_failed_days=1).sweep() == 1
    assert below(drop) == ["waiting.bmp"]


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
