"""Holds `inspector label` and `inspector labels`: who said what of which frame, kept whatever becomes of the record."""

import csv
import io
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.cli.main import main
from inspector.record.labels.label_file import LabelFile
from tests.fakes import Line
from tests.inspector import coils
from tests.inspector.record.test_store import verdict

PIXELS = np.full((200, 200), 90, np.uint8)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """A line with three frames on record, a defect with its region among them; the pictures of two are kept."""
    made = coils.line(tmp_path)
    shown = [verdict(1, "defect", name="c-1_0.bmp", regions=[coils.SCRATCH]), verdict(2, "unsure", name="c-1_100.bmp")]
    coils.record(made, *shown, pixels=PIXELS)
    coils.record(made, verdict(3, name="c-1_200.bmp"))
    return made


def run(line: Line, *words: str) -> int:
    """The exit code of a command on the line."""
    return main([words[0], "-c", str(line.config), *words[1:]])


def listed(line: Line, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    """The labels as JSON lines."""
    capsys.readouterr()
    assert run(line, "labels", "--json", *words) == 0
    return [json.loads(row) for row in capsys.readouterr().out.splitlines()]


def test_a_frame_is_labelled_by_name_or_number_and_its_picture_is_kept(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line, "label", "c-1_0.bmp", "2", "--as", "scratches", "--by", "Ann", "--note", "along the edge") == 0
    first, second = listed(line, capsys)
    assert (first["label"], first["person"], first["note"]) == ("scratches", "Ann", "along the edge")
    assert (first["record"]["name"], second["record"]["name"]) == ("c-1_0.bmp", "c-1_100.bmp")
    assert first["record"]["outcome"] == "defect" and first["record"]["model"] == "m"
    shutil.rmtree(line.data / "evidence")
    assert (line.data / "labels" / first["picture"]).stat().st_size > PIXELS.size


def test_a_region_is_labelled_by_its_number_or_its_pixels(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line, "label", "1", "--as", "ok", "--by", "Ann", "--region", "1") == 0
    assert run(line, "label", "1", "--as", "scratches", "--by", "Ann", "--region", "0,0,200,200") == 0
    assert [one["box"] for one in listed(line, capsys)] == [[10, 20, 60, 40], [0, 0, 200, 200]]


def test_a_label_is_taken_back_by_its_number(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    run(line, "label", "1", "--as", "ok", "--by", "Ann")
    assert run(line, "label", "--undo", "1", "--by", "Bob", "--note", "the wrong frame") == 0
    assert [(one["kind"], one["person"], one["undoes"]) for one in listed(line, capsys)] == [
        ("first", "Ann", None),
        ("undo", "Bob", 1),
    ]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["label", "1", "--as", "holes", "--by", "Ann"], "'holes' is no label of this line (ok, "),
        (["label", "77", "--as", "ok", "--by", "Ann"], "frame 77: not on record: it is not decided yet"),
        (["label", "9" * 30, "--as", "ok", "--by", "Ann"], "not on record"),
        (["label", "c-1_200.bmp", "--as", "ok", "--by", "Ann"], "no picture of that name is kept"),
        (["label", "1", "--as", "ok", "--by", "A\x1b[31m"], "holds characters that do not print"),
        (["label", "1", "--as", "ok", "--by", " "], "--by: 0 characters"),
        (["label", "1", "--as", "ok", "--by", "Ann", "--region", "2"], "region 2: record 1 has regions 1 to 1"),
        (["label", "2", "--as", "ok", "--by", "Ann", "--region", "1"], "record 2 has no regions"),
        (["label", "1", "--as", "ok", "--by", "Ann", "--region", "190,0,20,9"], "not within the frame"),
        (["label", "1", "2", "77", "--as", "ok", "--by", "Ann"], "frame 77"),
        (["label", "--undo", "5", "--by", "Ann"], "there is no label 5"),
        (["label", "--by", "Ann"], "write `label FRAME"),
    ],
)
def test_what_cannot_be_labelled_is_an_error_and_nothing_is_kept(
    line: Line, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line, *words) == 2
    assert complaint in capsys.readouterr().err
    assert listed(line, capsys) == []


