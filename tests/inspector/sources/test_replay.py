"""Holds the replay: a recorded run's pictures again, in order, at its pace, and nothing of it changed."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from inspector.errors import StoreError
from inspector.record.evidence.evidence import Keeper
from inspector.record.queries import Query
from inspector.record.records import Record
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.settings.sources.replay import ReplaySourceSettings
from inspector.sources.replay import MAX_PAUSE_S, Replay
from tests.inspector.cameras import strip
from tests.inspector.record.test_store import verdict
from tests.inspector.roles import bench
from tests.inspector.settings.configs import refused
from tests.inspector.sources.test_simulated import Clock


def run_of(folder: Path, seconds: Sequence[float], missing: int = 0) -> list[Record]:
    """A recorded run of defects captured at these seconds, then of ok frames without a picture."""
    source = {"name": "drop", "type": "folder", "path": folder / "drop"}
    settings = Settings.model_validate(
        {"data": folder, "sources": [source], "evidence": {"ok_share": 0}, "disk": {"min_free_mb": 0}}
    )
    keeper, began, book = Keeper(settings), time.time() - 1000, Store(folder)
    for number, second in enumerate(seconds):
        one = verdict(number, "defect", captured_at=began + second, piece="coil-7", at_mm=300.0 * number)
        book.write([("m", keeper.keep(one, strip(number)))])
    book.write([("m", verdict(1000 + number, "ok")) for number in range(600)])
    records = list(book.records(Query(oldest_first=True)))
    book.close()
    for record in records[:missing]:
        Path(record.evidence).unlink()
    return records


def replay(folder: Path, clock: Clock | None = None, **settings: Any) -> Replay:
    """A replay of the run in that folder."""
    chosen = ReplaySourceSettings.model_validate({"name": "again", "type": "replay", "path": folder, **settings})
    return Replay(chosen, clock or Clock())


def test_a_run_comes_again_at_its_own_pace_and_its_long_pauses_are_cut(tmp_path: Path) -> None:
    run_of(tmp_path, [0, 2, 2.5, 700])
    clock = Clock()
    began = clock.now
    connector = replay(tmp_path, clock, speed=2)
    connector.open()
    came: list[float] = []
    while connector.due_ms() < float("inf"):
        clock.now += connector.due_ms() / 1000
        if connector.read():
            came.append(clock.now - began)
    connector.close()

    assert came == pytest.approx([0, 1, 1.25, 1.25 + MAX_PAUSE_S / 2])


def test_a_run_that_had_to_wait_for_room_goes_on_from_there(tmp_path: Path) -> None:
    run_of(tmp_path, [0, 3, 6])
    clock = Clock()
    connector = replay(tmp_path, clock)
    connector.open()
    assert connector.read()
    clock.now += 60
    assert connector.read()
    assert connector.due_ms() == pytest.approx(2000)
    connector.close()


def test_every_picture_that_was_kept_is_inspected_again_under_its_name_and_place(tmp_path: Path) -> None:
    before = run_of(tmp_path, [0.01 * number for number in range(20)], missing=1)
    pictures = {path: path.read_bytes() for path in tmp_path.rglob("*.bmp")}
    source = {"type": "replay", "path": tmp_path, "speed": None}
    with bench(source, delivery={"in_flight_frames": 4}) as line:
        line.start_sink()
        line.start_source()
        line.worker().work_until(lambda: sum(line.account().recorded.values()) == 20)
        told = {record.name: record.outcome for record in line.records()}
        assert told == {record.name: "ok" if number else "error" for number, record in enumerate(before[:20])}
        assert {record.name: (record.piece, record.at_mm) for record in line.records()} == {
            record.name: ("coil-7", 300.0 * number) for number, record in enumerate(before[:20])
        }
        (error,) = [record for record in line.records() if record.outcome == "error"]
        assert error.reason == "its evidence cannot be read: No such file or directory"
    assert pictures == {path: path.read_bytes() for path in tmp_path.rglob("*.bmp")}


def test_what_is_no_recorded_run_is_said_at_once_and_ones_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        replay(tmp_path).open()
    own = {"name": "again", "type": "replay", "path": str(tmp_path / "data")}
    assert "own data folder" in refused(tmp_path, data=str(tmp_path / "data"), sources=[own])
