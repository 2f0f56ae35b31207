"""Holds why a stretch was not inspected: what its frames and the gaps of its time say, and nothing else."""

from pathlib import Path

import pytest

from inspector.protocol.verdicts import Verdict
from inspector.quality import coverage, gap_causes
from inspector.record import pieces
from inspector.record.gaps import Gap
from inspector.record.store import Store
from tests.inspector import coils
from tests.inspector.record.test_store import verdict


def why(folder: Path, frames: list[Verdict], *gaps: Gap) -> list[str]:
    """The causes of all that is missing."""
    line = coils.line(folder)
    coils.record(line, *frames)
    store = Store(line.data, read_only=True)
    piece = pieces.find(store, "c")
    found = gap_causes.of(store, piece, coverage.of(store, piece), gaps)
    store.close()
    return [one.why for one in found]


def at(mm: float, outcome: str = "ok", **changes: object) -> Verdict:
    """A frame at that place; 100 mm pass in a second."""
    return verdict(int(mm), outcome, name=f"c_{mm}", captured_at=1000 + mm / 100, **changes)


def test_a_frame_that_is_an_error_tells_why(tmp_path: Path) -> None:
    frames = [at(0), at(100, "error", reason="truncated"), at(200, "error", reason="truncated"),
              at(300, "error", reason="not an image"), at(400), at(500, "unsure", area=(0, 0, 0, 0), reason="no strip"),
              at(600)]  # fmt: skip
    assert why(tmp_path, frames) == ["truncated; not an image", "no strip"]


def test_a_place_that_was_rounded_does_not_hide_the_error_there(tmp_path: Path) -> None:
    places = [f"{n * 100.1:.1f}" for n in range(40)]
    frames = [
        verdict(n, "error" if n % 2 else "ok", name=f"c_{at}", width=200 * (n % 2 == 0), reason="cut")
        for n, at in enumerate(places)
    ]
    assert set(why(tmp_path, frames)) == {"cut"}


@pytest.mark.parametrize(
    ("began_at", "ended_at", "reason"),
    [(1001.5, 1001.6, "overload"), (990.0, 2000.0, "overload"), (1003.5, 1004.0, ""), (990.0, 999.0, "")],
)
def test_frames_that_never_came_are_explained_by_the_gap_of_their_time(
    tmp_path: Path, began_at: float, ended_at: float, reason: str
) -> None:
    gaps = [
        Gap(source="drop", reason="overload", began_at=began_at, ended_at=ended_at, frames=2),
        Gap(source="other", reason="stalled", began_at=1000, ended_at=1005),
    ]
    assert why(tmp_path, [at(0), at(300), at(400)], *gaps) == [reason]


def test_what_the_record_does_not_know_is_not_guessed(tmp_path: Path) -> None:
    assert why(tmp_path, [at(0), at(200), at(400)]) == ["", ""]
