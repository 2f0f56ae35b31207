"""What the log says of frames as they come on record."""

import logging

import pytest

from inspector.protocol.verdicts import Verdict
from inspector.record.position import Locator
from inspector.settings.sources.place import PlaceSettings
from inspector.sink.verdict_log import LINES_PER_MINUTE, VerdictLog
from tests.inspector.verdicts import verdict_of


def verdict(name: str, outcome: str = "error") -> Verdict:
    frame = f"{abs(hash(name)):032x}"[:32]
    return verdict_of(outcome, frame=frame, name=name, height=0, width=0, reason="empty file")


def test_each_failed_file_is_a_warning_with_its_name_and_why(caplog: pytest.LogCaptureFixture) -> None:
    VerdictLog({}).note([verdict("a\nb.bmp"), verdict("good.bmp", "ok")])

    (line,) = caplog.records
    assert line.levelno == logging.WARNING
    assert line.getMessage() == "drop: 'a\\nb.bmp' could not be inspected: empty file"


def test_a_flood_of_failed_files_is_counted_and_not_told_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    log = VerdictLog({}, clock=lambda: now[0])

    log.note(verdict(f"{number}.bmp") for number in range(1000))
    assert len(caplog.records) == LINES_PER_MINUTE
    now[0] = 61.0
    log.turn()

    assert caplog.records[-1].getMessage().startswith(f"{1000 - LINES_PER_MINUTE} more frames could not be inspected")
    log.note([verdict("next.bmp")])
    assert "next.bmp" in caplog.records[-1].getMessage()


def test_a_place_in_a_name_that_is_no_number_is_trouble_until_one_can_be_read() -> None:
    locators = {"drop": Locator(PlaceSettings(pattern=r"(?P<piece>[^_]+)_(?P<at_mm>[0-9.]+)"))}
    log = VerdictLog(locators)

    assert log.unplaced([verdict("coil_5529.6.bmp", "ok")]) == {
        "drop": "place.pattern reads at_mm in 'coil_5529.6.bmp' as '5529.6.', which is no number"
    }
    assert log.unplaced([verdict("coil_5529", "ok")]) == {"drop": ""}
