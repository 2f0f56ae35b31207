"""Holds the defects of a piece: parts that frames cut are one defect, and nothing else is."""

import csv
import io
import json
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

from inspector.cli import main
from inspector.protocol.verdicts import Region
from inspector.quality import defects
from inspector.quality.defects import Defect
from inspector.record import pieces
from inspector.record.position import Locator
from inspector.record.store import Store
from inspector.settings.sources.place import PlaceSettings
from tests.fakes import Line
from tests.inspector.record.test_store import verdict

#: Frames of 100 lines and 0.5 mm a line lie 50 mm apart.
PLACE = Locator(PlaceSettings(mm_per_px=0.5, pattern=r"^(?P<piece>\w+)_(?P<at_mm>[\d.]+)"))
Boxes = dict[float, list[tuple[int, int, int, int, str]]]


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Store]:
    """An empty record."""
    opened = Store(tmp_path)
    yield opened
    opened.close()


def region(box: tuple[int, int, int, int, str], score: float, severity: str) -> Region:
    """A region of that place and label."""
    x, y, width, height, label = box
    return Region(x=x, y=y, width=width, height=height, label=label, score=score, severity=severity)


def write(book: Store, boxes: Boxes, source: str = "drop", piece: str = "c") -> None:
    """Frames at these mm, with these regions (x, y, width, height, label), on record in the order given."""
    frames = [
        verdict(
            number, "defect", source, frame=f"{piece}-{at}", name=f"{piece}_{at}", width=400, height=100,
            regions=[region(box, 0.5 + number / 64, "major" if number % 2 else "minor") for box in regions],
        )
        for number, (at, regions) in enumerate(boxes.items())
    ]  # fmt: skip
    book.write([("m", one) for one in frames], locators={source: PLACE})


def of(book: Store, piece: str = "c") -> list[Defect]:
    """The defects of the piece."""
    return defects.of(book, pieces.find(book, piece))


def rectangles(found: list[Defect]) -> list[tuple[str, float | None, float | None, float | None, float | None, int]]:
    """Label, rectangle in mm and number of frames of each."""
    return [(one.label, one.x_mm, one.y_mm, one.width_mm, one.length_mm, one.frames) for one in found]


def test_a_defect_that_runs_through_three_frames_is_one_in_whatever_order_they_came(book: Store) -> None:
    boxes: Boxes = {
        0.0: [(10, 60, 20, 40, "s"), (300, 0, 10, 10, "s")],
        50.0: [(20, 0, 30, 100, "s")],
        100.0: [(40, 0, 20, 10, "s")],
    }
    for number, order in enumerate(permutations(boxes.items())):
        write(book, dict(order), piece=f"c{number}")

        found = of(book, f"c{number}")
        assert rectangles(found) == [("s", 150, 0, 5, 5, 1), ("s", 5, 30, 25, 75, 3)]
        assert (found[1].name, found[1].y, found[1].severity, found[1].score) == (
            f"c{number}_0.0",
            60,
            "major",
            0.53125,
        )


@pytest.mark.parametrize(
    "second",
    [
        {50.0: [(10, 1, 20, 40, "s")]},  # it does not begin at the border
        {50.0: [(31, 0, 20, 40, "s")]},  # beside it
        {50.0: [(10, 0, 20, 40, "p")]},  # another label
        {100.0: [(10, 0, 20, 40, "s")]},  # a frame lies between
    ],
)
def test_parts_that_do_not_meet_at_the_border_are_two(book: Store, second: Boxes) -> None:
    write(book, {0.0: [(10, 60, 20, 40, "s")]} | second)
    assert len(of(book)) == 2


def test_parts_of_another_source_or_piece_are_others(book: Store) -> None:
    write(book, {0.0: [(10, 60, 20, 40, "s")]})
    write(book, {50.0: [(10, 0, 20, 40, "s")]}, source="below")
    write(book, {50.5: [(10, 0, 20, 40, "s")]}, piece="d")

    assert rectangles(of(book)) == [("s", 5, 50, 10, 20, 1), ("s", 5, 30, 10, 20, 1)]


def test_a_part_that_ends_before_the_border_is_not_joined(book: Store) -> None:
    write(book, {0.0: [(10, 60, 20, 39, "s")], 50.0: [(10, 0, 20, 40, "s")]})
    assert len(of(book)) == 2


def test_frames_that_overlap_or_shiver_are_joined_all_the_same(book: Store) -> None:
    write(book, {0.0: [(10, 60, 20, 40, "s")], 52.0: [(10, 0, 20, 40, "s")], 62.0: [(10, 0, 20, 40, "s")]})
    assert rectangles(of(book)) == [("s", 5, 30, 10, 52, 3)]


def test_two_arms_that_meet_in_the_next_frame_are_one_defect(book: Store) -> None:
    write(book, {
        0.0: [(0, 90, 10, 10, "s"), (100, 80, 10, 20, "s")], 50.0: [(0, 0, 110, 10, "s"), (0, 50, 9, 9, "s")],
    })  # fmt: skip
    assert rectangles(of(book)) == [("s", 0, 40, 55, 15, 2), ("s", 0, 75, 4.5, 4.5, 1)]


def test_regions_without_a_place_are_defects_by_themselves(book: Store) -> None:
    locator = Locator(PlaceSettings(pattern=r"^(?P<piece>\w+)_(?P<at_mm>[\d.]+)"))  # no size of a pixel
    cut = [
        verdict(
            n,
            "defect",
            name=f"c_{n}",
            height=100,
            regions=[Region(x=0, y=0, width=9, height=100, label="s", score=0.9)],
        )
        for n in range(3)
    ]
    book.write([("m", one) for one in cut], locators={"drop": locator})

    assert [(one.frames, one.x_mm, one.y_mm, one.width) for one in of(book)] == [(1, None, None, 9)] * 3


def test_the_command_lists_the_defects_of_a_piece(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    line = Line(tmp_path)
    line.data.mkdir()
    book = Store(line.data)
    write(book, {
        0.0: [(10, 60, 20, 40, "s"), (300, 0, 10, 10, "p")], 50.0: [(20, 0, 30, 30, "s")], 300.0: [(0, 0, 9, 9, "s")],
    })  # fmt: skip
    book.close()

    def run(*options: str) -> str:
        assert main.main(["defects", "-c", str(line.config), "--piece", "c", *options]) == 0
        return capsys.readouterr().out

    rows = [json.loads(row) for row in run("--json").splitlines()]
    assert [(row["label"], row["y_mm"], row["frames"]) for row in rows] == [("p", 0, 1), ("s", 30, 2), ("s", 300, 1)]
    assert [row["y_mm"] for row in csv.DictReader(io.StringIO(run("--csv", "--label", "s")))] == ["30.0", "300.0"]
    table = run("--limit", "2")
    assert "0.030" in table and table.splitlines()[-1] == "3 defects, 2 of them shown"
    assert len(run("--json", "--verdict", "defect").splitlines()) == 3  # its frames
    assert main.main(["defects", "-c", str(line.config), "--piece", "c", "--since", "1h"]) == 2
