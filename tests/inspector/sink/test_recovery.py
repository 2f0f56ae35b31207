"""Holds that a damaged record is found, set aside and named, never deleted, and that the line and its sums go on."""

import json
import os
import sqlite3
import threading
from pathlib import Path

import cv2
import pytest

from inspector.errors import DamagedError
from inspector.record.evidence import pins
from inspector.record.queries import Query
from inspector.record.schema import FILE
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.sink import recovery
from inspector.sink.health import Health
from inspector.sink.maintenance import Maintenance
from inspector.sink.metrics import Metrics
from tests.fakes import Line, running, wait_until
from tests.inspector.pictures import strip
from tests.inspector.record.test_store import tally, verdict


def filled(folder: Path, rows: int = 3000) -> None:
    """A record of so many rows, with sums and a pin."""
    book = Store(folder)
    book.write([("m", verdict(number, name="x" * 200)) for number in range(1, rows + 1)], [tally(rows, ok=rows)])
    pins.add(book, None, None, None, "coil-7/*")
    book.close()


def damage_rows(folder: Path) -> bytes:
    """Overwrite pages in the middle of the file, where the rows are; what is left of it."""
    path = folder / FILE
    with path.open("r+b") as file:
        for page in range(100, 110):
            file.seek(page * 4096)
            file.write(os.urandom(4096))
    return path.read_bytes()


def test_a_good_record_is_opened_as_it_is(tmp_path: Path) -> None:
    filled(tmp_path)
    book, complete = recovery.open_record(tmp_path)

    assert complete
    assert sum(1 for _ in book.records(Query())) == 3000
    book.close()
    assert recovery.set_aside(tmp_path) == []


def test_a_damaged_record_is_set_aside_whole_and_its_sums_gaps_and_pins_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled(tmp_path)
    left = damage_rows(tmp_path)
    (tmp_path / "evidence" / "day").mkdir(parents=True)
    (tmp_path / "evidence" / "day" / "a.bmp").write_bytes(b"picture")

    book, complete = recovery.open_record(tmp_path)

    (aside,) = recovery.set_aside(tmp_path)
    assert complete and aside.read_bytes() == left
    assert aside.name in caplog.text
    assert list(book.records(Query())) == []
    account = book.account("drop")
    assert account.recorded["ok"] == 3000 and account.balanced
    assert [pin.name for pin in pins.every(book)] == ["coil-7/*"]
    assert [path.read_bytes() for path in tmp_path.glob("evidence-damaged-*/day/a.bmp")] == [b"picture"]
    book.write([("m", verdict(3001))], [tally(3001, ok=3001)])
    assert book.account("drop").balanced
    book.close()


def test_a_record_cut_short_or_of_another_kind_is_set_aside_too(tmp_path: Path) -> None:
    for number, data in enumerate((b"text" * 5000, None)):
        folder = tmp_path / str(number)
        folder.mkdir()
        filled(folder)
        (folder / FILE).write_bytes(data or (folder / FILE).read_bytes()[:200_000])
        book, _ = recovery.open_record(folder)
        assert len(recovery.set_aside(folder)) == 1
        assert book.write([("m", verdict(1))]) != []
        book.close()


def test_what_the_start_has_no_time_for_is_read_while_the_line_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a record too large to be read at the start
    filled(tmp_path)
    damage_rows(tmp_path)
    monkeypatch.setattr(recovery, "START_S", 0.0)
    monkeypatch.setattr(recovery, "_STEPS", 1)
    book, complete = recovery.open_record(tmp_path)
    assert not complete and recovery.set_aside(tmp_path) == []
    # When it is read beside the sink
    source = {"name": "drop", "type": "folder", "path": tmp_path / "drop"}
    settings = Settings.model_validate({"data": tmp_path, "sources": [source]})
    health = Health(set(), 60)
    upkeep = Maintenance(settings, Metrics(), health, threading.Event())
    upkeep.read_record()
    upkeep.close()
    book.close()
    # Then readiness and log say so, and the next start sets it aside without reading it again
    assert any("record: damaged: " in problem for problem in health.problems())
    assert "the next start sets it aside" in caplog.text
    book, complete = recovery.open_record(tmp_path)
    assert complete and len(recovery.set_aside(tmp_path)) == 1
    book.close()
    assert recovery.examine(tmp_path).problem == ""


def test_damage_met_while_writing_is_told_from_other_trouble(tmp_path: Path) -> None:
    filled(tmp_path)
    book = Store(tmp_path)
    with sqlite3.connect(tmp_path / FILE) as database:
        root = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'records'").fetchone()[0]
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    book.close()
    with (tmp_path / FILE).open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)

    book = Store(tmp_path)
    with pytest.raises(DamagedError, match="malformed"):
        book.write([("m", verdict(9999))])
    book.close()


def test_a_line_whose_record_was_damaged_at_rest_inspects_again_and_says_what_happened(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.drop.mkdir()
    line.data.mkdir()
    filled(line.data)
    damage_rows(line.data)
    cv2.imwrite(str(line.drop / "a.bmp"), strip())
    with running(line):
        wait_until(lambda: "it was set aside as" in line.log, line.explain)
        wait_until(lambda: len(line.records()) == 1, line.explain)
        (aside,) = recovery.set_aside(line.data)
        wait_until(lambda: f"set aside: {aside.name}" in line.page("readyz"), line.explain)
        assert "inspector_records_set_aside 1.0" in line.page("metrics")
        aside.unlink()  # someone has looked at it
        wait_until(lambda: json.loads(line.page("readyz"))["ready"], line.explain)
        assert line.stop() == 0
    assert line.account()[0]["balanced"]
