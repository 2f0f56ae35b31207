"""The synthetic strip: repeatable, well formed, and visibly defective exactly where it says so."""

import hashlib
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from inspector.vision.renderer.strip import DEFECTS, DefectBox, Render, render_cut, render_image, render_strip

LABELS = ("ok", *DEFECTS)
SEEDS = range(12)


def digest(render: Render) -> str:
    """Identify a render's pixels across processes."""
    return hashlib.sha256(render.pixels.tobytes()).hexdigest()


def cut(pixels: np.ndarray, box: DefectBox) -> np.ndarray:
    """The pixels under a box, wide enough to subtract."""
    return pixels[box.y : box.y + box.height, box.x : box.x + box.width].astype(int)


@pytest.mark.parametrize("label", LABELS)
def test_the_same_seed_renders_the_same_pixels_and_boxes(label: str) -> None:
    first, second = render_image(label, 7), render_image(label, 7)
    assert np.array_equal(first.pixels, second.pixels)
    assert first.boxes == second.boxes


def test_a_fresh_process_renders_the_same_pixels() -> None:
    script = (
        "import hashlib\n"
        "from inspector.vision.renderer.strip import render_image, render_strip\n"
        f"for label in {LABELS!r}:\n"
        "    print(hashlib.sha256(render_image(label, 3).pixels.tobytes()).hexdigest())\n"
        "print(hashlib.sha256(render_strip(3, 800, 400, ('crazing',)).pixels.tobytes()).hexdigest())\n"
    )
    command = [sys.executable, "-c", script]
    fresh = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    here = [digest(render_image(label, 3)) for label in LABELS]
    assert fresh == [*here, digest(render_strip(3, 800, 400, ("crazing",)))]


@pytest.mark.parametrize("label", LABELS)
def test_every_seed_renders_another_picture(label: str) -> None:
    assert len({digest(render_image(label, seed)) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("label", LABELS)
def test_a_view_cut_out_of_a_wide_frame_is_the_same_again_and_its_defect_lies_within(label: str) -> None:
    views = [render_cut(label, seed) for seed in SEEDS]

    assert [digest(view) for view in views] == [digest(render_cut(label, seed)) for seed in SEEDS]
    assert len({digest(view) for view in views}) == len(SEEDS)
    for view in views:
        assert view.pixels.shape == (200, 200) and view.pixels.dtype == np.uint8
        assert [box.label for box in view.boxes] == ([] if label == "ok" else [label])
        for box in view.boxes:
            assert min(box.x, box.y) >= 0 and max(box.x + box.width, box.y + box.height) <= 200


def test_the_border_of_a_view_cuts_some_defects_and_not_others() -> None:
    boxes = [box for label in DEFECTS for seed in range(8) for box in render_cut(label, seed).boxes]
    at_border = sum(0 in (box.x, box.y) or 200 in (box.x + box.width, box.y + box.height) for box in boxes)
    assert 0.3 * len(boxes) < at_border < len(boxes)


def test_an_unknown_label_of_a_view_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="unknown label 'rust'"):
        render_cut("rust", 1)


def test_rendering_leaves_the_global_random_state_alone() -> None:
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    render_image("crazing", 1)
    assert np.random.random() == expected


@pytest.mark.parametrize("seed", [-1, 0, 2**63, 2**70])
def test_any_integer_is_a_seed(seed: int) -> None:
    assert render_image("patches", seed).boxes


@pytest.mark.parametrize("label", ["rust", "", "OK", "Crazing"])
def test_an_unknown_label_is_refused_by_name(label: str) -> None:
    with pytest.raises(ValueError, match=repr(label)):
        render_image(label, 0)


@pytest.mark.parametrize("label", ["rust", "ok"])
def test_a_strip_refuses_an_unknown_defect_by_name(label: str) -> None:
    with pytest.raises(ValueError, match=repr(label)):
        render_strip(0, 800, 400, ("crazing", label))


@pytest.mark.parametrize("size", [64, 199, 200, 512])
@pytest.mark.parametrize("label", LABELS)
def test_pixels_are_contiguous_gray_bytes_of_the_size_asked_for(label: str, size: int) -> None:
    pixels = render_image(label, 5, size).pixels
    assert pixels.shape == (size, size)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous


def test_clean_strip_has_no_box() -> None:
    assert all(render_image("ok", seed).boxes == () for seed in SEEDS)


@pytest.mark.parametrize("size", [64, 200])
@pytest.mark.parametrize("label", DEFECTS)
def test_a_defect_has_one_box_inside_the_image(label: str, size: int) -> None:
    for seed in SEEDS:
        (box,) = render_image(label, seed, size).boxes
        assert box.label == label
        assert 0 <= box.x < box.x + box.width <= size
        assert 0 <= box.y < box.y + box.height <= size


@pytest.mark.parametrize("label", LABELS)
def test_brightness_stays_in_the_range_of_a_working_camera(label: str) -> None:
    means = [float(render_image(label, seed).pixels.mean()) for seed in range(40)]
    assert 15 < min(means) < max(means) < 253
    assert max(means) - min(means) > 40


@pytest.mark.parametrize("label", LABELS)
def test_every_view_has_texture(label: str) -> None:
    assert all(render_image(label, seed).pixels.std() > 1 for seed in SEEDS)


@pytest.mark.parametrize("label", DEFECTS)
def test_a_defect_visibly_changes_the_strip_inside_its_box_and_nowhere_else(label: str) -> None:
    for seed in SEEDS:
        clean, bad = render_strip(seed, 640, 400), render_strip(seed, 640, 400, (label,))
        (box,) = bad.boxes
        change = np.abs(cut(bad.pixels, box) - cut(clean.pixels, box))
        assert np.count_nonzero(change > 6) > 100
        outside = np.abs(bad.pixels.astype(int) - clean.pixels)
        outside[box.y : box.y + box.height, box.x : box.x + box.width] = 0
        assert np.count_nonzero(outside > 20) < 20


def test_strip_defects_are_boxed_in_order_inside_the_frame_and_apart() -> None:
    for seed in SEEDS[:4]:
        wanted = (*DEFECTS, *DEFECTS[::-1])
        frame = render_strip(seed, 2048, 1024, wanted)
        assert tuple(box.label for box in frame.boxes) == wanted
        for box in frame.boxes:
            assert box.width > 0 < box.height
            assert 0 <= box.x <= 2048 - box.width
            assert 0 <= box.y <= 1024 - box.height
        for a, b in combinations(frame.boxes, 2):
            beside = a.x + a.width <= b.x or b.x + b.width <= a.x
            assert beside or a.y + a.height <= b.y or b.y + b.height <= a.y


def test_a_strip_without_room_for_its_defects_is_refused() -> None:
    with pytest.raises(ValueError, match="no room for 12 defects"):
        render_strip(0, 300, 200, DEFECTS * 2)


def test_a_full_width_frame_is_one_contiguous_gray_picture() -> None:
    frame = render_strip(1, defects=("scratches",))
    assert frame.pixels.shape == (1024, 4096)
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.flags.c_contiguous


def test_clean_frames_look_like_clean_views() -> None:
    def contrast(pixels: np.ndarray) -> float:
        return float((np.diff(pixels.astype(float), axis=1)).std())

    views = [contrast(render_image("ok", seed).pixels) for seed in range(60)]
    strips = [contrast(render_strip(seed, 400, 400).pixels) for seed in range(60)]
    assert 0.6 < np.median(strips) / np.median(views) < 1.6
