"""Holds the map of a piece: every defect at its place, what nobody looked at hatched, and a file any browser opens."""

from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from inspector import cli, coil_map, coverage
from inspector.coverage import Coverage, Stretch
from inspector.defects import Defect
from inspector.messages import Region
from inspector.pieces import Piece
from inspector.place import Locator
from inspector.source_settings import Place
from inspector.store import Store
from tests.fakes import Line
from tests.inspector.test_store import verdict

SVG = "{http://www.w3.org/2000/svg}"
COIL = Piece(1, "coil <7>", 0.0, 9.0, True)
LEFT, WIDTH, TOP, BAND = 110.0, 1200.0, 90.0, 150.0


def defect(y_mm: float | None, x_mm: float, label: str = "s", severity: str = "minor", source: str = "drop",
           name: str = "a.bmp") -> Defect:  # fmt: skip
    """A defect of 10 x 20 mm."""
    return Defect(source, label, severity, 0.9, 0.0, name, 1, 0, 0, 9, x_mm, y_mm, 10.0, 20.0)


def share(source: str, *missing: Stretch, to_mm: float = 12_000) -> Coverage:
    """A source that saw 12 m of strip 500 px wide."""
    return Coverage(source, {"ok": 1, "defect": 0, "unsure": 0, "error": 0}, Stretch(0, to_mm), list(missing), 0, 500)


def rectangles(svg: str, fill: str | None = None) -> list[tuple[float, float, float, float, str]]:
    """x, y, width, height and title of the rectangles below the legend, or of this colour."""
    found = []
    for one in ElementTree.fromstring(svg).iter(f"{SVG}rect"):
        if float(one.get("y", "0")) >= TOP - 20 and fill in (None, one.get("fill")):
            title = one.findtext(f"{SVG}title") or ""
            found.append((*(float(one.get(side, "0")) for side in ("x", "y", "width", "height")), title))
    return found


def marks(svg: str) -> list[tuple[float, float, float, float, str]]:
    """The defects."""
    return [one for one in rectangles(svg) if one[4]]


def test_a_defect_lies_at_its_place_and_is_the_larger_the_worse() -> None:
    places = {"minor": 2000.0, "major": 6000.0, "critical": 11_000.0}
    svg = coil_map.draw(
        COIL, [share("drop")], [defect(at, 245, severity=how) for how, at in places.items()], {"drop": 1.0}
    )

    sizes = {}
    for x, y, wide, high, title in marks(svg):
        severity = title.split(", ")[1]
        sizes[severity] = wide, high
        assert x + wide / 2 == pytest.approx(LEFT + WIDTH * (places[severity] + 10) / 12_000, abs=0.02)
        assert y + high / 2 == pytest.approx(TOP + BAND / 2, abs=0.02)
    assert sizes["minor"] < sizes["major"] < sizes["critical"]
    assert "6.000 m along, 245 mm across, 20 x 10 mm" in svg and ">12 m<" in svg and ">500 mm<" in svg


def test_a_long_defect_is_as_long_as_it_is() -> None:
    (mark,) = marks(coil_map.draw(COIL, [share("drop", to_mm=200)], [defect(100, 0)], {"drop": 0.1}))
    assert mark[2:4] == pytest.approx((20 / 200 * WIDTH, 10 / 50 * BAND), abs=0.01)


def test_what_was_not_inspected_stays_hatched() -> None:
    svg = coil_map.draw(COIL, [share("drop", Stretch(3000, 6000), Stretch(9000, 12_000))], [], {})

    assert [one[:1] + one[2:3] for one in rectangles(svg, "#e8ecef")] == [
        (LEFT, WIDTH / 4), (LEFT + WIDTH / 2, WIDTH / 4),
    ]  # fmt: skip
    assert [one[2] for one in rectangles(svg, "url(#gap)")] == [WIDTH]


def test_where_frames_were_unsure_the_strip_does_not_look_like_one_that_passed() -> None:
    frames = [(0.0, 300.0), (300.0, 300.0), (600.0, 300.0), (5000.0, 300.0)]
    assert coverage.union(frames) == [Stretch(0, 900), Stretch(5000, 5300)]
    svg = coil_map.draw(COIL, [msgspec.structs.replace(share("drop"), unsure=coverage.union(frames))], [], {})

    assert [one[:1] + one[2:3] for one in rectangles(svg, "#f7e39b")] == [
        (LEFT, 90.0), (LEFT + 500.0, 30.0),
    ]  # fmt: skip


