"""Holds `inspector model golden`: labelled frames are frozen with picture and label, and kept for ever."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.cli.main import main
from tests.fakes import Line
from tests.inspector import coils
from tests.inspector.record.test_store import verdict

PIXELS = np.full((200, 200), 90, np.uint8)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """A line with four frames on record: two labelled, one disputed, one labelled without a picture."""
    made = coils.line(tmp_path)
    shown = [verdict(1, "defect", name="c-1_0.bmp"), verdict(2, "unsure", name="c-1_100.bmp"), verdict(3, "unsure")]
    coils.record(made, *shown, pixels=PIXELS)
    coils.record(made, verdict(4, name="c-1_200.bmp"))
    for words in (["1", "--by", "Ann"], ["2", "--by", "Ann"], ["3", "--by", "Ann"], ["4", "--by", "Ann"]):
        assert main(["label", "-c", str(made.config), *words, "--as", "scratches"]) == 0
    assert main(["label", "-c", str(made.config), "3", "--by", "Bob", "--as", "ok"]) == 0
    return made


def run(line: Line, action: str, *words: str) -> int:
    """The exit code of a command on the golden set."""
    return main(["model", "golden", action, "-c", str(line.config), *words])


def asked(line: Line, capsys: pytest.CaptureFixture[str], action: str, *words: str) -> list[dict[str, Any]]:
    """What an action answers, as JSON lines."""
    capsys.readouterr()
    assert run(line, action, *words, "--json") == 0
    return [json.loads(row) for row in capsys.readouterr().out.splitlines()]


def test_a_labelled_frame_is_frozen_with_picture_and_label_and_outlives_evidence_record_and_labels(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    (one,) = asked(line, capsys, "add", "c-1_0.bmp", "--by", "Ann", "--why", "escaped in May")
    assert (one["label"], one["person"], one["why"], one["record"]["id"]) == ("scratches", "Ann", "escaped in May", 1)
    assert asked(line, capsys, "add", "1", "--by", "Bob") == [one]
    for gone in ("evidence", "labels"):
        shutil.rmtree(line.data / gone)
    for path in line.data.glob("records.sqlite*"):
        path.unlink()
    assert asked(line, capsys, "list") == [one]
    picture = line.data / "models" / "golden" / "pictures" / f"{one['picture']}.bmp"
    assert picture.stat().st_size > PIXELS.size


def test_a_frame_is_taken_out_by_a_row_of_its_own_with_a_reason(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    assert [one["id"] for one in asked(line, capsys, "add", "1", "2", "--by", "Ann")] == [1, 2]
    (gone,) = asked(line, capsys, "remove", "1", "--by", "Bob", "--why", "the wrong frame")
    assert (gone["id"], gone["removes"], gone["person"]) == (3, 1, "Bob")
    assert [one["id"] for one in asked(line, capsys, "list")] == [2]
    assert run(line, "remove", "1", "--by", "Bob", "--why", "again") == 2
    assert "the set has no such frame; it has 2" in capsys.readouterr().err


def test_a_frame_whose_label_changed_is_added_again_and_takes_the_place_of_its_row(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(line, capsys, "add", "1", "--by", "Ann")
    assert main(["label", "-c", str(line.config), "1", "--by", "Ann", "--as", "patches"]) == 0
    asked(line, capsys, "add", "1", "--by", "Ann")
    assert [one["label"] for one in asked(line, capsys, "list")] == ["patches"]


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        ("77", "nobody labelled it as a whole"),
        ("3", "people dispute it (Ann: scratches, Bob: ok)"),
        ("4", "no picture of it is kept"),
    ],
)
def test_a_frame_that_no_model_could_be_held_to_is_refused_and_nothing_is_added(
    line: Line, frame: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line, "add", "1", frame, "--by", "Ann") == 2
    assert complaint in capsys.readouterr().err
    assert asked(line, capsys, "list") == []


def test_a_set_that_someone_edited_is_refused(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    asked(line, capsys, "add", "1", "--by", "Ann")
    database = sqlite3.connect(line.data / "models" / "golden" / "golden.sqlite")
    database.executescript("DROP TRIGGER golden_never_change; UPDATE golden SET label = 'ok';")
    database.close()
    assert run(line, "list") == 2
    assert "row 1 was changed by hand" in capsys.readouterr().err
