"""Holds what is unsure of a frame that is decided in parts: where it is, how much, and that it counts as that much."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from inspector.cli import main
from inspector.protocol.verdicts import MAX_DOUBT, MAX_REGIONS, Doubt, Verdict
from inspector.quality.coverage import Stretch
from inspector.quality.uncertain_areas import UncertainArea
from inspector.record.placement import withheld
from inspector.record.queries import Query
from inspector.record.schema import FILE, MIGRATIONS
from inspector.record.store import Store
from inspector.reports.map import coil_map, shading
from inspector.reports.map.axis import Axis
from inspector.reports.map.band import FieldOfView
from inspector.reports.map.shapes import Rectangle
from inspector.vision import tiling
from inspector.vision.decision import TileDecision
from inspector.vocabulary import Reason
from inspector.worker import regions
from tests.inspector import coils
from tests.inspector.pictures import strip
from tests.inspector.record.test_store import verdict
from tests.inspector.reports.test_coil_map import COIL, UNSURE, share
from tests.inspector.reports.test_report import page, rows


def cut(picture: str) -> tuple[tuple[tiling.Tile, ...], list[TileDecision]]:
    """A frame of 10 px tiles: `.` is ok, `?` unsure, less the later it comes, any other letter a defect."""
    lines = picture.split()
    decisions = {".": TileDecision("ok", "ok", "none", 1.0), "s": TileDecision("defect", "s", "major", 1.0)}
    decided = [
        decisions.get(letter)
        or TileDecision("unsure", f"l{at}", "none", 0.6 - at / 1000, Reason("", f"why {at}" + 99 * "y"))
        for at, letter in enumerate("".join(lines))
    ]
    return tiling.cut(10 * len(lines), 10 * len(lines[0]), 10), decided


LOW = Reason("low_score", "0.70")


def found(picture: str) -> list[Doubt]:
    """The doubts of such a frame."""
    return regions.doubts(*cut(picture))


def in_doubt(number: int, *boxes: tuple[int, int, int, int], share: float, outcome: str = "unsure") -> Verdict:
    """A frame of 800 x 200 px of the piece c, 100 mm long, with such doubts."""
    doubts = [
        Doubt(x=x, y=y, width=wide, height=high, label="scratches", score=0.5, reason=LOW) for x, y, wide, high in boxes
    ]
    return verdict(
        number, outcome, name=f"c_{100 * number}", width=800, doubts=doubts, in_doubt=share,
        reason="score under 0.70" if outcome == "unsure" else "",
    )  # fmt: skip


def test_unsure_tiles_that_touch_are_one_whatever_they_look_like_and_the_largest_comes_first() -> None:
    one, other = found("?..??  s..?.")
    assert (one.x, one.y, one.width, one.height) == (30, 0, 20, 20)
    assert (other.x, other.y, other.width, other.height) == (0, 0, 10, 10)
    assert (one.label, one.score) == ("l8", 0.592)  # the least sure of them
    assert one.reason.detail.startswith("why 8yy") and len(one.reason.detail) == MAX_DOUBT
    assert regions.in_doubt(*cut("?..??  s..?.")) == 4 / 10


@pytest.mark.parametrize(("picture", "share"), [("?", None), (".", None), ("..", 0.0), ("??", 1.0), ("s?", 0.5)])
def test_a_frame_that_is_one_tile_is_as_its_outcome_says(picture: str, share: float | None) -> None:
    assert regions.in_doubt(*cut(picture)) == share
    assert len(found(picture)) == (1 if share else 0)


def test_more_than_fit_lose_nothing_the_smallest_share_a_rectangle() -> None:
    line = "?." * (MAX_REGIONS + 40)
    doubts = found(f"{line} {'.' * len(line)} ??{'.' * (len(line) - 2)}")
    assert len(doubts) == MAX_REGIONS
    assert (doubts[0].y, doubts[0].width) == (20, 20)
    assert doubts[-1].x + doubts[-1].width == 10 * (len(line) - 1)


def test_they_are_on_record_in_their_order_and_go_with_the_frame(tmp_path: Path) -> None:
    book = Store(tmp_path)
    one, other = in_doubt(1, (0, 0, 99, 9), (5, 5, 9, 9), share=0.25), in_doubt(2, share=0.0, outcome="ok")
    book.write([("m", one), ("m", other), ("m", verdict(3, "unsure")), ("m", withheld(one, LOW))])
    recorded = {record.sequence: record for record in book.records(Query())}
    assert [(part["x"], part["width"]) for part in recorded[1].doubts] == [(0, 99), (5, 9)]
    assert {(part["reason"], part["reason_code"]) for part in recorded[1].doubts} == {("score under 0.70", "low_score")}
    assert (recorded[1].reason, recorded[1].reason_code) == ("score under 0.70", "low_score")
    assert [recorded[number].in_doubt for number in (1, 2, 3)] == [0.25, 0.0, None]
    assert recorded[2].doubts == recorded[3].doubts == []
    assert (withheld(one, LOW).doubts, withheld(one, LOW).in_doubt) == ([], None)
    with book.transaction() as cursor:
        cursor.execute("DELETE FROM records WHERE sequence = 1")
    assert list(book.read("SELECT * FROM doubts")) == []
    book.close()


def test_a_piece_is_in_doubt_by_area_and_not_by_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Given ten frames: a quarter of two is unsure, beside a defect a tenth, one as a whole; and one that was damaged
    line = coils.line(tmp_path, grading={"limits": [{"grade": "second", "limit": 99}], "max_unsure_percent": 17})
    parts = [in_doubt(n, (0, 0, 200, 200), share=0.25) for n in (1, 2)]
    beside = in_doubt(3, (0, 0, 80, 200), share=0.1, outcome="defect")
    whole, damaged = verdict(4, "unsure", name="c_400", width=800), verdict(5, "error", name="c_500", width=800)
    rest = [in_doubt(n, share=0.0, outcome="ok") for n in (0, 6, 7, 8, 9)]
    coils.record(line, *parts, beside, whole, damaged, *rest)
    assert main.main(["account", "-c", str(line.config), "--piece", "c", "--json"]) == 1
    (source,) = json.loads(capsys.readouterr().out)["sources"]
    assert source["in_doubt"] == pytest.approx((0.25 + 0.25 + 0.1 + 1.0) / 9)
    # And where it is known where across, that is not all of the width
    assert source["unsure"] == [{"from_mm": 400.0, "to_mm": 500.0}]
    main.main(["grade", "-c", str(line.config), "c"])
    assert "17.8% of what drop inspected is unsure; 17% may be." in " ".join(capsys.readouterr().out.split())
    main.main(["account", "-c", str(line.config), "--piece", "c"])
    assert "18 %" in capsys.readouterr().out


def test_a_frame_without_strip_is_in_doubt_as_a_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = coils.line(tmp_path)
    coils.record(line, verdict(1, "unsure", name="c_0", area=(0, 0, 0, 0)), verdict(2, name="c_100"))
    assert main.main(["account", "-c", str(line.config), "--piece", "c", "--json"]) == 1  # nor was it inspected
    assert json.loads(capsys.readouterr().out)["sources"][0]["in_doubt"] == 0.5


def test_a_list_of_unsure_frames_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    line = coils.line(tmp_path)
    coils.record(line, in_doubt(1, (600, 50, 100, 100), (0, 0, 9, 9), share=0.07))
    assert main.main(["defects", "-c", str(line.config), "--verdict", "unsure"]) == 0
    assert "300 mm, 0.125 m: 50x50 mm +1" in " ".join(capsys.readouterr().out.split())


def test_on_the_map_they_shade_their_part_of_the_width(tmp_path: Path) -> None:
    def shaded(*doubts: UncertainArea) -> list[Rectangle]:
        drawn = coil_map.lay_out(COIL, [share("drop")], [], {"drop": FieldOfView(0, 1.0)}, doubts=doubts)
        _legend, *grounds = [one for one in drawn.drawing.shapes if isinstance(one, Rectangle) and one.fill == UNSURE]
        return grounds

    (box,) = shaded(UncertainArea("drop", 100.0, 3000.0, 50.0, 300.0), UncertainArea("other", 0, 0, 9, 9))
    assert box.height == pytest.approx(150 * 50 / 500, abs=1) and 30 <= box.width <= 32
    (dot,) = shaded(UncertainArea("drop", 100.0, 3000.0, 0.1, 0.1))
    assert (dot.width, dot.height) == (1, 1)


def test_ten_thousand_of_them_are_no_more_boxes_than_paper_shows() -> None:
    along, across = Axis(Stretch(0, 1e6), 76.0, 1284.0), Axis(Stretch(0, 1200), 50.0, 200.0)
    many = [UncertainArea("drop", 120.0 * (n % 10), 90.0 * n, 60.0, 60.0) for n in range(10_000)]
    boxes = list(shading.doubtful(many, along, across, UNSURE))
    assert 0 < len(boxes) <= 10 * 1210
    assert all(one.width >= 1 and one.height >= 1 for one in boxes)


def test_the_report_shows_the_doubtful_part_and_how_much_of_the_frame_it_is(tmp_path: Path) -> None:
    line = coils.line(tmp_path)
    coils.record(line, in_doubt(1, (600, 50, 100, 100), (0, 0, 9, 9), share=0.07), pixels=strip(200, 800))
    text = page(line)
    assert "score under 0.70" in text.text and "2 parts of the frame, 7 % of it" in text.text
    assert "100.0 % of 1 frames; 7 % of the area" in text.text
    assert text.pictures[-1].shape[0] == text.pictures[-1].shape[1]  # cut out around it, not all of the frame
    assert rows(text, "source", "ok", "defect", "unsure", "error", "from, m", "to, m", "missed, m", "inspected",
                "in doubt", "without a place")[0][-2] == "7 %"  # fmt: skip


def test_frames_of_an_older_record_are_in_doubt_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    line = coils.line(tmp_path)
    scripts = MIGRATIONS[: next(n for n, script in enumerate(MIGRATIONS) if "TABLE doubts" in script)]
    columns: dict[str, Any] = {
        "source": "drop", "frame": "a", "epoch": "1f", "name": "c_0", "sequence": 1, "captured_at": 5, "recorded_at": 6,
        "outcome": "unsure", "label": "ok", "severity": "none", "score": 0.4, "reason": "why", "width": 800,
        "height": 200, "regions": "[]", "model": "m", "attempt": 1, "latency_s": 0, "piece": 1, "at_mm": 0,
        "length_mm": 100,
    }  # fmt: skip
    with sqlite3.connect(line.data / FILE) as database:
        database.executescript(f"{''.join(scripts)} PRAGMA user_version = {len(scripts)};")
        database.execute("INSERT INTO pieces (id, name, began_at, by_frames) VALUES (1, 'c', 5, 1)")
        statement = f"INSERT INTO records ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        database.execute(statement, list(columns.values()))
        database.execute(statement, list((columns | {"frame": "b", "outcome": "ok", "at_mm": 100}).values()))
    database.close()
    Store(line.data).close()
    text = page(line)
    assert "50.0 % of 2 frames; 50 % of the area" in text.text
