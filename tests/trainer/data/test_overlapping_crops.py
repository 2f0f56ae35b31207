"""Overlapping crops: found under which shift and turn, what must not be linked, and what it means for a split."""

import time
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from inspector.vision import image
from inspector.vision.renderer.strip import render_strip
from tests.trainer.conftest import NEU, needs_neu
from trainer.data.duplicates import overlapping_crops
from trainer.data.duplicates.overlapping_crops import TURNS, WINDOW_PX, Overlap, find_overlaps, texture_bits, turned
from trainer.data.groups import groups, seen

Gray = NDArray[np.uint8]
SIDE = 200


@pytest.fixture(scope="module")
def strip() -> Gray:
    return render_strip(seed=11, width=2000, height=900).pixels


def noise(height: int, width: int, seed: int = 0) -> Gray:
    return np.random.default_rng(seed).normal(128, 12, (height, width)).clip(0, 255).astype(np.uint8)


def at(pixels: Gray, x: int, y: int, width: int = SIDE, height: int = SIDE) -> Gray:
    return pixels[y : y + height, x : x + width]


def pairs(found: Iterable[Overlap]) -> set[tuple[int, int]]:
    return {(entry.first, entry.second) for entry in found}


def box_of(pixels: Gray, box: tuple[int, int, int, int]) -> Gray:
    return at(pixels, *box)


def crops(strip: Gray, share: float, corner: bool) -> Iterator[Gray]:
    """Pairs of crops that share so much of their area, at a side or at a corner, each second one turned otherwise."""
    move = round(SIDE * (1 - (share**0.5 if corner else share)))
    for number in range(10):
        x, y = number % 5 * 400, number // 5 * 400 + 20
        yield at(strip, x, y)
        yield turned(at(strip, x + move, y + (move if corner else 0)), number % 8)


