"""The model that ships with the package: whole, right on images it has never seen, and quiet on clean strip."""

import numpy as np
import pytest
from numpy.typing import NDArray

from inspector.protocol.verdicts import Region
from inspector.vision import bundle, image, tile_pooling
from inspector.vision import tiling as tiles
from inspector.vision.decision import rules
from inspector.vision.predictor import PaddlePredictor, check_golden
from inspector.vision.preprocess import contrast
from inspector.vision.renderer import strip as renderer
from inspector.worker.regions import merge
from tests.trainer.conftest import NEU, needs_neu
from trainer.evaluation import evaluate
from trainer.synthetic import outliers
from trainer.synthetic.corruptions import FAULTS, STRENGTHS, TURN, Fault

pytestmark = pytest.mark.skipif(not bundle.DEFAULT.is_dir(), reason="no bundled model: `make model` makes it")

#: Far from the seeds in configs/train/default_model.yaml.
UNSEEN = 50_000_000
NEU_NAMES = ("crazing", "patches", "pitted_surface", "rolled-in_scale", "scratches", "inclusion")


@pytest.fixture(scope="module")
def model() -> tuple[evaluate.Model, bundle.Bundle]:
    return evaluate.open_bundle(bundle.DEFAULT)


def test_it_is_whole_and_small_enough_for_the_repository(model: tuple[evaluate.Model, bundle.Bundle]) -> None:
    _, opened = model
    assert check_golden(PaddlePredictor(opened), opened) < 1e-3
    assert sum(file.stat().st_size for file in bundle.DEFAULT.iterdir()) <= 12_000_000
    assert {label.name for label in opened.labels} == {"ok", *renderer.DEFECTS}
    assert opened.manifest.input.view_px == 200


def test_it_is_right_on_simulated_images_of_unseen_seeds(model: tuple[evaluate.Model, bundle.Bundle]) -> None:
    scorer, _ = model
    names = [label.name for label in scorer.labels]
    truth = np.repeat(np.arange(len(names)), 20)
    pictures = [renderer.render_image(names[label], UNSEEN + index).pixels for index, label in enumerate(truth)]
    assert int((scorer.logits(scorer.scores(pictures)).argmax(axis=1) == truth).sum()) >= 138  # of 140


def test_it_raises_no_alarm_on_clean_strip(model: tuple[evaluate.Model, bundle.Bundle]) -> None:
    scorer, opened = model
    pictures = [renderer.render_image("ok", UNSEEN + 1000 + index).pixels for index in range(200)]
    tiles = evaluate.decide(scorer, opened.manifest.decision, pictures, scorer.scores(pictures))
    assert sum(tile.outcome == "defect" for tile in tiles) <= 1


def test_it_finds_the_defects_of_a_wide_frame_at_their_place_and_nothing_beside_them(
    model: tuple[evaluate.Model, bundle.Bundle],
) -> None:
    # Given frames of 4096 x 1024 px, each with every defect once, in tiles that overlap by half
    scorer, opened = model
    numbers, cut = rules(opened.labels, opened.manifest.decision), tiles.cut(1024, 4096, 200, 100)
    found = right = false = 0
    for number in range(4):
        strip = renderer.render_strip(UNSEEN + number, defects=renderer.DEFECTS)
        views = [strip.pixels[one.y : one.y + one.height, one.x : one.x + one.width] for one in cut]
        contrasts = np.array([contrast(scorer.preprocess.resize(view)) for view in views], np.float32)
        # When each place is decided by the tiles that show it
        regions = merge(*tile_pooling.decide(cut, scorer.scores(views), contrasts, numbers))
        # Then each defect has a region of its label, and what has a region is a defect
        touching = [[one for one in regions if _touch(one, box)] for box in strip.boxes]
        found += sum(map(bool, touching))
        right += sum(any(one.label == box.label for one in of) for of, box in zip(touching, strip.boxes, strict=True))
        false += sum(not any(_touch(one, box) for box in strip.boxes) for one in regions)
    assert found >= 23 and right >= 22 and false <= 1  # of 24


def _touch(region: Region, box: renderer.DefectBox) -> bool:
    across = region.x < box.x + box.width and box.x < region.x + region.width
    return across and region.y < box.y + box.height and box.y < region.y + region.height


@needs_neu
def test_it_is_right_on_the_eval_list_of_neu(model: tuple[evaluate.Model, bundle.Bundle]) -> None:
    scorer, _ = model
    lines = [line.split() for line in (NEU / "eval.txt").read_text().splitlines()]
    logits = scorer.logits(scorer.scores([image.read(NEU / path) for path, _ in lines]))
    called = [scorer.labels[index].name for index in logits.argmax(axis=1)]
    assert len(lines) == 373
    assert sum(name == NEU_NAMES[int(label)] for name, (_, label) in zip(called, lines, strict=True)) >= 371


def _neu() -> tuple[list[NDArray[np.uint8]], list[str], list[str]]:
    """The pictures of NEU's eval list, their labels by our names, and their paths."""
    lines = [line.split() for line in (NEU / "eval.txt").read_text().splitlines()]
    return (
        [image.read(NEU / path) for path, _ in lines],
        [NEU_NAMES[int(label)] for _, label in lines],
        [path for path, _ in lines],
    )


@needs_neu
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault is not TURN], ids=lambda fault: fault.name)
def test_it_still_tells_defects_apart_under_a_fault_of_middle_strength(
    model: tuple[evaluate.Model, bundle.Bundle], fault: Fault
) -> None:
    scorer, _ = model
    pictures, truth, paths = _neu()
    faulty = [
        fault.apply(pixels, STRENGTHS.index("middle"), path) for pixels, path in zip(pictures, paths, strict=True)
    ]
    called = [scorer.labels[index].name for index in scorer.logits(scorer.scores(faulty)).argmax(axis=1)]
    assert sum(a == b for a, b in zip(called, truth, strict=True)) >= 362  # of 373: 97%; kernels differ by CPU


@needs_neu
def test_it_loses_little_of_neu_to_unsure(model: tuple[evaluate.Model, bundle.Bundle]) -> None:
    scorer, opened = model
    pictures = _neu()[0]
    tiles = evaluate.decide(scorer, opened.manifest.decision, pictures, scorer.scores(pictures))
    assert sum(tile.outcome == "unsure" for tile in tiles) <= 11  # of 373: 3%


@pytest.mark.parametrize("name", ["other material", "blank", "noise", "gradient", "half covered", "out of focus"])
def test_it_is_unsure_of_what_is_not_strip(model: tuple[evaluate.Model, bundle.Bundle], name: str) -> None:
    scorer, opened = model
    kind = next(kind for kind in outliers.KINDS if kind.name == name)
    strip = [renderer.render_image(label, UNSEEN).pixels for label in renderer.DEFECTS]
    pictures = [kind.picture(UNSEEN + seed, strip[seed % len(strip)]) for seed in range(60)]
    tiles = evaluate.decide(scorer, opened.manifest.decision, pictures, scorer.scores(pictures))
    assert sum(tile.outcome == "unsure" for tile in tiles) >= 58
