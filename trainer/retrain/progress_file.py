"""Owns what a retraining has done so far, on disk: RUN_DIR/retrain/state.json, by which a cut one goes on."""

import hashlib
import json
from pathlib import Path
from typing import Any

from trainer.evaluation import report
from trainer.recipe.recipe import Recipe

FILE = "state.json"


class ProgressFile:
    """The steps that are done and what each gave, kept whole after each step."""

    def __init__(self, path: Path, made_from: str, resume: bool) -> None:
        """Open what was done of just this if `resume`; else, or where it is of something else, nothing is done."""
        self._path, self._made_from = path, made_from
        self._done: dict[str, Any] = {}
        self.changed = False
        if resume and (values := read(path)):
            self.changed = values.get("made_from") != made_from
            self._done = {} if self.changed else values["done"]

    def get(self, step: str) -> Any:
        """Return what the step gave; None: it is not done."""
        return self._done.get(step)

    def put(self, step: str, result: Any) -> None:
        """Note that the step is done, and what it gave."""
        self._done[step] = result
        self._write()

    def begin(self) -> None:
        """Note that a retraining is under way."""
        self._write()

    def finish(self) -> None:
        """Forget the steps: the next retraining starts with the first."""
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        report.write(
            self._path, json.dumps({"made_from": self._made_from, "done": self._done}).encode(errors="surrogateescape")
        )


def read(path: Path) -> dict[str, Any]:
    """Return a file of ours, {} if there is none, or it cannot be read."""
    try:
        values = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
        return values if isinstance(values, dict) else {}
    except (OSError, ValueError):
        return {}


def key(recipe: Recipe, serving: str) -> str:
    """Return a sha256 over what a retraining comes from: the recipe, and the serving model."""
    return hashlib.sha256(
        json.dumps([recipe.model_dump(mode="json"), serving]).encode(errors="surrogatepass")
    ).hexdigest()
