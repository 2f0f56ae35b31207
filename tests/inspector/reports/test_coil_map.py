"""Holds the map of a piece: every defect at its place, what nobody looked at hatched, the same in SVG and PNG."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import cv2
import msgspec
import numpy as np
import pytest

from inspector.quality import coverage
from inspector.quality.coverage import Coverage, Stretch
from inspector.quality.defects import Defect
from inspector.record.findings import RollMark
from inspector.record.pieces import Piece
from inspector.reports import export
from inspector.reports.map import bars, coil_map, png, svg
from inspector.reports.map.band import FieldOfView
from inspector.reports.map.coil_map import CoilMap
from inspector.reports.map.shapes import Drawing, Line, Rectangle, Text

SVG = "{http://www.w3.org/2000/svg}"
COIL = Piece(id=1, name="coil <7>", began_at=0.0, ended_at=9.0, by_frames=True)
#: Of a piece from 0 to 12 m.
LEFT, WIDTH, BAND = 76.0, 1208.0, 150.0
GROUND, UNSURE = "#e8ecef", "#f7e39b"


def defect(y_mm: float | None, x_mm: float, label: str = "s", severity: str = "minor", source: str = "drop",
           name: str = "a.bmp") -> Defect:  # fmt: skip
    """A defect of 10 x 20 mm."""
    return Defect(source, label, severity, 0.9, 0.0, name, 1, 0, 0, 9, x_mm, y_mm, 10.0, 20.0, 9, 1)


def share(source: str, *missing: Stretch, to_mm: float = 12_000) -> Coverage:
    """A source that saw 12 m of strip 500 px wide."""
    return Coverage(source, {"ok": 1, "defect": 0, "unsure": 0, "error": 0}, Stretch(0, to_mm), list(missing), 0, 500)


def laid_out(
    shares: Sequence[Coverage],
    defects: Sequence[Defect],
    fields_of_view: Mapping[str, FieldOfView] | None = None,
    labels: Sequence[str] = (),
    piece: Piece = COIL,
    rolls: Sequence[RollMark] = (),
) -> CoilMap:
    """The map; unless told otherwise a source sees 1 mm a pixel from the strip's edge."""
    seen = {share.source: FieldOfView(0, 1.0) for share in shares} if fields_of_view is None else fields_of_view
    return coil_map.lay_out(piece, shares, defects, seen, labels, rolls=rolls)


def boxes(drawn: CoilMap, fill: str | None = None, hatched: bool = False) -> list[Rectangle]:
    """Those of the bands: not the legend's, nor the bars below."""
    found = [one for one in drawn.drawing.shapes if isinstance(one, Rectangle) and one.height == BAND]
    return [one for one in found if one.hatched == hatched and (fill is None or one.fill == fill)]


def words(drawn: CoilMap) -> str:
    """All that is written on it."""
    return "\n".join(one.text for one in drawn.drawing.shapes if isinstance(one, Text))


def across(stretches: Sequence[Rectangle]) -> list[tuple[float, float]]:
    """Where they begin, and how long they are, as shares of the piece."""
    return [(round((one.x - LEFT) / WIDTH, 4), round(one.width / WIDTH, 4)) for one in stretches]


def test_a_defect_lies_at_its_place_and_is_the_larger_the_worse() -> None:
    places = {"critical": 11_000.0, "major": 6000.0, "minor": 2000.0}
    drawn = laid_out([share("drop")], [defect(at, 245, severity=how) for how, at in places.items()])
    (band,) = boxes(drawn, GROUND)

    sizes = []
    for mark, at in zip(drawn.drawn, places.values(), strict=True):
        assert mark.box.x + mark.box.width / 2 == pytest.approx(LEFT + WIDTH * (at + 10) / 12_000)
        assert mark.box.y + mark.box.height / 2 == pytest.approx(band.y + BAND / 2)
        sizes.append((mark.box.width, mark.box.height))
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 3
    assert "6.000 m along, 245 mm across, 20 x 10 mm" in drawn.drawn[1].box.title
    assert "12 m" in words(drawn) and "400 mm" in words(drawn)


