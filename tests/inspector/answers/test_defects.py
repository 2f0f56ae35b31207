"""Holds typed questions about frames and defects: what cannot be is refused, and any number of answers streams."""

import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from inspector.answers import defects, line_record
from inspector.answers.defects import DefectsQuestion, RecordsQuestion
from inspector.errors import ConfigError, QuestionError
from inspector.settings import loading
from tests.fakes import Line
from tests.inspector import coils
from tests.inspector.record.test_store import verdict
from tests.measure import many_records


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"limit": -1}, "limit -1: 0 or more is needed"),
        ({"outcomes": ["defect", "bad"]}, "verdict bad: a frame ends as one of ok, defect, unsure, error"),
    ],
)
def test_a_question_that_cannot_be_is_refused_when_it_is_made(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(QuestionError, match=message):
        RecordsQuestion(**asked)


def test_a_name_that_is_not_on_record_is_refused_before_the_first_record_is_read(tmp_path: Path) -> None:
    made = coils.line(tmp_path)
    coils.record(made, verdict(1, "defect", name="c-1_0.bmp"))
    with line_record.opened(loading.load(made.config)) as line:
        with pytest.raises(QuestionError, match="source dorp: not on record; did you mean drop"):
            defects.records(line, RecordsQuestion(sources=["dorp"]))
        with pytest.raises(ConfigError, match="piece c-2: it is not on record; the last ones there: c-1"):
            defects.records(line, RecordsQuestion(piece="c-2"))
        with pytest.raises(QuestionError, match="source dorp: not on record"):
            defects.of_piece(line, DefectsQuestion(piece="c-1", sources=["dorp"]))


def test_of_the_defects_of_a_piece_the_first_are_given_and_all_are_counted(tmp_path: Path) -> None:
    made = coils.line(tmp_path)
    coils.record(made, *(verdict(at, "defect", name=f"c-1_{at}00.bmp", regions=[coils.SCRATCH]) for at in (1, 3, 5)))
    with line_record.opened(loading.load(made.config)) as line:
        answer = defects.of_piece(line, DefectsQuestion(piece="c-1", limit=2))
        assert (answer.piece.name, len(answer.defects), answer.total) == ("c-1", 2, 3)
        assert defects.of_piece(line, DefectsQuestion(piece="c-1", labels=[])).total == 3


def test_any_number_of_records_is_read_in_the_memory_of_a_page(tmp_path: Path) -> None:
    made = Line(tmp_path, [{"name": name, "type": "simulated"} for name in ("line-0", "line-1")])
    made.data.mkdir()
    many_records.write(made.data, 20_000, time.time())
    with line_record.opened(loading.load(made.config)) as line:
        tracemalloc.start()
        count = sum(1 for _ in defects.records(line, RecordsQuestion()))
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count == 20_000
    assert peak_bytes < 6e6  # four pages of 500 records; all 20,000 are 19 MB
