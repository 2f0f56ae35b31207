"""Holds that nothing is acked into a record that is not in its place, and that a record begun anew says so."""

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from inspector.protocol.messages import Ack
from inspector.protocol.verdicts import Settled
from inspector.record.queries import Query
from inspector.record.schema import FILE
from inspector.record.storage import remains
from inspector.record.store import Store
from inspector.settings import loading
from tests.fakes import Line, running, wait_until
from tests.inspector.mouths import Mouth
from tests.inspector.pictures import strip
from tests.inspector.record.test_store import tally, verdict
from tests.inspector.roles import Bench


def remove(*tails: str) -> Callable[[Path], None]:
    """Someone deletes these files of the record."""

    def act(data: Path) -> None:
        for tail in tails:
            (data / f"{FILE}{tail}").unlink()

    return act


def move_all(data: Path) -> None:
    """Someone moves all of it away, to save it."""
    (data / "saved").mkdir()
    for tail in ("", "-wal", "-shm"):
        (data / f"{FILE}{tail}").rename(data / "saved" / f"{FILE}{tail}")


def move_file(data: Path) -> None:
    """Someone moves the file alone."""
    (data / "saved").mkdir()
    (data / FILE).rename(data / "saved" / FILE)


def put_another(data: Path) -> None:
    """Someone puts another record in its place."""
    (data / "saved").mkdir()
    other = Store(data / "saved")
    other.write([("m", verdict(900, name="of another record.bmp"))])
    other.close()
    (data / "saved" / FILE).rename(data / FILE)


