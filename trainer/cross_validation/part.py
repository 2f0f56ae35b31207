"""Owns one part of a cross-validation as it was measured, and its file: a run that was stopped goes on after it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainer.data.manifest import Manifest
from trainer.evaluation import report
from trainer.recipe.recipe import Recipe

#: In the part's own folder.
FILE = "part.json"


@dataclass(frozen=True, slots=True)
class Part:
    """One fold or draw as measured. `seconds` of wall time and `cpu_seconds` of all threads are of the training alone.

    Where a training was stopped and went on, the seconds are of its last stretch. `share_95` is the Wilson interval of
    `right` of `images`; `bins` are those of the calibration. `wrong` and `confusion` are as in report.json.
    """

    name: str
    learned_from: int
    images: int
    right: int
    share: float
    share_95: tuple[float, float]
    unsure: int
    defect_images: int
    passed_ok: int
    clean_images: int
    called_defect: int
    bins: list[dict[str, Any]]
    notes: list[str]
    seconds: float
    cpu_seconds: float
    report: str
    wrong: list[dict[str, Any]]
    confusion: list[list[int]]


def key(recipe: Recipe, plan: Manifest, contents: Mapping[str, str], by_fit: bool) -> str:
    """Return a sha256 over all that a part's figures come from: recipe, manifest, and what its pictures hold.

    `contents`: the content of each picture by its path; one that is not in it is drawn by what its path says.
    """
    settings = recipe.model_dump(mode="json", exclude={"run_dir", "export"})
    rows = [(row.path, row.label, row.split, row.group, contents.get(row.path, "")) for row in plan.rows]
    return hashlib.sha256(json.dumps([settings, rows, by_fit]).encode(errors="surrogatepass")).hexdigest()


def write(folder: Path, part: Part, made_from: str) -> None:
    """Write the part's file whole or not at all; `made_from` is its `key`."""
    text = json.dumps({"made_from": made_from, "part": asdict(part)}, indent=2)
    report.write(folder / FILE, (text + "\n").encode(errors="surrogateescape"))


def read(folder: Path, made_from: str) -> Part | None:
    """Return the part that was measured of just this; None where there is none, or what it came from has changed."""
    try:
        values = json.loads((folder / FILE).read_text(encoding="utf-8", errors="surrogateescape"))
        if values["made_from"] != made_from:
            return None
        return Part(**values["part"] | {"share_95": tuple(values["part"]["share_95"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None
