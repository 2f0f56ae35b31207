"""Holds typed answers on what was inspected: by a clock that is passed in, and whole only where nothing is missing."""

from contextlib import closing
from pathlib import Path

import pytest

from inspector.answers import account
from inspector.answers.account import AccountQuestion, PieceAccountQuestion
from inspector.answers.line_record import LineRecord
from inspector.errors import QuestionError
from inspector.record.store import Store
from inspector.settings import loading
from tests.inspector import coils
from tests.inspector.record.test_store import tally, verdict


def test_a_source_is_silent_by_the_clock_of_who_asks(tmp_path: Path) -> None:
    made = coils.line(tmp_path)
    with closing(Store(made.data)) as store:
        store.write([("m", verdict(1))], [tally(1, ok=1)])  # at 1000 s since 1970
        at_once, later = (
            account.of_line(LineRecord(store=store, settings=loading.load(made.config), clock=clock), AccountQuestion())
            for clock in (lambda: 1001.0, lambda: 4600.0)
        )
    assert (at_once.gaps, at_once.unbalanced, at_once.window) == ([], [], None)
    (gap,) = later.gaps
    assert (gap.state, gap.reason, gap.ended_at) == ("open", "not_running", 4600.0)


def test_a_piece_is_whole_only_where_a_source_saw_all_of_it(tmp_path: Path) -> None:
    made = coils.line(tmp_path)
    coils.record(made, *(verdict(at, name=f"{name}_{100 * at}") for name, at in
                         (("whole", 1), ("whole", 2), ("torn", 4), ("torn", 6))))  # fmt: skip
    with closing(Store(made.data)) as store:
        line = LineRecord(store=store, settings=loading.load(made.config))
        whole, torn = (account.of_piece(line, PieceAccountQuestion(piece=name)) for name in ("whole", "torn"))
        with pytest.raises(QuestionError, match="source dorp: the line has no such source; it has drop"):
            account.of_piece(line, PieceAccountQuestion(piece="whole", sources=["dorp"]))
    assert (whole.whole, torn.whole) == (True, False)
    assert [(one.from_mm, one.to_mm) for one in torn.sources[0].missing] == [(500, 600)]