@pytest.mark.parametrize("corner", [False, True], ids=["at a side", "at a corner"])
@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.5])
def test_crops_of_one_strip_are_linked_under_any_turn_and_no_others_are(
    strip: Gray, share: float, corner: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = list(crops(strip, share, corner))
    monkeypatch.setattr(
        overlapping_crops, "_SAMPLES", sum(map(np.size, images)) // 17
    )  # as sparse as among 1,800 pictures

    found = find_overlaps(images)

    assert pairs(found) == {(n, n + 1) for n in range(0, 20, 2)}
    assert {entry.turn for entry in found} == {(-n % 4 if n < 4 else n) for n in range(8)}
    assert all(entry.share == pytest.approx(share, abs=0.01) for entry in found)


@pytest.mark.parametrize("turn", range(8), ids=TURNS)
def test_turn_and_shift_lay_the_second_picture_on_the_first(turn: int) -> None:
    scene = noise(120, 160)
    first, second = at(scene, 10, 15, 90, 70), turned(at(scene, 40, 30, 110, 80), turn)

    (entry,) = find_overlaps([first, second])

    laid = turned(second, entry.turn)
    assert np.array_equal(laid, at(scene, 40, 30, 110, 80))
    assert (entry.dx, entry.dy) == (30, 15)
    assert entry.first_box == (30, 15, 60, 55)
    assert np.array_equal(box_of(first, entry.first_box), turned(box_of(second, entry.second_box), entry.turn))
    assert entry.shared_px == 60 * 55
    assert entry.share == pytest.approx(60 * 55 / (90 * 70))


def test_the_search_agrees_with_trying_every_shift_and_turn() -> None:
    rng = np.random.default_rng(4)
    scene = noise(70, 70)
    images = [
        turned(at(scene, *rng.integers(0, 40, 2), *rng.integers(16, 31, 2)), int(rng.integers(8))) for _ in range(16)
    ]

    found = {(entry.first, entry.second): entry.shared_px for entry in find_overlaps(images)}

    assert found == {
        (a, b): most for b in range(16) for a in range(b) if (most := largest_by_trying(images[a], images[b]))
    }
    assert len(found) > 25


def largest_by_trying(first: Gray, second: Gray) -> int:
    """Pixels of the largest rectangle, at least a window a side, on which the two are equal; 0 if there is none."""
    most = 0
    for turn in range(8):
        other = turned(second, turn)
        for dy in range(WINDOW_PX - other.shape[0], first.shape[0] - WINDOW_PX + 1):
            for dx in range(WINDOW_PX - other.shape[1], first.shape[1] - WINDOW_PX + 1):
                a = first[max(dy, 0) : dy + other.shape[0], max(dx, 0) : dx + other.shape[1]]
                b = other[max(-dy, 0) :, max(-dx, 0) :][: a.shape[0], : a.shape[1]]
                if a[0, 0] == b[0, 0] and np.array_equal(a, b):
                    most = max(most, a.size)
    return most


def test_crops_side_by_side_look_alike_and_are_not_linked(strip: Gray) -> None:
    assert find_overlaps([at(strip, x, y) for y in range(0, 800, SIDE) for x in range(0, 2000, SIDE)]) == []


def test_one_pixel_that_differs_in_the_overlap_is_another_picture() -> None:
    scene = noise(100, 150)
    second = at(scene, 50, 0, 100, 100).copy()
    second[90, 10] ^= 1

    assert find_overlaps([at(scene, 0, 0, 100, 100), second]) == []


def test_blank_areas_ramps_and_stripes_link_nothing() -> None:
    ramp = np.add.outer(np.arange(SIDE), np.arange(SIDE) // 4).clip(0, 255).astype(np.uint8)
    stripes = np.tile(noise(1, SIDE), (SIDE, 1))
    blank = np.full((SIDE, SIDE), 255, np.uint8)

    assert find_overlaps([blank, blank, ramp, ramp[:100], stripes, stripes]) == []


def test_strips_that_share_only_their_saturated_half_are_not_linked() -> None:
    images = [noise(SIDE, SIDE, seed) for seed in range(4)]
    for pixels in images:
        pixels[:, 100:] = 255
        pixels[60:63, 150:154] = 0  # and a speck of dirt on the window

    assert find_overlaps(images) == []


def test_a_burnt_in_logo_is_no_overlap() -> None:
    images = [noise(SIDE, SIDE, seed) for seed in range(6)]
    for pixels in images:
        pixels[8:40, 8:70] = noise(32, 62, seed=99)

    assert find_overlaps(images) == []


def test_many_copies_are_one_group_and_take_no_quadratic_time() -> None:
    copies, blanks = [noise(64, 64)] * 200, [np.full((64, 64), 7, np.uint8)] * 3000
    started = time.process_time()

    found = find_overlaps(copies + blanks)

    assert time.process_time() - started < 20
    assert len(found) < 200 * 65
    assert groups(3200, found) == [0] * 200 + list(range(1, 3001))


def test_a_crop_within_a_frame_of_another_size_shares_all_of_its_area() -> None:
    frame = noise(700, 900)

    (entry,) = find_overlaps([turned(at(frame, 333, 444, 50, 40), 1), frame])

    assert (entry.first, entry.second, entry.share) == (0, 1, 1.0)
    assert np.array_equal(box_of(frame, entry.second_box), at(frame, 333, 444, 50, 40))


def test_pictures_smaller_than_a_window_or_none_at_all_are_no_error() -> None:
    assert find_overlaps([]) == []
    assert find_overlaps([noise(7, 50), noise(50, 7), np.zeros((0, 0), np.uint8)]) == []


def test_what_is_no_gray_picture_is_refused_by_its_index() -> None:
    with pytest.raises(ValueError, match=r"image 1: gray uint8 \(height, width\) is expected, got uint8 \(9, 9, 3\)"):
        find_overlaps([noise(9, 9), np.zeros((9, 9, 3), np.uint8)])
    with pytest.raises(ValueError, match=r"image 0: .* got float64"):
        find_overlaps([np.zeros((9, 9))])  # type: ignore[list-item]


def test_the_same_pictures_give_the_same_answer_and_progress_is_told() -> None:
    images = [at(noise(80, 200), x, 0, 80, 80) for x in (0, 30, 60, 110)]
    told: list[tuple[int, int]] = []

    assert find_overlaps(images, lambda done, total: told.append((done, total))) == find_overlaps(images)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_texture_is_what_noise_has_and_plain_areas_have_not() -> None:
    assert texture_bits(np.full((20, 20), 9, np.uint8)) == 0
    assert texture_bits(noise(WINDOW_PX, WINDOW_PX)) > overlapping_crops.MIN_TEXTURE_BITS
    speck = np.full((SIDE, SIDE), 255, np.uint8)
    speck[100, 100] = 0
    assert texture_bits(speck) < overlapping_crops.MIN_TEXTURE_BITS


def linked(first: int, second: int, box: tuple[int, int, int, int] = (0, 0, 10, 10)) -> Overlap:
    return Overlap(first, second, 0, 0, 0, box[2] * box[3], 0.1, box, box)


def test_groups_join_over_any_number_of_pictures_and_are_numbered_by_their_first() -> None:
    chain = [linked(4, 5), linked(1, 4), linked(0, 6)]

    assert groups(7, chain) == groups(7, reversed(chain)) == [0, 1, 2, 3, 1, 1, 0]
    assert groups(2, []) == [0, 1]


def test_what_training_has_seen_of_held_out_pictures_is_counted_once_a_pixel() -> None:
    overlaps = [linked(0, 3, (0, 0, 10, 5)), linked(1, 3, (0, 0, 5, 10)), linked(3, 4), linked(0, 1)]

    figures = seen(train=[0, 1], held_out=[3, 4, 5], overlaps=overlaps, shapes=[(10, 10)] * 6)

    assert figures.held_out == 3
    assert figures.overlapping == (3,)
    assert figures.same_source == (3, 4)  # 4 shares pixels with 3 alone, and 3 with training pictures
    assert figures.pairs == 2
    assert figures.area_share == pytest.approx(75 / 300)


def test_nothing_held_out_is_nothing_seen() -> None:
    assert seen([0], [], [], [(10, 10)]).area_share == 0


def test_a_picture_on_both_sides_of_a_split_is_refused() -> None:
    with pytest.raises(ValueError, match="1 pictures are trained on and held out, the first: 2"):
        seen([1, 2], [2, 3], [], [(10, 10)] * 4)


@needs_neu
def test_of_neu_the_pictures_known_to_be_of_one_source_are_linked() -> None:
    names = [f"ln/In_{n}" for n in (*range(1, 30), *range(255, 280))]
    names += [f"Sc/Sc_{n}" for n in range(60, 80)] + [f"Pa/Pa_{n}" for n in range(95, 110)]
    images = [image.read(NEU / f"{name}.bmp") for name in names]

    found = find_overlaps(images)

    number = dict(zip(names, groups(len(names), found), strict=True))
    both = [number[name] for name in ("Sc/Sc_66", "Sc/Sc_67", "ln/In_258", "ln/In_259", "ln/In_268")]
    assert len(set(both)) == 1
    assert len({number[f"ln/In_{n}"] for n in range(1, 10)}) == 1
    (copy,) = [entry for entry in found if entry.share == 1]
    assert (names[copy.first], names[copy.second]) == ("Pa/Pa_101", "Pa/Pa_105")
    assert any(entry.turn == 1 for entry in found)
    for entry in found:
        first, second = images[entry.first], images[entry.second]
        assert np.array_equal(box_of(first, entry.first_box), turned(box_of(second, entry.second_box), entry.turn))
