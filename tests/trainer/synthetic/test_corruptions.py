"""The faults of a line: each does what its name says, more so when stronger, and always the same."""

import numpy as np
import pytest

from inspector.vision.renderer import strip
from trainer.synthetic.corruptions import FAULTS, STRENGTHS, Fault

PIXELS = strip.render_image("crazing", 77).pixels
BY_NAME = {fault.name: fault for fault in FAULTS}
RESHAPING = ("crop shift", "rotation 90/180/270")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_changes_the_picture_and_leaves_the_original_alone(fault: Fault) -> None:
    original = PIXELS.copy()
    for strength in range(len(STRENGTHS)):
        changed = fault.apply(PIXELS, strength, "a.bmp")
        assert changed.dtype == np.uint8 and changed.flags.c_contiguous
        assert changed.shape != PIXELS.shape or (changed != PIXELS).mean() > 0.001
    assert np.array_equal(PIXELS, original)


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.name not in RESHAPING], ids=lambda fault: fault.name)
def test_a_stronger_fault_changes_more(fault: Fault) -> None:
    changes = [
        np.abs(fault.apply(PIXELS, strength, "a.bmp").astype(int) - PIXELS).sum() for strength in range(len(STRENGTHS))
    ]
    assert changes == sorted(changes) and changes[0] < changes[1] < changes[2]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_same_picture_gets_the_same_fault(fault: Fault) -> None:
    assert np.array_equal(fault.apply(PIXELS, 1, "a.bmp"), fault.apply(PIXELS, 1, "a.bmp"))


@pytest.mark.parametrize("name", ["sensor noise", "illumination gradient", "dust", "stripes"])
def test_two_pictures_get_chance_of_their_own(name: str) -> None:
    assert not np.array_equal(BY_NAME[name].apply(PIXELS, 1, "a.bmp"), BY_NAME[name].apply(PIXELS, 1, "b.bmp"))


def test_noise_has_the_standard_deviation_it_names() -> None:
    flat = np.full((200, 200), 128, np.uint8)
    assert BY_NAME["sensor noise"].apply(flat, 1, "flat").std() == pytest.approx(10, rel=0.03)


def test_motion_smears_along_its_own_direction_only() -> None:
    # Given one bright column
    pixels = np.zeros((64, 64), np.uint8)
    pixels[:, 32] = 210
    # Then moving along it changes nothing, moving across it spreads it over 7 pixels
    assert np.array_equal(BY_NAME["motion blur, vertical"].apply(pixels, 1, "a"), pixels)
    smeared = BY_NAME["motion blur, horizontal"].apply(pixels, 1, "a")
    assert (smeared[10] == 30).sum() == 7 and smeared[10].sum() == 210


def test_exposure_scales_and_clips() -> None:
    pixels = np.full((40, 40), 200, np.uint8)
    assert (BY_NAME["under-exposure"].apply(pixels, 1, "a") == 120).all()
    assert (BY_NAME["over-exposure"].apply(pixels, 1, "a") == 255).all()


def test_contrast_loss_keeps_the_mean() -> None:
    faded = BY_NAME["contrast loss"].apply(PIXELS, 1, "a")
    assert faded.mean() == pytest.approx(PIXELS.mean(), abs=0.5)
    assert faded.std() == pytest.approx(PIXELS.std() / 2, rel=0.02)


def test_a_crop_shift_cuts_a_twentieth_off_each_side_and_invents_nothing() -> None:
    cut = BY_NAME["crop shift"].apply(PIXELS, 1, "a.bmp")
    assert cut.shape == (190, 190)
    corners = [PIXELS[y : y + 190, x : x + 190] for y in (0, 10) for x in (0, 10)]
    assert any(np.array_equal(cut, corner) for corner in corners)


def test_a_rotation_turns_by_the_degrees_it_names() -> None:
    for strength in range(3):
        assert np.array_equal(
            BY_NAME["rotation 90/180/270"].apply(PIXELS, strength, "a"), np.rot90(PIXELS, strength + 1)
        )


def test_a_name_that_is_no_utf_8_is_a_name() -> None:
    assert BY_NAME["dust"].apply(PIXELS, 0, "\udcff.bmp").shape == PIXELS.shape