CHANGES: dict[str, tuple[Callable[[Path], None], int]] = {
    "all removed": (remove("", "-wal", "-shm"), 0),
    "all moved": (move_all, 0),
    "the file moved": (move_file, 0),
    "another in its place": (put_another, 1),
    "the log removed": (remove("-wal"), 2),
    "the index removed": (remove("-shm"), 2),
    "log and index removed": (remove("-wal", "-shm"), 2),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_acked_into_files_that_are_not_in_their_place_and_what_comes_again_is_recorded_once(
    line: Bench, source: Mouth, worker: Mouth, change: str
) -> None:
    act, left = CHANGES[change]
    sink = line.start_sink()
    source.hello()
    worker.verdicts(verdict(1), verdict(2))
    assert len(source.hears(Ack).settled) == 2
    # When the record is not there any more
    act(line.settings.data)
    worker.verdicts(verdict(3), verdict(4))
    # Then nothing is acked, and the sink leaves it to another one
    sink.thread.join(20)
    assert isinstance(sink.error, SystemExit) and sink.error.code == 1
    assert source.hears_nothing(200)
    # Then that one has what was recorded before and is still there, and takes the rest
    line.start_sink()
    source.hello()
    worker.verdicts(verdict(3), verdict(4))
    assert set(source.hears(Ack).settled) == {Settled("frame-3", "ok"), Settled("frame-4", "ok")}
    assert len(line.records()) == left + 2
    assert sum(record.frame in ("frame-3", "frame-4") for record in line.records()) == 2
    if act in (move_file, move_all):
        saved = Store(line.settings.data / "saved", read_only=True)
        assert {record.frame for record in saved.records(Query())} >= {"frame-1", "frame-2"}
        saved.close()


def test_what_is_on_record_in_a_file_that_is_gone_is_not_acked_to_a_source_that_comes_back(
    line: Bench, source: Mouth, worker: Mouth
) -> None:
    sink = line.start_sink()
    source.hello()
    worker.verdicts(verdict(1))
    source.hears(Ack)
    remove("", "-wal", "-shm")(line.settings.data)
    # When a source asks what of its frames is on record
    with pytest.raises(AssertionError, match="no Welcome came"):
        source.hello("frame-1")
    assert isinstance(sink.error, SystemExit)


def test_a_log_without_its_file_is_kept(line: Bench, source: Mouth, worker: Mouth) -> None:
    data = line.settings.data
    book = Store(data)
    book.write([("m", verdict(1))])
    shutil.copy(data / f"{FILE}-wal", data / "copy")
    book.close()
    (data / "copy").rename(data / f"{FILE}-wal")
    for begin in (lambda: (data / FILE).unlink(), lambda: (data / FILE).write_bytes(b"")):
        begin()
        sink = line.start_sink()
        source.hello()
        sink.stop()
        (kept,) = data.glob("records-left-*-wal")
        assert kept.stat().st_size > 0
        kept.rename(data / f"{FILE}-wal")


def test_a_line_whose_record_is_removed_while_it_runs_loses_no_file_and_says_so(tmp_path: Path) -> None:
    line = Line(tmp_path, evidence={"ok_share": 1})
    line.drop.mkdir()

    def drop(first: int, last: int) -> None:
        for number in range(first, last):
            cv2.imwrite(str(line.drop / f".{number}.bmp"), strip(seed=number))
            (line.drop / f".{number}.bmp").rename(line.drop / f"{number}.bmp")

    with running(line):
        drop(0, 10)
        line.wait_for_records(10)
        done = line.drop / "done"
        wait_until(lambda: len(list(done.glob("*.bmp"))) == 10, line.explain)
        # When someone removes the record
        remove("", "-wal", "-shm")(line.data)
        drop(10, 30)
        # Then what came since is on the new one, and all that is said
        wait_until(lambda: len(list(done.glob("*.bmp"))) == 30, line.explain)
        names = [record.name for record in line.records()]
        assert sorted(names) == sorted(f"{number}.bmp" for number in range(10, 30))
        assert f"{FILE} is gone while the record is in use: starting again with what is there" in line.log
        wait_until(lambda: "sums, pieces and pins begin anew" in line.page("readyz"), line.explain)
        # Then it is said until someone has seen it
        (line.data / remains.NOTE).unlink()
        wait_until(lambda: '"ready": true' in line.page("readyz"), line.explain)
        assert line.stop() == 0


def test_a_data_folder_that_is_moved_away_and_back_loses_no_frame(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.drop.mkdir()

    def drop(first: int, last: int) -> None:
        for number in range(first, last):
            cv2.imwrite(str(line.drop / f".{number}.bmp"), strip(seed=number))
            (line.drop / f".{number}.bmp").rename(line.drop / f"{number}.bmp")

    done = line.drop / "done"
    with running(line):
        drop(0, 10)
        wait_until(lambda: len(list(done.glob("*.bmp"))) == 10, line.explain)
        line.data.rename(tmp_path / "elsewhere")
        drop(10, 20)
        wait_until(lambda: "nothing was recorded yet: there is no such folder" in line.log, line.explain)
        assert len(list(done.glob("*.bmp"))) == 10
        assert not line.data.exists()
        (tmp_path / "elsewhere").rename(line.data)
        wait_until(lambda: len(list(done.glob("*.bmp"))) == 20, line.explain)
        assert sorted(one.name for one in line.records()) == sorted(f"{number}.bmp" for number in range(20))
        assert line.stop() == 0
    assert line.account()[0]["balanced"]


@pytest.mark.parametrize("older", [False, True])
def test_frames_that_went_with_a_record_are_a_gap_at_once_and_the_sums_balance(tmp_path: Path, older: bool) -> None:
    line = Line(tmp_path)
    line.drop.mkdir()

    def drop(*numbers: int) -> None:
        for number in numbers:
            cv2.imwrite(str(line.drop / f"{number}.bmp"), strip())

    with running(line):
        drop(0, 1)
        line.wait_for_records(2)
        assert line.run("backup", "--to", str(tmp_path / "copy")).returncode == 0
        drop(2, 3, 4)
        line.wait_for_records(5)
        wait_until(lambda: len(list((line.drop / "done").glob("*.bmp"))) == 5, line.explain)
        if older:
            (tmp_path / "copy").rename(line.data / FILE)
        else:
            (line.data / FILE).unlink()
        drop(5, 6)
        lost, there = (3, 4) if older else (5, 2)
        wait_until(lambda: line.recorded == there and f'record_lost",source="drop"}} {lost}' in line.page("metrics"))

        def counted() -> bool:
            (account,) = line.accounts()
            dropped = account.tally.dropped if account.tally else {}
            return account.balanced and (dropped, account.listed) == ({"record_lost": lost}, lost)

        wait_until(counted, line.explain)
        assert line.stop() == 0
    assert line.account()[0]["balanced"]


def test_a_start_without_its_record_says_so_and_keeps_the_pictures_until_it_is_put_back(tmp_path: Path) -> None:
    line = Line(tmp_path, evidence={"ok_share": 1})
    line.drop.mkdir()
    cv2.imwrite(str(line.drop / "a.bmp"), strip())
    with running(line):
        line.wait_for_records(1)
        wait_until(lambda: (line.drop / "done" / "a.bmp").exists(), line.explain)
        assert line.stop() == 0
    assert remains.signs(loading.load(line.config)) == [str(line.data / "evidence"), str(line.drop / "done")]
    (line.data / FILE).rename(tmp_path / "saved")
    (tmp_path / "line.log").unlink()  # which says where the pages were
    with running(line):
        wait_until(lambda: "no record was here beside" in line.page("readyz"), line.explain)
        assert line.stop() == 0
    assert list((line.data / "evidence").rglob("*.bmp"))
    # When it is put back, and the note taken away
    (tmp_path / "saved").rename(line.data / FILE)
    (line.data / remains.NOTE).unlink()
    (tmp_path / "line.log").unlink()
    with running(line):
        wait_until(lambda: '"ready": true' in line.page("readyz"), line.explain)
        assert line.stop() == 0


def test_a_first_start_and_one_with_its_record_say_nothing(line: Bench) -> None:
    data = line.settings.data
    assert remains.signs(line.settings) == []
    book = Store(data)
    remains.note(book, [], has_recipes=True)
    assert remains.noted(data) == ""
    book.write([], [tally(0)])
    remains.note(book, ["evidence"], has_recipes=True)
    assert remains.noted(data) == ""
    book.close()


def test_a_record_begun_anew_on_a_line_with_recipes_does_not_know_its_piece(line: Bench) -> None:
    book = Store(line.settings.data)
    remains.note(book, ["evidence"], has_recipes=True)
    (row,) = book.read("SELECT recipe FROM pieces")
    assert row[0] == "lost with a damaged record"
    book.close()


def test_the_log_is_brought_into_the_file_before_it_is_left(tmp_path: Path) -> None:
    book = Store(tmp_path)
    book.write([("m", verdict(1))])
    (tmp_path / f"{FILE}-wal").unlink()
    assert book.replaced == f"{FILE}-wal is gone"
    book.salvage()
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(tmp_path / FILE, copy / FILE)
    book.close()
    again = Store(copy)
    assert len(list(again.records(Query()))) == 1
    again.close()
