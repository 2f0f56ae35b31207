"""The model that ships with the package: whole, right on images it has never seen, and quiet on clean strip."""

import numpy as np
import pytest

from inspector import bundle, image, renderer
from inspector.predictor import PaddlePredictor, check_golden
from tests.trainer.conftest import NEU, needs_neu
from trainer import evaluate

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


@needs_neu
def test_it_is_right_on_the_eval_list_of_neu(model: tuple[evaluate.Model, bundle.Bundle]) -> None:
    scorer, _ = model
    lines = [line.split() for line in (NEU / "eval.txt").read_text().splitlines()]
    logits = scorer.logits(scorer.scores([image.read(NEU / path) for path, _ in lines]))
    called = [scorer.labels[index].name for index in logits.argmax(axis=1)]
    assert len(lines) == 373
    assert sum(name == NEU_NAMES[int(label)] for name, (_, label) in zip(called, lines, strict=True)) >= 371
