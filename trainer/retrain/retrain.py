"""Owns a retraining: prepare, fit or train, eval, compare, export in one go; what is new, better, and worth doing."""

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inspector.errors import ConfigError
from inspector.vision import bundle
from trainer import steps
from trainer.bundles.export import ExportError
from trainer.data import manifest
from trainer.data.manifest import Manifest
from trainer.data.records import unreviewed
from trainer.evaluation import evaluate, report
from trainer.extras import MissingExtraError
from trainer.progress.bar import ProgressBar
from trainer.progress.callback import Progress
from trainer.recipe.recipe import Recipe
from trainer.retrain import advice, gains, learning_curve, news, page, serving
from trainer.retrain.progress_file import ProgressFile, key, read
from trainer.training import fit

FOLDER = "retrain"
#: Below FOLDER: what the last retraining learned from, and how long its steps took.
_LEARNED = "learned.json"
_STATE = "state.json"


@dataclass(frozen=True, slots=True)
class Retrained:
    """The report, as `trainer retrain --json` prints it, and the folder with report.json, report.html and bundle."""

    report: dict[str, Any]
    folder: Path

    @property
    def promote(self) -> bool:
        """Whether the candidate is better than the model that serves."""
        return bool(self.report["promote"])


def retrain(
    recipe: Recipe, *, against: Path | None = None, resume: bool = False, say: Callable[[str], None] = print
) -> Retrained:
    """Make a candidate of the recipe and what people said on its lines, and compare it with the serving model.

    `against`: a bundle in place of the model that serves on the first of the lines. `resume` goes on
    with the step that was cut. `say` gets a line when a step begins, and notes.

    Raises:
        ConfigError: no line is named, or it is not known what serves.
        MissingExtraError: the recipe is fitted, and the extra `train` is not installed.
        InspectorError: as the steps do.
    """
    if recipe.data is None or not recipe.data.lines:
        raise ConfigError("which line? --line DATA, or data.lines in the recipe, names its data folder")
    if recipe.network.backbone == "lite0":
        fit.require_extra(recipe, "retrain")
    serves = bundle.load(against).path if against else serving.of(recipe.data.lines[0]).path
    folder = recipe.folder / FOLDER
    state = ProgressFile(folder / _STATE, key(recipe, str(serves)), resume)
    if state.changed:
        say("the recipe or the serving model is another one than when it was cut: all steps are done anew")
    run = _Run(recipe, folder, serves, state, say)
    figures = run.figures()
    report.write(folder / report.REPORT, page.as_json(figures))
    report.write(folder / report.PAGE, page.render(figures, manifest.read(recipe.manifest_path)))
    run.finish(figures)
    return Retrained(figures, folder)


