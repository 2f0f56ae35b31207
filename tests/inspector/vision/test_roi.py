"""Holds what of a picture is inspected: the strip, all of it, and what was left out is on record."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inspector.protocol.verdicts import Region
from inspector.record.position import Locator
from inspector.record.queries import Query
from inspector.record.store import Store
from inspector.settings.sources.place import PlaceSettings
from inspector.settings.sources.strip import StripSettings
from inspector.vision import roi
from inspector.vision.predictor import FakePredictor
from inspector.vision.preprocess import contrast
from inspector.vision.tiling import Tile, cut
from inspector.worker import regions
from tests.fakes import LABELS, Line, make_bundle, running
from tests.inspector import pictures
from tests.inspector.record.test_pieces import NAMED
from tests.inspector.record.test_store import verdict


def scene(left: int, right: int, width: int = 1000, height: int = 256, dark: bool = True) -> NDArray[np.uint8]:
    """Strip from `left` to `right`, noisy background beside it."""
    noise = np.random.default_rng(5).normal(12 if dark else 240, 4, (height, width))
    picture = np.clip(noise, 0, 255).astype(np.uint8)
    picture[:, left:right] = pictures.strip(height, width)[:, left:right]
    return picture


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize(("left", "right"), [(0, 1000), (100, 900), (0, 403), (597, 1000), (333, 777)])
def test_the_strip_is_found_to_within_a_few_pixels_in_dark_and_bright_surroundings(
    left: int, right: int, dark: bool
) -> None:
    settings = StripSettings(background="dark" if dark else "bright", background_level=40 if dark else 220)

    found = roi.area(scene(left, right, dark=dark), settings)
    assert abs(found.x - left) <= 8 and abs(found.x + found.width - right) <= 8
    assert (found.y, found.height) == (0, 256)


def test_a_slanting_edge_a_speck_and_a_hole_at_the_edge_move_it_by_a_few_pixels_only() -> None:
    picture = scene(100, 900)
    for line in range(256):
        picture[line, 100 : 100 + line // 4] = 12  # the edge runs inward
    picture[100:103, 40] = 255  # a speck beside it
    picture[50:150, 800:900] = 0  # a hole at the edge, not as high as the frame
    settings = StripSettings(background="dark")

    found = roi.area(picture, settings)
    assert found.x in range(92, 109) and found.x + found.width in range(892, 909)


def test_a_picture_without_strip_or_with_too_little_of_it_has_nothing_to_inspect() -> None:
    for picture in (scene(0, 0), scene(500, 540)):
        assert roi.area(picture, StripSettings(background="dark")) == Tile(0, 0, 0, 0)
    assert roi.area(scene(500, 540), StripSettings(background="dark", min_width_px=40)).width >= 40


def test_the_region_of_interest_is_what_lies_in_the_picture() -> None:
    picture = pictures.strip(256, 1000)
    whole = Tile(0, 0, 1000, 256)
    assert roi.area(picture, StripSettings()) == roi.area(picture, StripSettings(width_px=5000)) == whole
    assert roi.area(picture, StripSettings(left_px=100, top_px=20, width_px=300, height_px=60)) == Tile(
        100, 20, 300, 60
    )
    assert roi.area(picture, StripSettings(left_px=900, width_px=300)) == Tile(900, 0, 100, 256)
    assert roi.area(picture, StripSettings(left_px=1000)) == Tile(0, 0, 0, 0)
    assert roi.area(scene(100, 900), StripSettings(left_px=200, width_px=300, background="dark")) == Tile(
        200, 0, 300, 256
    )
    assert roi.area(picture[:, :30], StripSettings()) == Tile(0, 0, 30, 256)


def test_tiles_of_an_area_lie_in_it() -> None:
    inside = cut(256, 500, 200, left=130, top=7)
    assert [Tile(one.x - 130, one.y - 7, one.width, one.height) for one in inside] == list(cut(256, 500, 200))
    assert regions.merge((), ()) == []


def test_places_across_count_from_the_edge_that_was_found(tmp_path: Path) -> None:
    book = Store(tmp_path)
    one = verdict(1, "defect", name="c_0.bmp", width=1000, area=(120, 0, 800, 200),
                  regions=[Region(x=220, y=0, width=200, height=200, label="s", score=0.9)])  # fmt: skip
    place = PlaceSettings(pattern=NAMED, mm_per_px=0.5)
    book.write([("m", one)], locators={"drop": Locator(place, from_edge=True)})
    book.write([("m", verdict(2, frame="f2", **{"name": "c_0.bmp", "regions": one.regions, "outcome": "defect"}))],
               locators={"drop": Locator(place)})  # fmt: skip

    second, first = book.records(Query())
    assert (first.area, first.regions[0]["x_mm"]) == ([120, 0, 800, 200], 50.0)
    assert (second.area, second.regions[0]["x_mm"]) == (None, 110.0)
    book.close()


def textures(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """For each label of the fake engine, a tile of strip that it calls so."""
    bundle = make_bundle(folder)
    engine, found = FakePredictor(bundle), dict[str, NDArray[np.uint8]]()
    for seed in range(400):
        tile = pictures.strip(200, 200, seed)
        small = bundle.preprocess.resize(tile)
        label = LABELS[int(engine.run(bundle.preprocess.normalise(small[None]))[0, : len(LABELS)].argmax())]
        if contrast(small) > 3:
            found.setdefault(label, tile)
        if {"ok", "scratches", "patches"} <= set(found):
            return found
    raise AssertionError(f"only {sorted(found)} found")


def test_a_wide_frame_is_inspected_between_its_edges_and_its_regions_are_on_record_in_mm(tmp_path: Path) -> None:
    # Given strip of 8 x 4 tiles with an L of four scratched ones and one alone, two in doubt, between dark sides
    tiles = textures(tmp_path / "textures")
    layout = ["........", ".ss....s", ".s......", ".s..pp.."]
    shown = {"s": "scratches", "p": "patches", ".": "ok"}
    rows = [np.hstack([tiles[shown[letter]] for letter in row]) for row in layout]
    side = np.zeros((800, 240), np.uint8)
    picture = np.hstack([side, np.vstack(rows), side])
    place = {"mm_per_px": 0.25, "pattern": NAMED}
    source = {"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "settle_ms": 50, "place": place}
    line = Line(
        tmp_path, [source | {"strip": {"background": "dark"}}], decision={"thresholds": {"patches": 1.0}}
    )  # fmt: skip
    line.drop.mkdir()
    cv2.imwrite(str(line.drop / "coil-7_5000.bmp"), picture)
    cv2.imwrite(str(line.drop / "coil-7_5200.bmp"), np.zeros_like(picture))
    # When a line has looked at it, and at a frame without strip
    with running(line):
        records = {record.name: record for record in line.wait_for_records(2)}
        assert line.stop() == 0
    # Then the strip alone was inspected, and the five tiles are two regions, counted from its edge
    record = records["coil-7_5000.bmp"]
    assert (record.outcome, record.label, record.piece, record.area) == (
        "defect",
        "scratches",
        "coil-7",
        [240, 0, 1600, 800],
    )
    assert sorted((one["x"], one["y"], one["width"], one["height"]) for one in record.regions) == [
        (440, 200, 400, 600), (1640, 200, 200, 200),
    ]  # fmt: skip
    assert sorted((one["x_mm"], one["y_mm"]) for one in record.regions) == [(50.0, 5050.0), (350.0, 5050.0)]
    # And what is in doubt beside them is on record, too
    (doubt,) = record.doubts
    assert [doubt[key] for key in ("x", "y", "width", "height", "label", "reason")] == [
        1040, 600, 400, 200, "patches", "score under 1.00",
    ]  # fmt: skip
    assert (doubt["x_mm"], doubt["y_mm"], doubt["width_mm"], doubt["length_mm"]) == (200.0, 5150.0, 100.0, 50.0)
    assert record.in_doubt == 2 / 32
    empty = records["coil-7_5200.bmp"]
    assert (empty.doubts, empty.in_doubt) == ([], None)
    assert (empty.outcome, empty.reason, empty.area) == ("unsure", "no strip in the picture", [0, 0, 0, 0])
