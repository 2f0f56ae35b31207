"""The NEU-CLS images where they are present: which are in the eval list, and what `trainer eval` calls each."""

import json
import subprocess
import sys
from pathlib import Path

from tests.fakes import ROOT

LABELS = ("crazing", "patches", "pitted_surface", "rolled-in_scale", "scratches", "inclusion")


def eval_list(folder: Path) -> dict[str, str]:
    """Path below the folder to true label, in the list's order."""
    lines = (folder / "eval.txt").read_text().splitlines()
    return {path: LABELS[int(number)] for path, number in (line.split() for line in lines if line.strip())}


def trainer_labels(folder: Path, bundle: Path, scratch: Path) -> dict[str, str]:
    """File name to the label that `trainer eval` gives with this bundle."""
    recipe = ["-c", "configs/train/neu_small.yaml", "-o", f"run_dir={scratch}", "-o", f"data.root={folder}"]
    _trainer("prepare", *recipe)
    report = json.loads(_trainer("eval", *recipe, "--bundle", str(bundle), "--json"))
    assert report["images"] == len(eval_list(folder))
    wrong = {entry["path"]: entry["predicted"] for entry in report["wrong"]}
    return {Path(path).name: wrong.get(path, label) for path, label in eval_list(folder).items()}


def _trainer(*arguments: str) -> str:
    command = [sys.executable, "-m", "trainer", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=100, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stderr}")
    return done.stdout
