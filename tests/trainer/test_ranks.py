"""One process a device: launched as Paddle launches, they share each batch, agree on the weights, and one writes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer.conftest import REPOSITORY, write_folders, write_recipe
from trainer import checkpoint
from trainer.cli import main

#: What pip installs as `trainer`, and beside it, for each process, the weights that it ends with.
SCRIPT = """
import os, sys
import numpy as np
from trainer import cli, train
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


def test_two_processes_train_as_one_does_that_computes_each_batch_in_two_passes(
    tmp_path: Path, recipe: Path, run_json: Callable[..., Any]
) -> None:
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
    alone = run_json("train", "-c", recipe, "-o", "training.accumulate=2")
    weights = checkpoint.load(tmp_path / "run/last.npz").weights
    learned = [name for name in weights if not name.endswith(("._mean", "._variance"))]
    assert all(np.allclose(weights[name], shared[name], rtol=1e-4, atol=1e-6) for name in learned)
    assert alone["val_images"] == said[0]["val_images"]