def test_a_long_defect_is_as_long_as_it_is() -> None:
    (mark,) = laid_out([share("drop", to_mm=200)], [defect(100, 0)], {"drop": FieldOfView(0, 0.1)}).drawn
    assert (mark.box.width, mark.box.height) == pytest.approx((20 / 200 * WIDTH, 10 / 50 * BAND))


def test_a_defect_at_the_edge_is_drawn_on_the_strip() -> None:
    drawn = laid_out([share("drop")], [defect(0, 0, severity="critical"), defect(11_980, 490, severity="critical")])
    (band,) = boxes(drawn, GROUND)
    for mark in drawn.drawn:
        assert band.x <= mark.box.x and mark.box.x + mark.box.width <= band.x + band.width
        assert band.y <= mark.box.y and mark.box.y + mark.box.height <= band.y + BAND


def test_a_source_that_sees_the_far_side_has_its_own_place_across() -> None:
    drawn = laid_out([share("drop")], [defect(10, 745)], {"drop": FieldOfView(500, 1.0)})
    (band,) = boxes(drawn, GROUND)
    (mark,) = drawn.drawn
    assert mark.box.y + mark.box.height / 2 == pytest.approx(band.y + BAND / 2)
    assert "600 mm" in words(drawn) and "0 mm" not in words(drawn).splitlines()


def test_many_defects_are_drawn_smaller_so_that_they_do_not_hide_the_strip() -> None:
    few, many = (laid_out([share("drop")], [defect(n, 1) for n in range(count)]) for count in (100, 9000))
    assert many.drawn[0].box.width < few.drawn[0].box.width / 2


def test_what_was_not_inspected_is_hatched_and_marked_however_short_it_is() -> None:
    drawn = laid_out([share("drop", Stretch(3000, 6000), Stretch(9000, 9001))], [])

    whole, *gaps = boxes(drawn, hatched=True)
    assert across([whole]) == [(0, 1)] == across(boxes(drawn, GROUND))
    assert across(gaps)[0] == (0.25, 0.25)
    assert gaps[1].width == 4 and gaps[1].x + 2 == pytest.approx(LEFT + WIDTH * 9000.5 / 12_000)
    flags = [one for one in drawn.drawing.shapes if isinstance(one, Rectangle) and one.height == 4]
    assert [(one.x, one.width) for one in flags] == [(one.x, one.width) for one in gaps]


def test_before_and_behind_what_a_source_saw_it_is_hatched() -> None:
    drawn = laid_out([share("above"), share("below", to_mm=6000)], [])
    assert across(boxes(drawn, GROUND)) == [(0, 1), (0, 0.5)]
    assert across(boxes(drawn, hatched=True)) == [(0, 1), (0, 1)]


def test_a_thousand_gaps_in_a_metre_are_one_on_the_map() -> None:
    gaps = [Stretch(at, at + 0.5) for at in range(2000, 4000)]
    assert across(boxes(laid_out([share("drop", *gaps)], []), hatched=True)[1:]) == [(0.1667, 0.1666)]


def test_where_frames_were_unsure_the_strip_does_not_look_like_one_that_passed() -> None:
    frames = [(0.0, 300.0), (300.0, 300.0), (600.0, 300.0), (5000.0, 300.0)]
    assert coverage.union(frames) == [Stretch(0, 900), Stretch(5000, 5300)]
    drawn = laid_out([msgspec.structs.replace(share("drop"), unsure=coverage.union(frames))], [])

    assert across(boxes(drawn, UNSURE)) == [(0, 0.075), (0.4167, 0.025)]


def test_each_source_has_its_band_with_its_own_defects_and_colours_are_of_labels() -> None:
    found = [defect(10, 10), defect(20, 10, "p", source="below"), defect(30, 10, "s", source="below")]
    drawn = laid_out([share("below"), share("drop", to_mm=6000)], found)

    colours = {mark.box.fill: mark.defect.label for mark in drawn.drawn}
    assert sorted(colours.values()) == ["p", "s"]
    below, above = boxes(drawn, GROUND)
    for mark in drawn.drawn:
        band = below if mark.defect.source == "below" else above
        assert band.y <= mark.box.y < band.y + BAND