def test_a_name_that_two_frames_have_is_refused_with_their_numbers(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    coils.record(line, verdict(4, "defect", name="c-1_0.bmp"), pixels=PIXELS)
    assert run(line, "label", "c-1_0.bmp", "--as", "ok", "--by", "Ann") == 2
    assert "more than one has this name; write the number of one: 1, 4" in capsys.readouterr().err


def test_a_label_that_the_line_does_not_know_is_taken_if_it_is_meant_and_known_from_then_on(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line, "label", "1", "--as", "holes", "--by", "Ann", "--new-label") == 0
    assert run(line, "label", "2", "--as", "holes", "--by", "Bob") == 0
    assert [one["label"] for one in listed(line, capsys, "--label", "holes")] == ["holes", "holes"]


def test_a_frame_without_a_picture_is_labelled_and_it_is_said_that_nothing_can_learn_from_it(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line, "label", "3", "--as", "scratches", "--by", "Ann") == 0
    assert "no picture of it is kept: nothing can learn from it" in capsys.readouterr().out


def test_labels_outlive_a_record_that_is_lost(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    run(line, "label", "1", "--as", "ok", "--by", "Ann")
    before = listed(line, capsys)
    for path in line.data.glob("records.sqlite*"):
        path.unlink()
    assert listed(line, capsys) == before


def test_labels_that_someone_edited_by_hand_are_shown_with_a_complaint_and_take_no_more(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    run(line, "label", "1", "--as", "ok", "--by", "Ann")
    database = sqlite3.connect(line.data / "labels" / "labels.sqlite")
    database.executescript("DROP TRIGGER labels_never_change; UPDATE labels SET person = 'Eve';")
    database.close()
    assert run(line, "labels") == 1
    assert "label 1 was changed by hand" in capsys.readouterr().err
    assert run(line, "label", "2", "--as", "ok", "--by", "Ann") == 2
    assert "restore the file from a backup" in capsys.readouterr().err


def test_labels_come_as_csv_with_what_the_model_had_said(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    run(line, "label", "1", "--as", "ok", "--by", "=Ann", "--region", "1")
    capsys.readouterr()
    assert run(line, "labels", "--csv") == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["name"], row["label"], row["model_label"], row["x"]) == ("c-1_0.bmp", "ok", "scratches", "10")
    assert row["person"] == "'=Ann"


def test_labels_are_listed_by_person_time_and_source(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    run(line, "label", "1", "--as", "ok", "--by", "Ann")
    run(line, "label", "1", "--as", "scratches", "--by", "Bob")
    assert [one["kind"] for one in listed(line, capsys, "--by", "Bob")] == ["second"]
    assert listed(line, capsys, "--until", "2020-01-01") == []
    assert len(listed(line, capsys, "--source", "drop")) == 2
    assert run(line, "labels") == 0
    shown = capsys.readouterr().out
    assert "Ann" in shown and "c-1_0.bmp" in shown


def test_a_labelled_frame_keeps_its_name_in_the_file_of_labels(line: Line) -> None:
    run(line, "label", "1", "--as", "ok", "--by", "Ann")
    file = LabelFile(line.data, read_only=True)
    assert file.names("drop", "frame-1") and not file.names("drop", "frame-2")
    file.close()


def test_quality_estimates_what_the_model_misses_from_labelled_frames_that_were_chosen_at_random(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(10, 20):
        coils.record(line, verdict(number, sampled=number < 14, captured_at=2000.0 + number), pixels=PIXELS)
    run(line, "label", "4", "--as", "scratches", "--by", "Ann")
    run(line, "label", "5", "6", "--as", "ok", "--by", "Ann")
    run(line, "label", "9", "--as", "scratches", "--by", "Ann")  # not chosen at random
    capsys.readouterr()
    assert run(line, "quality", "--json", "--since", "1970-01-01T00:33:20+00:00") == 0
    rate = json.loads(capsys.readouterr().out)["escape_rate"]
    assert (rate["escapes"]["hits"], rate["escapes"]["of"], rate["sampled"], rate["passed"]) == (1, 3, 4, 10)
    assert rate["missed"] == pytest.approx(10 / 3)
    assert 0 < rate["missed_low"] < rate["missed"] < rate["missed_high"] < 10
    assert run(line, "quality") == 0
    assert "about 4 of 11 (1 to 9); 3 of 4 chosen at random are labelled" in capsys.readouterr().out
    assert run(line, "quality", "--model", "m") == 0
    assert "not known; 3 of 4 chosen at random are labelled" in capsys.readouterr().out
    assert run(line, "quality", "--source", "drop") == 0
    assert "about 4 of 11" in capsys.readouterr().out
