"""Holds what tiles that overlap by half say together: which place each belongs to, and what is said of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inspector.vision import tile_pooling, tiling
from inspector.vision.decision import DecisionRules, decide_tile
from inspector.vision.predictor import FakePredictor
from inspector.vision.tile_pooling import pool
from inspector.vision.tiling import Tile
from inspector.worker import regions
from tests.fakes import LABELS, make_bundle, manifest
from tests.inspector.pictures import encode, strip
from tests.inspector.roles import bench


def grid(height: int, width: int, value: float = 0.0) -> tuple[tuple[Tile, ...], np.ndarray, np.ndarray]:
    """Half-overlapping tiles of 10 px, scores of two labels that are all `value`, contrasts of 20."""
    cut = tiling.cut(height, width, 10, 5)
    return cut, np.full((len(cut), 2), value, np.float32), np.full(len(cut), 20, np.float32)


@pytest.mark.parametrize(
    ("height", "width"), [(20, 40), (25, 25), (23, 37), (10, 33), (41, 10), (10, 10), (7, 9), (12, 11)]
)
def test_places_cover_the_frame_and_each_lies_where_all_its_tiles_look(height: int, width: int) -> None:
    cut, scores, contrasts = grid(height, width)
    places, of_places, least = pool(cut, scores, contrasts)

    covered = np.zeros((height, width), int)
    for place in places:
        assert place.width > 0 and place.height > 0
        covered[place.y : place.y + place.height, place.x : place.x + place.width] += 1
    assert covered.min() == 1
    assert of_places.shape == (len(places), 2) and of_places.dtype == np.float32
    assert least.shape == (len(places),)


def test_a_place_is_scored_by_the_mean_of_the_four_tiles_that_show_it() -> None:
    # Given tiles that each say another number
    cut, scores, contrasts = grid(45, 45)
    scores[:, 1] = np.arange(len(cut)) ** 2
    # When they are pooled, then each place away from the border has the mean of those that show all of it
    inner = 0
    for place, score in zip(*pool(cut, scores, contrasts)[:2], strict=True):
        if place.width == place.height == 7:  # what its tiles share, and a rim of 1
            core = Tile(place.x + 1, place.y + 1, 5, 5)
            inside = [said for tile, said in zip(cut, scores[:, 1], strict=True) if _inside(core, tile)]
            assert len(inside) == 4
            assert score[1] == pytest.approx(np.mean(inside))
            inner += 1
    assert inner == 25


def test_one_mistaken_tile_is_outvoted_and_what_four_say_faintly_stands() -> None:
    made = manifest()
    numbers = DecisionRules(made.labels[:2], 1.0, (0.6, 0.6), 2.0)
    cut, scores, contrasts = grid(25, 25)
    scores[:] = (4.0, 0.0)  # clean, and sure
    scores[5] = (0.0, 5.0)  # one tile in the middle
    said = [decide_tile(*of, numbers) for of in zip(*pool(cut, scores, contrasts)[1:], strict=True)]
    assert {one.outcome for one in said} == {"ok"}

    scores[:] = (0.0, 0.5)
    said = [decide_tile(*of, numbers) for of in zip(*pool(cut, scores, contrasts)[1:], strict=True)]
    assert {one.label for one in said} == {made.labels[1].name}


@pytest.mark.parametrize("damage", ["blank", "not a number"])
def test_what_one_tile_cannot_tell_its_neighbours_do_not_make_up_for(damage: str) -> None:
    made = manifest()
    numbers = DecisionRules(made.labels[:2], 1.0, (0.6, 0.6), 2.0)
    cut, scores, contrasts = grid(25, 25)
    scores[:] = (4.0, 0.0)
    if damage == "blank":
        contrasts[5] = 0.5
    else:
        scores[5] = np.nan
    places, *of_places = pool(cut, scores, contrasts)
    said = [decide_tile(*of, numbers) for of in zip(*of_places, strict=True)]

    shown: dict[bool, set[str]] = {False: set(), True: set()}  # by whether it is one of the places that the tile shows
    for place, one in zip(places, said, strict=True):
        middle = Tile(place.x + place.width // 2, place.y + place.height // 2, 0, 0)
        shown[_inside(middle, cut[5])].add(one.outcome)
    assert shown == {True: {"unsure"}, False: {"ok"}}


def seen_in(rows: str) -> list[tuple[str, int, int, int, int]]:
    """The regions of a frame of half-overlapping tiles of 10 px, each sure that it shows what its letter says."""
    lines = rows.split()
    cut, scores, contrasts = grid(5 * len(lines) + 5, 5 * len(lines[0]) + 5)
    scores[:] = [(6.0, 0.0) if letter == "." else (0.0, 7.0) for letter in "".join(lines)]
    made = manifest()
    decided = tile_pooling.decide(cut, scores, contrasts, DecisionRules(made.labels[:2], 1.0, (0.6, 0.6), 2.0))
    return [(one.label, one.x, one.y, one.width, one.height) for one in regions.merge(*decided)]


@pytest.mark.parametrize(
    ("rows", "box"),
    [
        ("..... ..dd. ..dd. .....", (10, 5, 15, 15)),
        # The edge of something: the column that sees it, all of it, not the place that it shares with one that does not
        ("...d. ...d. ...d. ...d.", (15, 0, 10, 25)),
        ("..... ddddd ..... .....", (0, 5, 30, 10)),
        # Both rows see it, so it lies in what they share and a rim of 1; across, each column by itself
        ("..... .d.d. .d.d. .....", (5, 9, 20, 7)),
    ],
)
def test_a_defect_that_one_side_alone_sees_lies_somewhere_in_what_that_side_shows(
    rows: str, box: tuple[int, int, int, int]
) -> None:
    (found,) = seen_in(rows)
    assert found == ("crazing", *box)


def test_a_defect_that_no_tile_sees_by_itself_is_unsure() -> None:
    # Given two columns that are sure of different things, and a third thing that both take for the next best
    made = manifest()
    cut, _, contrasts = grid(20, 15)
    scores = np.zeros((len(cut), 3), np.float32)
    scores[0::2], scores[1::2] = (4.0, -8.0, 2.0), (-8.0, 4.0, 2.0)
    decided = tile_pooling.decide(cut, scores, contrasts, DecisionRules(made.labels[:3], 1.0, (0.6, 0.6, 0.6), 2.0))
    label = made.labels[2].name
    assert {(one.outcome, one.severity, one.label, str(one.reason)) for one in decided.decisions} == {
        ("unsure", "none", label, f"no tile by itself shows {label}")
    }
    assert regions.merge(*decided) == []


def test_tiles_that_differ_in_which_defect_they_see_agree_that_it_is_one() -> None:
    # Given two columns of tiles that show parts of one thing: each takes it for another defect, and not for clean
    made = manifest()
    cut, _, contrasts = grid(10, 15)
    scores = np.array([(-2, 3, 1.5), (-2, 1.8, 2)], np.float32)
    of_three = DecisionRules(made.labels[:3], 1.0, (0.7, 0.7, 0.7), 2.0, place_thresholds=(0.7, 0.85, 0.85))
    # Then the place is what most of it is; by the thresholds of a tile it would be nothing sure
    (found,) = regions.merge(*tile_pooling.decide(cut, scores, contrasts, of_three))
    assert found.label == made.labels[1].name and 0.5 < found.score < 0.7
    assert regions.merge(*tile_pooling.decide(cut, scores, contrasts, replace(of_three, place_thresholds=()))) == []


@pytest.mark.parametrize(("overlap_px", "boxes"), [(0, [(0, 0, 200, 200)] * 2), (100, [(0, 0, 225, 225)])])
def test_a_line_whose_tiles_overlap_by_half_decides_each_place_by_its_four(
    overlap_px: int, boxes: list[tuple[int, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a model that takes a bright dot for a defect, and is as sure of what is none
    def scored(self: FakePredictor, batch: np.ndarray) -> np.ndarray:
        scores = np.full((len(batch), self._outputs), np.finfo(np.float32).min, np.float32)
        dotted = batch.max(axis=(1, 2, 3)) > 0.95
        scores[:, : len(LABELS)] = np.where(dotted[:, None], np.eye(len(LABELS))[2], np.eye(len(LABELS))[0]) * 5
        return scores

    monkeypatch.setattr(FakePredictor, "run", scored)
    folder, bundle = tmp_path / "drop", make_bundle(tmp_path / "bundle").path
    source = {"type": "folder", "path": folder, "settle_ms": 0, "strip": {"overlap_px": overlap_px}}
    folder.mkdir()
    with bench(source, bundle=bundle, workers={"engine": "fake"}) as line:
        # And two frames: one has its dot where four tiles show it if they overlap, one where but one does
        for name, at in (("four.png", (150, 150)), ("one.png", (50, 50))):
            picture = strip(500, 500)
            picture[at[0] - 8 : at[0] + 8, at[1] - 8 : at[1] + 8] = 255
            (folder / name).write_bytes(encode(picture, ".png"))
        # When a line inspects them
        line.start_sink()
        line.start_source()
        line.start_worker()
        line.wait_for(lambda account: sum(account.recorded.values()) == 2)
        records = {record.name: record for record in line.records()}
    # Then a tile alone decides, or the four that show the place, and one among three that see nothing is outvoted
    found = [
        (one["x"], one["y"], one["width"], one["height"])
        for name in ("four.png", "one.png")
        for one in records[name].regions
    ]
    assert found == boxes


def _inside(place: Tile, tile: Tile) -> bool:
    return (
        tile.x <= place.x and place.x + place.width <= tile.x + tile.width
        and tile.y <= place.y and place.y + place.height <= tile.y + tile.height
    )  # fmt: skip
