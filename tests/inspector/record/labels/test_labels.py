"""Holds labels: what people say of a frame is kept for ever, as it was said, and one of several counts."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.errors import ConfigError, NewerError, StoreError
from inspector.record.labels.label_file import LabelFile
from inspector.record.labels.labels import OK, NewLabel, check_label, check_note, check_person, in_force, opinions
from inspector.record.labels.pictures import keep

RECORD: dict[str, Any] = {"source": "drop", "frame": "f1", "name": "a.png", "outcome": "defect", "label": "patches"}


@pytest.fixture
def labels(tmp_path: Path) -> Iterator[LabelFile]:
    file = LabelFile(tmp_path)
    yield file
    file.close()


def said(labels: LabelFile, label: str, person: str = "ann", at: float = 1.0, **more: Any) -> int:
    """The number of the label that a person gave."""
    given = {"record": RECORD, "box": None, "label": label, "person": person, "at": at, **more}
    return labels.add(NewLabel(**given))[0].id


def counts(labels: LabelFile) -> tuple[str, bool]:
    """What counts for the one target that there is, and whether people disagree on it."""
    (opinion,) = opinions(labels.every()).values()
    return opinion.label, opinion.disputed


def test_a_label_is_there_after_the_file_is_opened_again_with_what_the_model_had_said(tmp_path: Path) -> None:
    first = LabelFile(tmp_path)
    new = NewLabel(record=RECORD, box=(1, 2, 3, 4), label="scratches", person="ann", at=5.0, note="clear")
    (given,) = first.add(new)
    first.close()
    again = LabelFile(tmp_path, read_only=True)
    assert again.every() == [given]
    assert given.record == RECORD and given.box == (1, 2, 3, 4) and given.kind == "first"
    again.close()


def test_the_last_label_of_one_person_counts_and_both_are_kept(labels: LabelFile) -> None:
    said(labels, "patches")
    said(labels, "scratches", at=2.0)
    assert counts(labels) == ("scratches", False)
    assert [one.kind for one in labels.every()] == ["first", "first"]


def test_two_people_who_differ_make_a_dispute_until_one_adjudicates(labels: LabelFile) -> None:
    said(labels, "patches", "ann")
    said(labels, "scratches", "bob", 2.0)
    assert counts(labels)[1]
    assert labels.every()[1].kind == "second"
    said(labels, "patches", "cleo", 3.0, adjudicates=True)
    assert counts(labels) == ("patches", False)


def test_two_people_who_agree_are_no_dispute(labels: LabelFile) -> None:
    said(labels, OK, "ann")
    said(labels, OK, "bob", 2.0)
    assert counts(labels) == (OK, False)


def test_an_undo_is_a_row_and_what_was_said_before_counts_again(labels: LabelFile) -> None:
    said(labels, "patches")
    second = said(labels, "scratches", at=2.0)
    labels.undo(second, "ann", 3.0)
    assert counts(labels) == ("patches", False)
    assert [one.label for one in in_force(labels.every())] == ["patches"]
    assert len(labels.every()) == 3


@pytest.mark.parametrize("which", ["none such", "an undo", "twice"])
def test_only_a_label_in_force_can_be_taken_back(labels: LabelFile, which: str) -> None:
    number = said(labels, "patches")
    if which == "none such":
        number += 7
    else:
        undo = labels.undo(number, "ann", 2.0).id
        number = undo if which == "an undo" else number
    with pytest.raises(ConfigError, match=r"there is no label|taken back already"):
        labels.undo(number, "ann", 3.0)
    assert labels.changed_by_hand() is None


def test_a_region_and_its_frame_are_labelled_apart(labels: LabelFile) -> None:
    said(labels, OK)
    said(labels, "patches", box=(0, 0, 9, 9))
    assert {box for _, _, box in opinions(labels.every())} == {None, (0, 0, 9, 9)}


def test_labels_are_never_changed_or_deleted_by_sql(tmp_path: Path, labels: LabelFile) -> None:
    said(labels, "patches")
    database = sqlite3.connect(labels.path)
    for statement in ("DELETE FROM labels", "UPDATE labels SET label = 'ok'"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            database.execute(statement)
    database.close()


def test_a_row_that_someone_edited_is_named(labels: LabelFile) -> None:
    numbers = [said(labels, "patches", at=float(at)) for at in range(3)]
    assert labels.changed_by_hand() is None
    database = sqlite3.connect(labels.path)
    database.executescript("DROP TRIGGER labels_never_change; UPDATE labels SET person = 'eve' WHERE id = 2;")
    database.close()
    assert labels.changed_by_hand() == numbers[1]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_row_that_someone_deleted_is_named_wherever_it_stood(labels: LabelFile, number: int) -> None:
    for at in range(3):
        said(labels, "patches", at=float(at))
    database = sqlite3.connect(labels.path)
    database.executescript(f"DROP TRIGGER labels_stay; DELETE FROM labels WHERE id = {number};")
    database.close()
    assert labels.changed_by_hand() == number


def test_many_who_label_at_once_lose_nothing_and_break_no_link(tmp_path: Path) -> None:
    def one(person: str) -> None:
        file = LabelFile(tmp_path)
        for at in range(20):
            said(file, "patches", person, float(at))
        file.close()

    threads = [threading.Thread(target=one, args=(f"p{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file = LabelFile(tmp_path, read_only=True)
    assert len(file.every()) == 80
    assert file.changed_by_hand() is None
    file.close()


def test_a_line_without_labels_has_none_and_reading_makes_no_file(tmp_path: Path) -> None:
    file = LabelFile(tmp_path, read_only=True)
    assert file.every() == [] and not file.names("drop", "f1")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreError, match="read only"):
        said(file, "patches")


def test_labels_of_a_newer_version_are_left_as_they_are(labels: LabelFile, tmp_path: Path) -> None:
    said(labels, "patches")
    database = sqlite3.connect(labels.path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(NewerError, match="newer version"):
        LabelFile(tmp_path)


def test_what_cannot_be_a_label_a_name_or_a_note_is_refused_with_what_would_be_right() -> None:
    assert check_label("scratches", ["scratches"]) == "scratches"
    assert check_label("ok", ["scratches"]) == "ok"
    assert check_label("holes", ["scratches"], new=True) == "holes"
    assert check_person(" Ann ") == "Ann"
    with pytest.raises(ConfigError, match=r"'holes' is no label of this line \(ok, scratches\); --new-label"):
        check_label("holes", ["scratches"])
    with pytest.raises(ConfigError, match="do not print"):
        check_label("a\x1b[31m", ["scratches"], new=True)
    for bad in ("", "  ", "x" * 65, "ann\nbob", "ann\u202ebob"):
        with pytest.raises(ConfigError, match="--by"):
            check_person(bad)
    with pytest.raises(ConfigError, match="--note: 501 characters"):
        check_note("x" * 501)


def test_the_picture_of_a_labelled_frame_outlives_the_evidence(tmp_path: Path) -> None:
    shown = tmp_path / "evidence" / "1970-01-01" / "drop" / "f1.bmp"
    shown.parent.mkdir(parents=True)
    shown.write_bytes(b"pixels")
    kept = keep(tmp_path, 1.0, "drop", "f1")
    shown.unlink()
    assert (tmp_path / "labels" / kept).read_bytes() == b"pixels"
    assert keep(tmp_path, 1.0, "drop", "f1") == kept
    assert keep(tmp_path, 1.0, "drop", "f2") == ""


def test_a_picture_that_cannot_be_kept_is_an_error_and_leaves_no_half(tmp_path: Path) -> None:
    shown = tmp_path / "evidence" / "1970-01-01" / "drop" / "f1.bmp"
    shown.parent.mkdir(parents=True)
    shown.write_bytes(b"pixels")
    (tmp_path / "labels").write_text("a file in the way")
    with pytest.raises(StoreError, match="nothing was labelled"):
        keep(tmp_path, 1.0, "drop", "f1")
