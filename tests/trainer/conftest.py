"""Small pictures, recipes and one trained run that the tests of the trainer share."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from trainer.cli import main

# Two threads that wait for each other on a busy machine make these tiny networks ten times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).parents[2]
NEU = Path(os.environ.get("STRIP_NEU_CLS") or REPOSITORY.parent / "shared" / "neu-cls")
needs_neu = pytest.mark.skipif(not (NEU / "eval.txt").is_file(), reason=f"NEU-CLS is not at {NEU}")

#: Three kinds that a tiny network tells apart within seconds.
LABELS = [
    {"name": "ok", "kind": "ok", "severity": "none", "aliases": ["clean"]},
    {"name": "scratches", "severity": "major", "aliases": ["Sc"]},
    {"name": "patches", "severity": "minor"},
]


def picture(kind: str, seed: int, side: int = 48) -> np.ndarray:
    """Gray noise; `Sc` has a bright line from top to bottom, `patches` a dark half."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(128, 8, (side, side))
    if kind == "Sc":
        column = int(rng.integers(12, side - 12))
        pixels[:, column : column + 4] += 90
    if kind == "patches":
        pixels[: side // 2] -= 80
    return np.clip(pixels, 0, 255).astype(np.uint8)


def write_folders(root: Path, per_class: int = 30) -> Path:
    """One folder a class, under the names the data uses."""
    for number, kind in enumerate(("clean", "Sc", "patches")):
        (root / kind).mkdir(parents=True)
        for index in range(per_class):
            cv2.imwrite(str(root / kind / f"{kind}_{index}.png"), picture(kind, number * 1000 + index))
    return root


def tiny_recipe(folder: Path, **changes: Any) -> dict[str, Any]:
    """A recipe that trains in seconds on class folders under folder/data."""
    return {
        "name": "tiny",
        "run_dir": str(folder / "run"),
        "seed": 3,
        "labels": LABELS,
        "data": {"root": str(folder / "data"), "val_share": 0.2, "eval_share": 0.2},
        "network": {"width": 0.125, "size_px": 32},
        "training": {"epochs": 8, "batch_images": 8, "learning_rate": 0.02, "warmup_epochs": 1},
        "novelty": {"strangers": 0},
        "export": {"view_px": 64, "golden_per_label": 1},
    } | changes


def write_recipe(folder: Path, **changes: Any) -> Path:
    """The tiny recipe as a file."""
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(tiny_recipe(folder, **changes)))
    return path


@pytest.fixture
def run_json(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs a command with --json, expects exit code 0, and returns what it printed."""

    def run(*arguments: object) -> Any:
        capsys.readouterr()
        assert main([*map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def run_apart(*arguments: object) -> Any:
    """Runs a command with --json in a process of its own: what a test before left in Paddle changes the last bits."""
    command = [sys.executable, "-m", "trainer", *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run taken through prepare, train, eval and export. Tests must leave it as it is."""
    folder = tmp_path_factory.mktemp("finished")
    write_folders(folder / "data")
    recipe = write_recipe(folder)
    for command in ("prepare", "train", "eval", "export"):
        assert main([command, "-c", str(recipe)]) == 0
    return folder
