"""One process a device: launched as Paddle launches, they share each batch, agree on the weights, and one writes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.errors import ConfigError
from tests.trainer.conftest import REPOSITORY, run_apart, tiny_recipe, write_folders, write_recipe
from trainer.cli import main
from trainer.data.dataset import Dataset
from trainer.data.manifest import Row
from trainer.recipe.recipe import Recipe
from trainer.training.batches import Feed
from trainer.training.distributed import Ranks
from trainer.training.train import preprocess_of
from trainer.weights import checkpoint

#: What pip installs as `trainer`, and beside it, for each process, the weights that it ends with.
SCRIPT = """
import os, sys
import numpy as np
from trainer import cli
from trainer.training import train
learners = []
judge = train._right
train._right = lambda learner, *more: (learners.append(learner), judge(learner, *more))[1]
code = cli.main(sys.argv[1:])
if learners:
    np.savez(os.environ["WEIGHTS_OF"] + os.environ["PADDLE_TRAINER_ID"], **learners[-1].weights())
sys.exit(code)
"""


def launched(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    (folder / "trainer_script.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--log_dir", folder / "log",
               folder / "trainer_script.py", *arguments]  # fmt: skip
    environment = {"WEIGHTS_OF": f"{folder}/rank-", "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=100, env={**os.environ, **environment}
    )


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    write_folders(tmp_path / "data", per_class=12)
    training = {"epochs": 2, "batch_images": 8, "learning_rate": 0.02, "mixup": 0.2, "ema_decay": 0.5}
    path = write_recipe(tmp_path, training=training)
    assert main(["prepare", "-c", str(path)]) == 0
    return path


def test_two_processes_train_as_one_does_that_computes_each_batch_in_two_passes(tmp_path: Path, recipe: Path) -> None:
    done = launched(tmp_path, "train", "-c", recipe, "--json")

    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(said) == 1 and said[0]["epochs"] == 2 and said[0]["val_images"] == 6
    log = (tmp_path / "log/workerlog.1").read_text()
    assert "epoch" not in log and "{" not in log.replace("FLAGS", "")
    shared = checkpoint.load(tmp_path / "run/last.npz").weights
    for rank in (0, 1):
        own = np.load(tmp_path / f"rank-{rank}.npz")
        assert all(own[name].tobytes() == shared[name].tobytes() for name in shared)

    # Batch norm sees the pictures of one pass, so two passes are what two processes do; only the running statistics
    # differ, which follow one pass after the other instead of the mean of both.
    alone = run_apart("train", "-c", recipe, "-o", "training.accumulate=2")
    weights = checkpoint.load(tmp_path / "run/last.npz").weights
    learned = [name for name in weights if not name.endswith(("._mean", "._variance"))]
    assert all(np.allclose(weights[name], shared[name], rtol=1e-4, atol=1e-6) for name in learned)
    assert alone["val_images"] == said[0]["val_images"]


@pytest.mark.parametrize(("size", "passes", "batch"), [(3, 1, 8), (2, 4, 8), (1, 3, 8)])
def test_a_batch_that_cannot_be_shared_out_evenly_is_refused_with_the_numbers(
    tmp_path: Path, size: int, passes: int, batch: int
) -> None:
    """Batch norm needs two pictures a part, so 8 cannot be computed in 8 parts."""
    training = {"batch_images": batch, "accumulate": passes}
    recipe = Recipe.model_validate(tiny_recipe(tmp_path, training=training))
    rows = tuple(Row(f"{number}.png", "ok", "train", "") for number in range(9))
    data = Dataset((np.zeros((32, 32), np.uint8),) * 9, np.zeros(9, np.int64), rows, ())
    with pytest.raises(ConfigError, match=rf"training\.batch_images: 8 .* {size} processes in {passes} passes"):
        Feed(data, recipe, preprocess_of(recipe.network), Ranks(0, size))


def test_two_ranks_see_what_one_sees_in_two_passes(tmp_path: Path) -> None:
    rows = tuple(Row(f"{number}.png", "ok", "train", "") for number in range(9))
    images = tuple(np.full((32, 32), 20 * number, np.uint8) for number in range(9))
    data = Dataset(images, np.arange(9), rows, ())

    def batches(rank: int, size: int, passes: int) -> list[list[Any]]:
        recipe = Recipe.model_validate(
            tiny_recipe(tmp_path, training={"batch_images": 4, "accumulate": passes, "mixup": 0.2})
        )
        return list(Feed(data, recipe, preprocess_of(recipe.network), Ranks(rank, size)).epoch(5))

    alone, first, second = batches(0, 1, 2), batches(0, 2, 1), batches(1, 2, 1)
    assert len(alone) == len(first) == len(second) == 2
    for whole, *shares in zip(alone, first, second, strict=True):
        for part, share in zip(whole, [*shares[0], *shares[1]], strict=True):
            assert np.array_equal(part.batch, share.batch) and np.array_equal(part.targets, share.targets)
            assert part.share == share.share