def test_a_label_has_the_same_colour_on_every_map_of_a_line() -> None:
    model = ["crazing", "p", "s"]
    one = laid_out([share("drop")], [defect(1, 1, "s")], labels=model)
    other = laid_out([share("drop")], [defect(1, 1, name) for name in ("a", "p", "s")], labels=model)
    assert one.colours["s"] == other.colours["s"] and len(set(other.colours.values())) == 4


def test_the_bars_count_each_defect_once_where_its_middle_is() -> None:
    found = [defect(at, 1, label) for at, label in ((100, "s"), (990, "s"), (1000, "p"), (11_985, "p"))]
    drawn = laid_out([share("drop")], found)

    assert bars.step_mm(Stretch(0, 12_000)) == 1000
    told = [one.title for one in drawn.drawing.shapes if isinstance(one, Rectangle) and " to " in one.title]
    assert told == ["0 to 1 m: 1 s", "1 to 2 m: 1 s, 1 p", "1 to 2 m: 1 s, 1 p", "11 to 12 m: 1 p"]
    steps = [bars.step_mm(Stretch(0, length)) for length in (1.0, 4e3, 2e5, 4e6, 4.1e6, 1e9)]
    assert steps == pytest.approx([0.1, 100, 10_000, 10_000, 100_000, 1e7])


def test_it_says_of_which_steel_the_piece_is_and_under_which_recipe() -> None:
    piece = msgspec.structs.replace(COIL, grade="DX56D", recipe="exposed")
    assert "0 defects · steel grade DX56D · recipe exposed" in words(laid_out([share("drop")], [], piece=piece))


def test_what_is_not_drawn_is_said() -> None:
    many = [defect(n, 1, severity="critical" if n == 7 else "minor") for n in range(coil_map.MAX_DRAWN + 5)]
    drawn = laid_out([share("drop")], [*many, defect(None, 1, severity="critical")])

    assert "10,006 defects; the worst 10,000 are drawn; 1 have no known place" in words(drawn)
    assert len(drawn.drawn) == coil_map.MAX_DRAWN
    assert (drawn.drawn[0].number, drawn.drawn[0].defect.severity) == (1, "critical")
    nowhere = laid_out([Coverage("drop", {}, None, [], 3)], [defect(None, 1)])
    assert "no frame of it has a place along it" in words(nowhere) and nowhere.drawn == []


@pytest.mark.parametrize(("begins", "ends"), [(0, 1), (0, 307), (-5e3, 1e6), (1e6, 1e6 + 1), (0, 999_999_999)])
def test_an_axis_has_a_few_round_numbers(begins: float, ends: float) -> None:
    drawn = laid_out([Coverage("drop", {}, Stretch(begins, ends), [], 0)], [], {})
    ticks = [one for one in drawn.drawing.shapes if isinstance(one, Text) and one.anchor == "middle"]
    assert 2 * 3 <= len(ticks) <= 2 * 12  # of the band, and of the bars


def test_any_number_of_labels_has_a_legend_within_the_paper() -> None:
    drawn = laid_out([share("drop")], [defect(1, 1, f"{'long' * 12}{n}") for n in range(60)])
    assert "and 20 labels more" in words(drawn)
    assert all(one.x < drawn.drawing.width for one in drawn.drawing.shapes if isinstance(one, Text))


def test_any_name_gives_a_file_that_is_well_formed_and_lies_here() -> None:
    odd = "../<a>&\"'$x^$\x00\n\u202e\ud7ff"
    piece = Piece(id=1, name=odd, began_at=0.0, ended_at=None, by_frames=True)
    drawn = laid_out([share("drop")], [defect(1, 1, "<b>$", name=odd)], piece=piece)

    parsed = ElementTree.fromstring(svg.write(drawn.drawing))
    titles = [one.text or "" for one in parsed.iter(f"{SVG}title")]
    safe = odd.replace("\x00", "\\x00").replace("\u202e", "\\u202e").replace("\ud7ff", "\\ud7ff")
    assert any(safe in title for title in titles)
    assert cv2.imdecode(np.frombuffer(png.write(drawn.drawing), np.uint8), cv2.IMREAD_COLOR) is not None
    name = export.file_name(piece, ".svg")
    assert Path(name).name == name != ".svg"
    assert (
        export.file_name(Piece(id=1, name="..", began_at=0.0, ended_at=None, by_frames=True), "-report.html")
        == "_-report.html"
    )


