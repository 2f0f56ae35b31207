"""Holds the eye on pictures: a bad lens is told by its kind, a changed product is not, and nothing learned is lost."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.random import Generator

from inspector.protocol.optics import OpticsState
from inspector.settings.sources.strip import StripSettings
from inspector.sources.optics.monitor import OTHERS
from tests.measure.lens import START, Eye, picture, spot, streak


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(8)


@pytest.fixture
def eye(rng: Generator) -> Eye:
    """One that has learned what strip looks like through a clean lens."""
    made = Eye()
    show(made, rng, 60)
    return made


def show(eye: Eye, rng: Generator, count: int, **lens: Any) -> None:
    """So many pictures, through a lens like that."""
    for _ in range(count):
        eye.see(picture(rng, **lens))


@pytest.mark.parametrize(
    ("lens", "kind"),
    [
        ({"dirt": spot(300, 60, 10, 0.3)}, "dust"),
        ({"gain": 0.33}, "dark"),
        ({"blur_px": 2.5}, "blurred"),
        ({"haze": 0.85}, "low_contrast"),
        ({"gain": 2.1}, "saturated"),
    ],
    ids=["dust", "dark", "blurred", "low_contrast", "saturated"],
)
def test_a_bad_lens_is_told_by_its_kind_and_over_once_it_is_clean(
    eye: Eye, rng: Generator, lens: dict[str, Any], kind: str
) -> None:
    # When the lens is bad, then that is told, and for a darker or dimmer picture nothing of dust
    show(eye, rng, 60, **lens)
    assert kind in eye.wrong
    assert ("dust" in eye.wrong) == (kind == "dust")
    # When it is clean again, then that is over
    show(eye, rng, 90)
    assert eye.wrong == set()


def test_dust_is_told_with_its_place(eye: Eye, rng: Generator) -> None:
    show(eye, rng, 60, dirt=spot(300, 60, 10, 0.3))
    (dust,) = eye.state.troubles

    assert dust.figure < -0.03
    text = dust.detail.split(",")
    left, right = (int(word) for word in text[0].removeprefix("a spot at x ").split(" to "))
    top, bottom = (int(word) for word in text[1].removeprefix(" y ").removesuffix(" px").split(" to "))
    assert left <= 300 <= right
    assert top <= 60 <= bottom
    assert (right - left) < 60
    assert "darker" in dust.detail


def test_two_spots_are_two_places(eye: Eye, rng: Generator) -> None:
    show(eye, rng, 60, dirt=spot(100, 40, 8, 0.4) * spot(400, 80, 8, 0.3))

    assert eye.state.troubles[0].detail.endswith("and 1 more")


def test_trouble_is_told_since_it_began(eye: Eye, rng: Generator) -> None:
    show(eye, rng, 60, gain=0.3)
    told_at, dark = eye.began[0]

    assert dark.kind == "dark"
    assert dark.began_at == START + told_at - 10
    assert dark.figure < 0.5 * dark.usual
    assert told_at - 60 < 30


def test_a_changed_product_is_no_trouble(eye: Eye, rng: Generator) -> None:
    for defects, gain in ((0.0, 1.0), (1.0, 1.0), (0.5, 0.75), (0.1, 1.25), (1.0, 0.8)):
        show(eye, rng, 40, defects=defects, gain=gain)

    assert eye.began == []


def test_a_line_of_many_products_learns_them_all() -> None:
    rng, eye = np.random.default_rng(9), Eye(learn_pictures=120)
    for finish in ("crazing", "inclusion", "patches", "scratches") * 2:
        show(eye, rng, 15, finish=finish)
    for finish in ("patches", "crazing", "scratches", "inclusion"):
        show(eye, rng, 40, finish=finish)

    assert eye.began == []


def test_a_streak_down_the_whole_picture_is_told_once_it_has_outlasted_a_coil(eye: Eye, rng: Generator) -> None:
    show(eye, rng, 55, dirt=streak(200, 8, 0.3))
    assert eye.wrong == set()
    show(eye, rng, 40, dirt=streak(200, 8, 0.3))

    assert eye.state.troubles[0].detail.startswith("a streak at x 200 to 208 px")


@pytest.mark.parametrize(
    ("gray", "detail"), [(0, "black"), (255, "white"), (79, "without contrast")], ids=["black", "white", "green"]
)
def test_a_camera_that_shows_nothing_is_blank_before_anything_is_learned(
    gray: int, detail: str, rng: Generator
) -> None:
    eye = Eye()
    for _ in range(11):
        eye.see(np.full((96, 128), gray, np.uint8))
    (trouble,) = eye.state.troubles
    assert (trouble.kind, trouble.detail, eye.state.learned) == ("blank", detail, 0)
    # What it shows now is told, not what it showed before
    assert eye.state.figures is not None
    assert eye.state.figures.brightness == gray

    show(eye, rng, 15)
    assert (eye.wrong, eye.ended[0][1]) == (set(), "blank")


def test_a_single_black_picture_is_no_trouble_and_nothing_is_learned_from_it(eye: Eye, rng: Generator) -> None:
    for _ in range(5):
        eye.see(np.zeros((128, 512), np.uint8))
        show(eye, rng, 5)

    assert eye.began == []
    assert eye.state.figures is not None
    assert eye.state.figures.brightness > 80


def test_the_same_strip_again_and_again_is_frozen_and_teaches_nothing(rng: Generator) -> None:
    eye, still = Eye(), picture(rng)
    for _ in range(30):
        eye.see(np.clip(still + rng.normal(0, 1, still.shape), 0, 255).astype(np.uint8))
    assert (eye.wrong, eye.state.learned) == ({"frozen"}, 1)

    show(eye, rng, 15)
    assert eye.wrong == set()


def test_what_stands_still_is_no_dust(eye: Eye, rng: Generator) -> None:
    still = picture(rng, defects=1)
    for _ in range(60):
        eye.see(still)

    assert eye.wrong == {"frozen"}


def test_a_picture_a_second_is_looked_at_however_many_come(rng: Generator) -> None:
    eye = Eye()
    for _ in range(5):
        eye.see(picture(rng))
        for _ in range(100):
            eye.watch.see(picture_of_another_camera, START)

    assert eye.state.learned == 5


picture_of_another_camera = np.zeros((64, 64), np.uint8)


def test_what_lies_beside_the_strip_is_no_dirt_and_no_strip_is_no_blank_picture(rng: Generator) -> None:
    eye = Eye(StripSettings(background="dark", min_width_px=64))

    def beside(pixels: np.ndarray, left: int) -> np.ndarray:
        whole = np.zeros((128, 800), np.uint8)
        whole[:, left : left + 512] = pixels
        return whole

    for _ in range(60):
        eye.see(beside(picture(rng), int(rng.integers(100, 120))))
    for _ in range(60):  # narrower strip that runs elsewhere
        eye.see(beside(picture(rng), int(rng.integers(180, 250))))
    assert eye.began == []
    for _ in range(60):
        eye.see(np.zeros((128, 800), np.uint8))
    assert eye.began == []


def test_a_spot_outside_the_region_of_interest_is_nobodys_business(rng: Generator) -> None:
    eye = Eye(StripSettings(left_px=128, width_px=256))
    show(eye, rng, 60)
    show(eye, rng, 60, dirt=spot(60, 60, 10, 0.4))
    assert eye.wrong == set()
    show(eye, rng, 60, dirt=spot(240, 60, 10, 0.4))
    assert eye.wrong == {"dust"}


def lives(eye: Eye) -> Iterator[OpticsState]:
    """What is on record of an eye, as it comes back in a Welcome: each time anew."""
    while True:
        state = eye.watch.state(eye.pictures)
        assert state is not None
        yield msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=OpticsState)


def test_a_restart_goes_on_with_what_was_learned_and_with_what_is_wrong(rng: Generator) -> None:
    # Given a life that has learned and sees dust
    first = Eye()
    for _ in range(60):
        first.see(picture(rng), saved=False)
    learned = next(lives(first))
    assert learned.baseline is not None
    show(first, rng, 50, dirt=spot(300, 60, 10, 0.3))
    kept = msgspec.structs.replace(next(lives(first)), baseline=learned.baseline)
    assert first.state.baseline is None, "it is on record, and told no more"
    # When the next one begins, then the dust is told on, since it began, and clean it is over
    second = Eye(resumes=kept)
    show(second, rng, 40, dirt=spot(300, 60, 10, 0.3))
    assert (second.began, second.ended, second.wrong) == ([], [], {"dust"})
    assert second.state.troubles[0].began_at == first.state.troubles[0].began_at
    show(second, rng, 90)
    assert second.wrong == set()


def test_a_restart_while_it_learns_loses_a_minute_at_most(rng: Generator) -> None:
    first = Eye(learn_pictures=200)
    for _ in range(130):
        first.see(picture(rng), saved=False)
    state = next(lives(first))
    assert state.baseline is not None

    second = Eye(resumes=state, learn_pictures=200)
    show(second, rng, 20)
    assert second.state.learned == 150


def test_what_was_learned_is_told_until_it_is_on_record(rng: Generator) -> None:
    eye = Eye()
    for _ in range(65):
        eye.see(picture(rng), saved=False)
    assert eye.state.baseline is not None
    eye.watch.on_record(eye.pictures - 20, 0.0)
    assert eye.state.baseline is not None, "an older word is on record"
    eye.watch.on_record(eye.pictures, 0.0)
    assert eye.state.baseline is None
    eye.watch.report_again()
    assert eye.state.baseline is not None, "another record knows nothing of it"


def test_what_is_learned_anew_is_learned_from_then_on(eye: Eye, rng: Generator) -> None:
    # Given a line whose new lamp is taken for trouble
    show(eye, rng, 60, gain=0.35)
    assert eye.wrong == {"dark"}
    # When someone says that it is usual now, then it is
    eye.watch.on_record(eye.pictures, START + eye.pictures)
    show(eye, rng, 60, gain=0.35)
    assert (eye.wrong, eye.state.learned, eye.state.since) == (set(), 60, START + 120)
    show(eye, rng, 60, gain=0.35)
    assert eye.wrong == set()


def test_odd_sizes_are_passed_over_and_another_camera_is_learned_anew(eye: Eye, rng: Generator) -> None:
    for _ in range(OTHERS - 1):
        eye.see(picture(rng, height=64, width=200))
    show(eye, rng, 1)
    assert eye.state.learned == 60

    for _ in range(OTHERS + 5):
        eye.see(picture(rng, height=64, width=200))
    assert eye.state.learned == 5


def test_twice_the_tolerance_lets_twice_as_much_pass(rng: Generator) -> None:
    strict, lenient = Eye(tolerance=1.0), Eye(tolerance=4.0)
    for lens in ({}, {"dirt": spot(300, 60, 10, 0.3)}):
        for _ in range(60):
            pixels = picture(rng, defects=0, **lens)  # type: ignore[arg-type]
            strict.see(pixels)
            lenient.see(pixels)

    assert (strict.wrong, lenient.wrong) == ({"dust"}, set())


@pytest.mark.parametrize("spots", [b"\1" * 7, b"\1" * 64 * 8])
def test_what_another_version_learned_with_other_cells_is_learned_again(rng: Generator, spots: bytes) -> None:
    first = Eye()
    for _ in range(60):
        first.see(picture(rng), saved=False)
    state = next(lives(first))
    assert state.baseline is not None
    odd = msgspec.structs.replace(state, baseline=msgspec.structs.replace(state.baseline, spots=spots))

    second = Eye(resumes=odd)
    show(second, rng, 70)
    assert (second.state.learned, second.wrong) == (60, set())


@pytest.mark.parametrize(
    "strip",
    [
        StripSettings(),
        StripSettings(left_px=40, top_px=30, width_px=33, height_px=1),
        StripSettings(left_px=10, width_px=40, height_px=32, background="dark", min_width_px=1),
        StripSettings(top_px=5, background="bright", background_level=250, min_width_px=1),
        StripSettings(left_px=65_536),
    ],
)
def test_no_picture_of_whatever_size_stops_it(strip: StripSettings, rng: Generator) -> None:
    eye = Eye(strip)
    sizes = [(32, 32), (33, 4096), (4096, 33), (64, 65_536), (1500, 60_000), (65_536, 40), (100, 100), (39, 255)]
    for size in [(100, 100)] * 61 + sizes:
        eye.pictures += 1
        eye.watch.see(rng.integers(0, 256, size, np.uint8), START + eye.pictures)
    for size in sizes:  # and each is learned from and judged
        for _ in range(OTHERS + 70 if size[0] * size[1] < 300_000 else 3):
            eye.pictures += 1
            eye.watch.see(rng.integers(0, 256, size, np.uint8), START + eye.pictures)
    assert (eye.watch.state(1) is None) == (strip.height_px == 1 or strip.left_px > 100)
