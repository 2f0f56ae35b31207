"""Holds `inspector grade --as`: a person releases a piece or overrides its grade, and the computed one stays."""

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from inspector.cli.main import main
from inspector.record.grades.decision_file import DecisionFile
from tests.fakes import Line
from tests.inspector import coils
from tests.inspector.record.test_store import verdict

LIMIT = {"limits": [{"grade": "hold", "limit": 1, "labels": ["scratches"]}], "max_missing_percent": 100}
ANN = ("--by", "Ann Lee", "--why", "looked at by hand")


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """A line with the coil c on record, which is on hold for a scratch; and p, which is prime."""
    made = coils.line(tmp_path, grading=LIMIT)
    shown = [verdict(1, name="c_0"), verdict(2, "defect", name="c_100", regions=[coils.SCRATCH])]
    coils.record(made, *shown, verdict(3, name="p_0"))
    return made


def grade(line: Line, piece: str, *words: str) -> int:
    """The exit code of the command."""
    return main(["grade", "-c", str(line.config), piece, *words])


def asked(line: Line, piece: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What the grade of the piece is, for machines."""
    capsys.readouterr()
    grade(line, piece, "--json")
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def report(line: Line, piece: str) -> coils.Page:
    """The report on the piece."""
    target = line.folder / "report.html"
    assert main(["report", "-c", str(line.config), piece, "--to", str(target)]) == 0
    return coils.Page(target.read_text())


def test_a_piece_on_hold_is_released_and_the_computed_grade_stays(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade(line, "c") == 1
    assert grade(line, "c", "--as", "second", *ANN) == 0
    shown = capsys.readouterr().out
    assert "released to second by Ann Lee" in shown and "looked at by hand" in shown and "computed: hold" in shown
    answer = asked(line, "c", capsys)
    assert (answer["grade"], answer["final"]) == ("hold", "second")
    decision = answer["decision"]
    assert (decision["kind"], decision["computed"], decision["person"]) == ("released", "hold", "Ann Lee")
    assert decision["reasons"] == [one["text"] for one in answer["reasons"]]
    assert grade(line, "c") == 0


def test_a_prime_piece_can_be_put_on_hold(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(line, "p", "--as", "hold", *ANN) == 1
    answer = asked(line, "p", capsys)
    assert (answer["decision"]["kind"], answer["grade"], answer["final"]) == ("overridden", "prime", "hold")


def test_the_last_decision_counts_and_an_undo_brings_back_the_one_before(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    grade(line, "c", "--as", "prime", *ANN)
    grade(line, "c", "--as", "second", "--by", "Bob", "--why", "a mark at the edge")
    assert asked(line, "c", capsys)["final"] == "second"
    assert grade(line, "c", "--undo", "--by", "Bob", "--why", "the wrong coil") == 0
    assert asked(line, "c", capsys)["final"] == "prime"
    assert grade(line, "c", "--undo", "--by", "Bob", "--why", "both were wrong") == 1
    assert asked(line, "c", capsys)["decision"] is None
    assert grade(line, "c", "--undo", "--by", "Bob", "--why", "again") == 2
    assert "nobody released or overrode the grade of c" in capsys.readouterr().err
    file = DecisionFile(line.data, read_only=True)
    assert [(one.kind, one.undoes) for one in file.of("c")] == [
        ("released", None), ("released", None), ("undo", 2), ("undo", 1),
    ]  # fmt: skip
    file.close()


def test_a_release_does_not_count_once_something_comes_up_that_was_not_known(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    grade(line, "c", "--as", "second", *ANN)
    coils.record(line, verdict(4, "defect", name="c_200", regions=[coils.SCRATCH]))
    answer = asked(line, "c", capsys)
    assert answer["final"] == "hold" and answer["decision"]["grade"] == "second"
    assert answer["unknown_then"] == [one["text"] for one in answer["reasons"]]
    assert grade(line, "c") == 1
    assert "does not count any more: unknown then: 2 defects" in capsys.readouterr().out
    text = report(line, "c").text
    assert "This decision does not count any more. Unknown then: 2 defects" in text and "for 1 reason, below" in text
    assert grade(line, "c", "--as", "second", *ANN) == 0


def test_the_report_shows_both_grades_with_who_and_why(line: Line) -> None:
    grade(line, "c", "--as", "prime", "--by", "Ann <b>", "--why", "the mark is <oil>")
    page = report(line, "c")
    assert "released by Ann <b>; computed: hold" in page.text and "Why hold?" in page.words
    assert "Released to prime by Ann <b>" in page.text and "the mark is <oil>" in page.text
    assert "Released" not in report(line, "p").text


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["c", "--as", "second", "--why", "so"], "--by: 0 characters"),
        (["c", "--as", "second", "--by", "Ann"], "--why: 0 characters"),
        (["c", "--as", "second", "--by", "Ann\n", "--why", "a\x1b[31m"], "--why: 'a\\x1b[31m' holds characters"),
        (["c", "--by", "Ann", "--why", "so"], "write `grade PIECE --as GRADE"),
        (["gone", "--as", "second", *ANN], "piece gone: it is not on record"),
        (["c", "-o", "grading.limits=[]", "--as", "second", *ANN], "grading.limits: none is set"),
    ],
)
def test_what_cannot_be_decided_is_an_error_and_nothing_is_kept(
    line: Line, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade(line, *words) == 2
    assert complaint in capsys.readouterr().err
    assert not (line.data / "grades").exists()


def test_a_piece_that_is_not_over_is_not_decided(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    coils.record(line, verdict(5, name="n_0", captured_at=time.time()))
    assert grade(line, "n", "--as", "prime", *ANN) == 2
    assert "piece n: it is not over" in capsys.readouterr().err


def test_decisions_are_never_changed_and_one_edited_by_hand_is_found(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    grade(line, "c", "--as", "hold", *ANN)
    database = sqlite3.connect(line.data / "grades" / "grades.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="never change"):
        database.execute("UPDATE grade_decisions SET grade = 'prime'")
    database.executescript("DROP TRIGGER grade_decisions_never_change; UPDATE grade_decisions SET grade = 'prime'")
    database.commit()
    database.close()
    assert grade(line, "c") == 2
    assert "decision 1 was changed by hand; restore the file from a backup" in capsys.readouterr().err


def test_decisions_outlive_a_record_that_is_lost(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    grade(line, "c", "--as", "second", *ANN)
    for file in line.data.glob("records.sqlite*"):
        file.unlink()
    coils.record(line, verdict(1, name="c_0"), verdict(2, "defect", name="c_100", regions=[coils.SCRATCH]))
    assert asked(line, "c", capsys)["final"] == "second"