def test_svg_and_png_show_every_shape_at_the_same_place() -> None:
    shapes: list[Rectangle | Line | Text] = [
        Rectangle(10, 10, 40, 20, "#d55e00"), Rectangle(60, 10, 40, 20, "#0072b2", opacity=0.5),
        Rectangle(10, 40, 60, 50, hatched=True),
        Line(80, 40, 80, 90, "#000000"), Text(110, 60, "WORDS", 20), Rectangle(150, 10, 40, 20, "#009e73", "#000000"),
    ]  # fmt: skip
    drawing = Drawing(200, 100, shapes)
    picture = cv2.cvtColor(
        cv2.imdecode(np.frombuffer(png.write(drawing, 2), np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
    )

    assert picture.shape == (200, 400, 3)
    assert tuple(picture[40, 60]) == (0xD5, 0x5E, 0x00) and tuple(picture[40, 160]) == (127, 184, 216)
    assert tuple(picture[40, 340]) == (0x00, 0x9E, 0x73) and tuple(picture[40, 380]) == (0, 0, 0)
    assert picture[130, 160].max() < 90 and picture[130, 150].min() == 255
    hatch = picture[90:170, 30:130].reshape(-1, 3)
    assert (hatch == 255).all(axis=1).mean() > 0.3 and (hatch < 200).all(axis=1).mean() > 0.1
    assert picture[90:124, 220:330].min() < 90  # the words
    rectangles = list(ElementTree.fromstring(svg.write(drawing)).iter(f"{SVG}rect"))[3:]
    sides = [tuple(float(one.get(side, "")) for side in ("x", "y", "width", "height")) for one in rectangles]
    assert sides == [(one.x, one.y, one.width, one.height) for one in shapes if isinstance(one, Rectangle)]
    assert [one.get("fill") for one in rectangles] == ["#d55e00", "#0072b2", "url(#hatch)", "#009e73"]


def roll(first_mm: float, last_mm: float, distance_mm: float, source: str = "drop", *rolls: str) -> RollMark:
    """A mark of a roll, 10 mm wide and 245 mm from the edge."""
    repeats = round((last_mm - first_mm) / distance_mm) + 1
    return RollMark(
        id=1,
        source=source,
        piece="c",
        label="s",
        found_at=0.0,
        ended_at=None,
        rolls=list(rolls),
        distance_mm=distance_mm,
        confidence=1e-5,
        repeats=repeats,
        x_mm=245.0,
        width_mm=10.0,
        first_mm=first_mm,
        last_mm=last_mm,
    )


def test_a_mark_of_a_roll_is_a_line_at_its_place_with_a_tick_at_each_turn() -> None:
    marks = [roll(1000, 7000, 1500, "drop", "work-1"), roll(0, 12_000, 1000, "elsewhere")]
    drawn = laid_out([share("drop")], [], rolls=marks)
    (band,) = boxes(drawn, GROUND)
    middle = band.y + BAND / 2

    (line,) = (
        one for one in drawn.drawing.shapes if isinstance(one, Rectangle) and one.title.startswith("mark of a roll")
    )
    assert line.y + line.height / 2 == pytest.approx(middle) and across([line]) == [(0.0833, 0.5)]
    assert "s every 1500 mm, 5 times" in line.title and "fits work-1" in line.title
    ticks = [
        one for one in drawn.drawing.shapes if isinstance(one, Line) and (one.y1, one.y2) == (middle - 5, middle + 5)
    ]
    assert [round((one.x1 - LEFT) / WIDTH * 12_000) for one in ticks] == [1000, 2500, 4000, 5500, 7000]
    assert "work-1" in words(drawn) and "mark of a roll, at each turn" in words(drawn)
    assert "mark of a roll" not in words(laid_out([share("drop")], []))


def test_turns_that_would_run_into_each_other_are_a_line_alone() -> None:
    drawn = laid_out([share("drop")], [], rolls=[roll(0, 12_000, 20)])
    assert sum(isinstance(one, Line) for one in drawn.drawing.shapes) < 60 and "every 20 mm" in words(drawn)
