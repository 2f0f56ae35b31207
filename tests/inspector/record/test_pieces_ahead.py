"""Holds pieces that were started by a clock that was ahead: no frame is silently of the piece before."""

import json
import time
from functools import partial
from pathlib import Path

import pytest

from inspector.cli import main
from inspector.protocol.verdicts import Verdict
from inspector.record import pieces
from inspector.record.position import Locator
from inspector.record.store import Store
from inspector.vocabulary import Outcome
from tests.fakes import Line, running, wait_until
from tests.inspector.pictures import neu_bmp, strip
from tests.inspector.record.test_pieces import book, start, stop  # noqa: F401
from tests.inspector.record.test_store import verdict

DAYS = 91 * 86_400.0


def write(book: Store, at: float, **changes: object) -> tuple[str, Outcome]:  # noqa: F811
    """Record a frame that was captured at `at`, at once; the piece that it is of, and its outcome."""
    one: Verdict = verdict(int(at), captured_at=at, **changes)
    book.write([("m", one)], now=at, locators={"drop": Locator()})
    number, outcome = next(book.read("SELECT piece, outcome FROM records ORDER BY id DESC"))
    return dict(book.read("SELECT id, name FROM pieces")).get(number, ""), outcome


def test_frames_after_a_start_by_a_clock_that_was_ahead_are_not_of_the_piece_before(book: Store) -> None:  # noqa: F811
    start(book, "coil-1", 1000.0)
    assert write(book, 1010.0)[0] == "coil-1"
    start(book, "coil-2", 1020.0 + DAYS)
    assert write(book, 1021.0 + DAYS)[0] == "coil-2"
    # When the clock is right again
    assert write(book, 1030.0)[0].startswith("coil-2 or the one before")
    assert write(book, 1009.0)[0] == "coil-1"
    assert write(book, DAYS + 1015.0)[0].startswith("coil-2 or the one before")
    # And the next coil ends it
    start(book, "coil-3", 1040.0)
    assert write(book, 1041.0)[0] == "coil-3"
    assert write(book, 1035.0)[0].startswith("coil-2 or the one before")
    stop(book, 1050.0)
    assert write(book, 1055.0)[0] == ""
    assert (pieces.find(book, "coil-1").ended_at, pieces.ahead(book, 1060.0)) == (1010.0, "")


def test_the_same_piece_may_be_started_again_with_the_clock_right(book: Store) -> None:  # noqa: F811
    start(book, "coil-1", 1000.0)
    start(book, "coil-2", 1020.0 + DAYS)
    assert write(book, 1021.0 + DAYS)[0] == "coil-2"
    assert "coil-2 was started by a clock that was 2.18e+03 h ahead of what is known" in pieces.ahead(book, 1030.0)
    assert start(book, "coil-2", 1040.0).id == 2
    assert write(book, 1039.0)[0].startswith("coil-2 or the one before")
    assert (write(book, 1041.0)[0], pieces.ahead(book, 1042.0)) == ("coil-2", "")


def test_a_frame_that_was_decided_by_the_recipe_of_the_piece_before_is_unsure(book: Store) -> None:  # noqa: F811
    with book.transaction() as cursor:
        pieces.start(cursor, 1000.0, "coil-1", recipe="hidden")
    with book.transaction() as cursor:
        pieces.start(cursor, 1020.0 + DAYS, "coil-2", recipe="exposed")
    assert write(book, 1030.0, recipe="hidden")[1] == "unsure"
    assert write(book, 1031.0)[1] == "unsure"


def test_a_slow_disk_is_no_clock_that_was_ahead(book: Store) -> None:  # noqa: F811
    start(book, "coil-1", 1000.0)
    clock = iter([1010.0, 1010.7, 1010.7, 1012.2, 1012.2, 1012.2, 1012.2, 1014.2])
    pieces.switch(book, partial(pieces.start, name="coil-2"), lambda: next(clock), lambda _: None)
    assert (write(book, 1012.0)[0], write(book, 1015.0)[0]) == ("coil-1", "coil-2")


def test_a_line_whose_clock_came_back_says_which_piece_was_started_ahead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = Line(tmp_path)
    with running(line):
        wait_until(lambda: '"ready": true' in line.page("readyz"), line.explain)
        began = Store(line.data)
        start(began, "coil-2", time.time() + DAYS)  # as by a clock that is right again since
        began.close()
        wait_until(lambda: "piece: coil-2 was started by a clock that was" in line.page("readyz"), line.explain)
        (line.drop / "a.bmp").write_bytes(neu_bmp(strip()))
        line.wait_for_records(1)
        told = [json.loads(row)["name"] for row in line.run("piece", "--json").stdout.splitlines()]
        assert told[0].startswith("coil-2 or the one before")
        assert line.run("piece", "start", "coil-2").stderr == ""
        wait_until(lambda: '"ready": true' in line.page("readyz"), line.explain)
        # And while it is still ahead of what the line knows, the command says so
        ahead = Store(line.data)
        ahead.set_mark("clock records", int(time.time() - 91 * 86_400))
        ahead.close()
        assert main.main(["piece", "-c", str(line.config), "start", "coil-3"]) == 0
        assert "warning: coil-3 was started by a clock that was 2.18e+03 h ahead" in capsys.readouterr().err
        assert line.stop() == 0
