"""The NEU-CLS images where they are present: which are in the eval list, and what `trainer eval` calls each."""

from pathlib import Path


def eval_names(folder: Path) -> list[str]:
    """Paths below the folder, in the list's order."""
    return [line.split()[0] for line in (folder / "eval.txt").read_text().splitlines() if line.strip()]
