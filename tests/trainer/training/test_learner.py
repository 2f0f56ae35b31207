"""One step of training: passes, freezing, weights of labels, the running average; and what cannot be asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.errors import ConfigError
from tests.trainer.conftest import write_folders, write_recipe
from trainer import paddle_runtime
from trainer.cli import main
from trainer.data import manifest
from trainer.data.augment import Mixed
from trainer.recipe.learning import Network, Training
from trainer.training.distributed import Ranks
from trainer.training.freeze import frozen
from trainer.weights import checkpoint


def learner(weights: Any = None, **how: Any) -> Any:
    paddle_runtime.start(0)
    from trainer.networks import resnet_vd
    from trainer.training.learner import Learner

    network = resnet_vd.ResNetVd(Network(width=0.125, size_px=32), 3)
    return Learner(network, Training(**{"label_smoothing": 0.0, "l2": 0.0} | how), Ranks(), weights)


def part(count: int = 6, seed: int = 0) -> Mixed:
    batch = np.random.default_rng(seed).standard_normal((count, 1, 32, 32)).astype(np.float32)
    targets = np.arange(count) % 3
    return Mixed(batch, 1.0, targets, targets)


def stepped(some: Any, *batches: list[Mixed], rate: float = 0.1) -> dict[str, np.ndarray]:
    some.begin_epoch()
    for batch in batches:
        some.step(batch, rate)
    return dict(some.weights())


def test_frozen_stages_keep_weights_and_statistics_and_the_rest_learns() -> None:
    some = learner(freeze=("stem", "stage1", "blocks.7.conv0"))
    before = some.weights()
    after = stepped(some, [part()])

    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    kept = ("stem.", "blocks.0.", "blocks.1.", "blocks.7.conv0.")
    assert changed == {name for name in before if not name.startswith(kept)}


def test_what_can_be_frozen_is_said_where_a_name_is_none() -> None:
    names = ["stem.0.conv.weight", "blocks.1.conv0.conv.weight", "blocks.10.conv0.conv.weight", "fc.weight"]
    assert frozen(names, ["blocks.1"], (2, 9)) == {"blocks.1.conv0.conv.weight"}  # and not blocks.10
    assert frozen(names, ["stage2", "stem"], (2, 9)) == {"stem.0.conv.weight", "blocks.10.conv0.conv.weight"}
    with pytest.raises(ConfigError, match=r"training\.freeze: 'layer9' is no layer.*stage1, stage2, fc.*stem\.0\.conv"):
        frozen(names, ["layer9"], (2, 9))
    with pytest.raises(ConfigError, match="nothing is left to train"):
        frozen(names, ["stem", "blocks", "fc"], (2, 9))


def test_two_passes_make_one_step_with_the_mean_of_their_gradients() -> None:
    """With the batch norms frozen, no picture depends on its neighbours: then passes change nothing at all."""
    everything_but_the_head = ("stem", "blocks")
    whole = part(6)
    halves = [Mixed(whole.batch[:3], 1.0, whole.targets[:3], whole.targets[:3]),
              Mixed(whole.batch[3:], 1.0, whole.targets[3:], whole.targets[3:])]  # fmt: skip
    once = stepped(learner(freeze=everything_but_the_head), [whole])
    twice = stepped(learner(freeze=everything_but_the_head), halves)
    assert once["fc.weight"] == pytest.approx(twice["fc.weight"], abs=1e-6)
    assert once["fc.bias"] == pytest.approx(twice["fc.bias"], abs=1e-6)


def test_a_label_of_twice_the_weight_counts_twice_in_the_loss() -> None:
    truth = np.array([2, 2, 2])
    one = Mixed(part(3).batch, 1.0, truth, truth)
    plain, heavy = learner(), learner(np.array([1, 1, 2], np.float32))
    for some in (plain, heavy):
        some.begin_epoch()
    assert heavy.step([one], 0.1) == pytest.approx(2 * plain.step([one], 0.1), rel=1e-5)


def test_the_running_average_follows_the_weights_and_is_what_is_saved() -> None:
    averaged, plain = learner(ema_decay=0.5), learner()
    start = plain.weights()["fc.bias"]
    first = stepped(plain, [part()])["fc.bias"]
    second = stepped(plain, [part(seed=1)])["fc.bias"]
    found = stepped(averaged, [part()], [part(seed=1)])["fc.bias"]

    decay = 1 / 10, 2 / 11  # (1 + updates) / (10 + updates), until it reaches 0.5
    mean = decay[0] * start + (1 - decay[0]) * first
    assert found == pytest.approx(decay[1] * mean + (1 - decay[1]) * second, abs=1e-6)


def test_a_weight_that_is_no_number_is_named_although_the_loss_looks_well() -> None:
    some = learner()
    assert some.broken() is None
    weight = some.judged.stem[0].conv.weight
    weight.set_value(np.full(weight.shape, np.nan, np.float32))
    some.begin_epoch()
    assert np.isfinite(some.step([part()], 0.0))  # ReLU makes 0 of it
    assert some.broken().startswith("stem.0.")


def test_half_precision_is_refused_on_a_cpu(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "-c", str(finished / "recipe.yaml"), "-o", "training.amp=true"]) == 2
    assert "training.amp: half precision needs a GPU, and this Paddle computes on a CPU" in capsys.readouterr().err


def test_training_stops_when_the_validation_part_gains_nothing_more(
    tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    write_folders(tmp_path / "data", per_class=12)
    options = ["-c", write_recipe(tmp_path), "-o", "training.patience_evaluations=2", "-o", "training.epochs=9",
               "-o", "training.learning_rate=1e-9"]  # fmt: skip
    run_json("prepare", *options)
    result = run_json("train", *options)

    assert result["epochs"] < 9
    assert result["notes"] == [f"stopped after epoch {result['epochs']}: no better for 2 evaluations; see best.npz"]
    last, best = (checkpoint.load(tmp_path / f"run/{name}.npz").meta for name in ("last", "best"))
    assert last.epoch == result["epochs"] and last.position is None and best.epoch <= last.epoch


def test_balanced_weights_are_of_the_pictures_that_training_sees(
    tmp_path: Path, run_json: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.training import train

    write_folders(tmp_path / "data", per_class=12)
    for index in range(8):
        (tmp_path / f"data/Sc/Sc_{index}.png").unlink()
    recipe = write_recipe(tmp_path)
    run_json("prepare", "-c", recipe)
    weights: list[Any] = []
    real = train.Feed.label_weights
    monkeypatch.setattr(train.Feed, "label_weights", lambda *a: weights.append(real(*a)) or weights[-1])
    run_json("train", "-c", recipe, "-o", "training.class_weights=balanced", "-o", "training.epochs=1")
    run_json("train", "-c", recipe, "-o", "training.class_weights={scratches: 3}",
             "-o", "training.epochs=1")  # fmt: skip

    rows = manifest.read(tmp_path / "run/manifest.tsv").split("train")
    counts = [sum(row.label == name for row in rows) for name in ("ok", "scratches", "patches")]
    assert counts[1] < counts[0]
    assert weights[0] == pytest.approx([len(rows) / (3 * count) for count in counts])
    assert weights[1].tolist() == [1, 3, 1]
    assert main(["train", "-c", str(recipe), "-o", "training.class_weights={rust: 2}"]) == 2