@dataclass(slots=True)
class _Run:
    """One retraining under way: each step is done once, and its result kept."""

    recipe: Recipe
    folder: Path
    serves: Path
    state: ProgressFile
    say: Callable[[str], None]
    _seconds: dict[str, float] = field(default_factory=dict)
    _before: dict[str, Any] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """Do every step that is not done, and return the report."""
        self._before = read(self.folder / _LEARNED)
        self.state.begin()
        by_fit = self.recipe.network.backbone == "lite0"
        work: dict[str, Callable[[], Any]] = {
            "prepare": self._prepare,
            "fit" if by_fit else "train": self._fit if by_fit else self._train,
            "eval": self._eval,
            "learning curve": self._curve,
            "compare": self._compare,
            "export": self._export,
        }
        done = {name: self._step(number, name, work) for number, name in enumerate(work, 1)}
        exported, compared = done["export"], done["compare"]
        said = advice.of(compared["sets"], exported["refused"])
        bundle_path = exported["bundle"]
        return {
            "promote": said.promote,
            "reasons": list(said.reasons),
            "candidate": exported["id"],
            "serving": compared["serving"],
            "new": done["prepare"]["new"],
            "first": not self._before,
            "images": done["prepare"]["images"],
            "comparisons": compared["sets"],
            "learning_curve": done["learning curve"]["curve"],
            "import": f"inspector model import {shlex.quote(bundle_path)} -c LINE.yaml" if bundle_path else "",
            "bundle": bundle_path,
            "evaluation": done["eval"]["page"],
            "notes": [note for one in done.values() for note in one.get("notes", ())],
            "seconds": {name: one["seconds"] for name, one in done.items()},
        }

    def finish(self, figures: dict[str, Any]) -> None:
        """Keep what the next retraining compares with, and forget the steps."""
        learned = news.learned(self._plan().rows)
        kept = {"pictures": learned, "seconds": figures["seconds"]}
        report.write(self.folder / _LEARNED, page.as_json(kept))
        self.state.finish()

    def _step(self, number: int, name: str, work: dict[str, Callable[[], Any]]) -> dict[str, Any]:
        if (kept := self.state.get(name)) is not None:
            self.say(f"{number} of {len(work)}, {name}: done before")
            return dict(kept)
        self.say(f"{number} of {len(work)}, {name}{self._left(name, list(work))}")
        began = time.monotonic()
        result = work[name]() | {"seconds": 0.0}
        result["seconds"] = round(time.monotonic() - began, 1)
        self.state.put(name, result)
        return dict(result)

    def _left(self, name: str, names: list[str]) -> str:
        """Return how long this step and those after it took at the last retraining."""
        took = self._before.get("seconds", {})
        left_s = sum(took.get(one, 0.0) for one in names[names.index(name) :])
        return f": about {left_s / 60:.1f} min left, by the last retraining" if left_s else ""

    def _plan(self) -> Manifest:
        return manifest.read(self.recipe.manifest_path)

    def _prepare(self) -> dict[str, Any]:
        with ProgressBar() as bar:
            run = steps.prepare(self.recipe, bar)
        rows = run.prepared.manifest.rows
        notes = [*run.notes, *(f"skipped {one.path}: {one.reason}" for one in run.prepared.skipped)]
        notes += filter(None, [unreviewed.note(rows)])
        new = news.of(rows, self._before.get("pictures", {}))
        return {"new": new, "images": run.figures["images"], "notes": notes}

    def _fit(self) -> dict[str, Any]:
        with ProgressBar() as bar:
            return {"right": steps.fit(self.recipe, bar).val_right}

    def _train(self) -> dict[str, Any]:
        begun = self.state.get("training begun")  # else the last checkpoint is of the retraining before
        self.state.put("training begun", True)
        return {"right": steps.train(self.recipe, resume=bool(begun)).val_right}

    def _eval(self) -> dict[str, Any]:
        with ProgressBar() as bar:
            return {"page": str(steps.evaluate(self.recipe, bar).page)}

    def _curve(self) -> dict[str, Any]:
        try:
            with ProgressBar() as bar:
                return {"curve": learning_curve.of(self._plan(), bar)}
        except MissingExtraError as error:
            return {"curve": {}, "notes": [str(error)]}

    def _compare(self) -> dict[str, Any]:
        plan = self._plan()
        with ProgressBar() as bar:
            data = evaluate.load(plan, plan.split("eval"), bar)
            ours = gains.answers(*self._candidate(), data, _named(bar, "score with the candidate"))
            model, opened = evaluate.open_bundle(self.serves)
            theirs = gains.answers(model, opened.manifest.decision, data, _named(bar, "score with the serving model"))
        return {
            "serving": {"id": opened.id, "path": str(self.serves)},
            "sets": gains.compare(plan, data.rows, ours, theirs),
        }

    def _candidate(self) -> tuple[evaluate.Model, bundle.Decision]:
        figures = read(self.recipe.report_dir / report.REPORT)
        model = evaluate.open_checkpoint(self.recipe.last_checkpoint, fast=True)
        return model, bundle.Decision.model_validate(figures["decision"])

    def _export(self) -> dict[str, Any]:
        try:
            with ProgressBar() as bar:
                done = steps.export(self.recipe, bar, to=self.folder / "bundle")
        except ExportError as error:
            return {"bundle": "", "id": "", "refused": str(error)}
        return {
            "bundle": str(done.bundle.path.resolve()),
            "id": done.bundle.id,
            "refused": "",
            "notes": list(done.notes),
        }


def _named(progress: Progress, what: str) -> Progress:
    """Return a progress that shows every step under one name."""
    return lambda _, done, total: progress(what, done, total)