def test_each_source_has_its_band_with_its_own_defects_and_colours_are_of_labels() -> None:
    found = [defect(10, 10), defect(20, 10, "p", source="below"), defect(30, 10, "s", source="below")]
    drawn = coil_map.draw(COIL, [share("below"), share("drop", to_mm=6000)], found, {})

    colours = {title.split(",")[0]: set[str]() for *_, title in marks(drawn)}
    for one in ElementTree.fromstring(drawn).iter(f"{SVG}rect"):
        if title := one.findtext(f"{SVG}title"):
            colours[title.split(",")[0]].add(one.get("fill", ""))
    assert len(colours["s"]) == len(colours["p"]) == 1 and colours["s"] != colours["p"]
    assert sorted(y > TOP + BAND for _, y, *_ in marks(drawn)) == [False, False, True]


def test_any_name_gives_a_file_that_is_well_formed_and_lies_here() -> None:
    odd = "../<a>&\"'\x00\n\ud7ff"
    piece = Piece(1, odd, 0.0, None, True)
    svg = coil_map.draw(piece, [share("drop")], [defect(1, 1, name=odd)], {})

    assert odd.replace("\x00", "\\x00").replace("\ud7ff", "\\xd7ff") in (marks(svg)[0][4] or "")
    assert Path(coil_map.file_name(piece)).name == coil_map.file_name(piece) != ".svg"
    assert coil_map.file_name(Piece(1, "..", 0.0, None, True)) == "_.svg"


def test_what_is_not_drawn_is_said() -> None:
    many = [defect(n, 1, severity="critical" if n == 7 else "minor") for n in range(coil_map.MAX_DRAWN + 5)]
    svg = coil_map.draw(COIL, [share("drop")], [*many, defect(None, 1)], {})

    assert f"{len(many) + 1} defects; the worst {coil_map.MAX_DRAWN} are drawn; 1 have no known place" in svg
    assert len(marks(svg)) == coil_map.MAX_DRAWN and "critical" in marks(svg)[-1][4]
    nowhere = coil_map.draw(COIL, [Coverage("drop", {}, None, [], 3)], [defect(None, 1)], {})
    assert "no frame of it has a place along it" in nowhere and marks(nowhere) == []


@pytest.mark.parametrize(("begins", "ends"), [(0, 1), (0, 307), (-5e3, 1e6), (1e6, 1e6 + 1), (0, 999_999_999)])
def test_an_axis_has_a_few_round_numbers(begins: float, ends: float) -> None:
    svg = coil_map.draw(COIL, [Coverage("drop", {}, Stretch(begins, ends), [], 0)], [], {})
    ticks = [one for one in ElementTree.fromstring(svg).iter(f"{SVG}text") if one.get("text-anchor") == "middle"]
    assert 3 <= len(ticks) <= 12


def test_the_command_draws_what_is_on_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = Line(tmp_path)
    line.data.mkdir()
    place = Locator(Place(mm_per_px=0.5, pattern=r"^(?P<piece>\w+)_(?P<at_mm>\d+)"))
    frames = [
        verdict(n, "defect", name=f"c_{at}", regions=[Region(20, 100, 60, 100, "s", 0.9, "major")])
        for n, at in enumerate((0, 100, 300))
    ]
    book = Store(line.data)
    book.write([("m", one) for one in frames], locators={"drop": place})
    book.close()
    target = tmp_path / "c.svg"

    assert cli.main(["map", "-c", str(line.config), "c", "--to", str(target)]) == 0
    assert capsys.readouterr().out == f"{target}\n"
    svg = target.read_text()
    assert len(marks(svg)) == 3
    assert [one[2] for one in rectangles(svg, "#e8ecef")] == [WIDTH / 2, WIDTH / 4]
    for wrong in (["map", "other"], ["map", "c", "--to", str(tmp_path / "no" / "c.svg")]):
        assert cli.main([wrong[0], "-c", str(line.config), *wrong[1:]]) == 2
