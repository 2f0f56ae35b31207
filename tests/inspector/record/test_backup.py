"""Holds that the record can be copied while the line runs and put back, and that nobody else may read it."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from inspector.errors import BusyError, ConfigError, DamagedError, NewerError, StoreError
from inspector.host import instance
from inspector.record.queries import Query
from inspector.record.schema import FILE, MIGRATIONS
from inspector.record.storage import backup, remains
from inspector.record.store import Store
from tests.fakes import Line, running, wait_until
from tests.inspector.pictures import strip
from tests.inspector.record.test_store import tally, verdict


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Store]:
    """A record of 100 frames, most of them in its log alone."""
    (tmp_path / "data").mkdir()
    opened = Store(tmp_path / "data")
    opened.write([("m", verdict(number)) for number in range(1, 101)], [tally(100, ok=100)])
    yield opened
    opened.close()


def frames(folder: Path) -> int:
    """How many are on record there."""
    store = Store(folder)
    count = len(list(store.records(Query())))
    store.close()
    return count


def test_a_copy_made_while_others_write_is_whole_of_one_moment_and_stands_alone(tmp_path: Path, book: Store) -> None:
    stop = threading.Event()

    def write() -> None:
        other, number = Store(tmp_path / "data"), 101
        while not stop.is_set():
            other.write([("m", verdict(number + n)) for n in range(10)], [tally(number + 9, ok=number + 9)])
            number += 10
        other.close()

    writer = threading.Thread(target=write)
    writer.start()
    copies = []
    for number in range(5):
        copies.append(tmp_path / f"{number}.sqlite")
        assert backup.make(tmp_path / "data", copies[-1]) == copies[-1].stat().st_size
    stop.set()
    writer.join()
    counts = []
    for copy in copies:
        database = sqlite3.connect(f"{copy.as_uri()}?mode=ro&immutable=1", uri=True)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        ((count,),) = database.execute("SELECT count(*) FROM records").fetchall()
        assert database.execute("SELECT ok FROM sources").fetchone() == (count,)
        counts.append(count)
        database.close()
    assert counts == sorted(counts) and counts[0] >= 100 and all(count % 10 == 0 for count in counts)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "0.sqlite",
        *(f"{n}.sqlite" for n in range(1, 5)),
        "data",
    ]


def test_a_copy_overwrites_nothing_and_one_that_fails_leaves_nothing(tmp_path: Path, book: Store) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(ConfigError, match="is there already, and is not overwritten"):
        backup.make(tmp_path / "data", tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
    with pytest.raises(ConfigError, match="No such file or directory"):
        backup.make(tmp_path / "data", tmp_path / "none" / "copy.sqlite")
    with pytest.raises(StoreError):
        backup.make(tmp_path, tmp_path / "copy.sqlite")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "there"]


def test_a_copy_is_put_back_and_what_was_there_is_kept(tmp_path: Path, book: Store) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.sqlite"
    backup.make(data, copy)
    book.write([("m", verdict(number)) for number in range(101, 151)])
    (data / remains.NOTE).write_text("gone")
    shutil.copytree(data, tmp_path / "killed")  # with its log, as after a kill
    aside = backup.restore(tmp_path / "killed", copy)
    assert frames(tmp_path / "killed") == 100
    assert not (tmp_path / "killed" / remains.NOTE).exists()
    # And the other way round, with its log
    assert {path.suffix for path in aside} == {".sqlite", ".sqlite-wal", ".sqlite-shm"}
    backup.restore(tmp_path / "killed", next(path for path in aside if path.suffix == ".sqlite"))
    assert frames(tmp_path / "killed") == 150


def test_nothing_is_put_back_while_the_line_runs_or_what_is_no_whole_record_of_ours(
    tmp_path: Path, book: Store
) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.sqlite"
    backup.make(data, copy)
    with instance.locked(data), pytest.raises(BusyError, match="another inspector runs on this data folder"):
        backup.restore(data, copy)
    content = copy.read_bytes()
    (tmp_path / "short").write_bytes(content[: len(content) // 2])
    (tmp_path / "text").write_bytes(b"no record at all" * 1000)
    (tmp_path / "empty").write_bytes(b"")
    sqlite3.connect(tmp_path / "other").execute("CREATE TABLE records (id)").connection.close()
    newer = sqlite3.connect(copy)
    newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    newer.close()
    for name, error in (
        ("short", DamagedError), ("text", DamagedError), ("empty", StoreError), ("other", StoreError),
        ("copy.sqlite", NewerError), ("none", ConfigError),
    ):  # fmt: skip
        with pytest.raises(error):
            backup.restore(data, tmp_path / name)
    assert frames(data) == 100
    assert list(data.glob("records-before-restore-*")) == []


def test_a_line_is_backed_up_while_it_runs_restored_and_goes_on(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.drop.mkdir()

    def drop(name: str) -> None:
        cv2.imwrite(str(line.drop / f".{name}"), strip())
        (line.drop / f".{name}").rename(line.drop / name)

    copy = tmp_path / "copy.sqlite"
    with running(line):
        drop("a.bmp")
        line.wait_for_records(1)
        made = line.run("backup", "--to", str(copy))
        assert made.returncode == 0 and "pictures are not in it: copy " in made.stdout, made.stderr
        assert line.run("restore", str(copy)).returncode == 2
        drop("b.bmp")
        line.wait_for_records(2)
        assert line.stop() == 0
    assert line.run("restore", str(copy)).returncode == 0
    with running(line):
        drop("c.bmp")
        wait_until(lambda: {one.name for one in line.records()} == {"a.bmp", "c.bmp"}, line.explain)
        assert line.stop() == 0
    assert line.account()[0]["balanced"]


def test_record_pictures_and_data_folder_are_for_user_and_group_alone(tmp_path: Path) -> None:
    line = Line(tmp_path, evidence={"ok_share": 1}, record={"defect_log": str(tmp_path / "data" / "defects.jsonl")})
    line.drop.mkdir()
    cv2.imwrite(str(line.drop / "a.bmp"), strip())
    with running(line):
        line.wait_for_records(1)
        private = [
            line.data,
            *line.data.glob("records.sqlite*"),
            line.data / "evidence",
            *(line.data / "evidence").rglob("*"),
        ]
        assert len(private) == 8 and [path for path in private if path.stat().st_mode & 0o007] == []
        assert line.data.stat().st_mode & 0o777 == 0o750
        assert {(line.data / f"{FILE}{tail}").stat().st_mode & 0o777 for tail in ("", "-wal", "-shm")} == {0o640}
        assert (line.data / "defects.jsonl").stat().st_mode & 0o777 == 0o640
        (picture,) = (line.data / "evidence").rglob("*.bmp")
        assert picture.stat().st_mode & 0o777 == 0o640
        assert line.stop() == 0


def test_a_record_that_others_could_read_is_closed_to_them_and_works_on(tmp_path: Path) -> None:
    Store(tmp_path).close()
    os.chmod(tmp_path / FILE, 0o666)
    store = Store(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o660
    assert store.write([("m", verdict(1))])
    store.close()


def test_a_record_of_a_newer_version_is_refused_as_it_is(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.data.mkdir()
    Store(line.data).close()
    database = sqlite3.connect(line.data / FILE)
    database.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    database.execute("PRAGMA journal_mode=DELETE")
    database.close()
    before = (line.data / FILE).read_bytes()
    with running(line):
        assert line.process is not None
        assert line.process.wait(60) == 2
    assert "it was written by a newer version; run that one, or `inspector restore` a copy of before" in line.log
    assert line.run("piece", "start", "coil-1").returncode == 2
    assert (line.data / FILE).read_bytes() == before
    assert not (line.data / remains.NOTE).exists()
