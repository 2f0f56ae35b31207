"""Owns the steps of the trainer as functions: what the command line does, typed, for a notebook or a program.

A step that takes long shows a bar on a terminal, and lines elsewhere, unless `progress` is passed to it.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import trainer.bundles.export
import trainer.data.prepare
import trainer.evaluation.evaluate
import trainer.evaluation.robustness
import trainer.training.fit
import trainer.training.train
from inspector.vision.bundle import Decision
from trainer.bundles import onnx
from trainer.bundles.export import Exported
from trainer.cross_validation import cross_validation, pool
from trainer.cross_validation.cross_validation import Few
from trainer.cross_validation.part import Part
from trainer.data import contact_sheets, data_report, manifest
from trainer.data.corrections import edits
from trainer.data.prepare import Prepared
from trainer.data.records import unreviewed
from trainer.evaluation import compare, label_errors, ood_evaluation, report
from trainer.evaluation.evaluate import Model
from trainer.progress.bar import ProgressBar
from trainer.progress.callback import Progress
from trainer.progress.epochs import EpochProgress
from trainer.recipe import loading, paddleclas
from trainer.recipe.recipe import Recipe
from trainer.training import distributed
from trainer.training.fit import Fitted
from trainer.training.train import Outcome
from trainer.training.visualdl import Curves


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRun:
    """The manifests that prepare wrote, one a fold, and what they hold. `notes` are for a person to read."""

    prepared: Prepared
    manifests: tuple[Path, ...]
    contact_sheets: tuple[Path, ...]
    notes: tuple[str, ...]

    @property
    def figures(self) -> dict[str, Any]:
        """What `trainer prepare --json` prints."""
        sheets = [str(sheet) for sheet in self.contact_sheets]
        return data_report.figures(self.prepared, self.manifests) | {
            "contact_sheets": sheets,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The report of an evaluation, as `trainer eval --json` prints it, and the folder that it was written to."""

    report: dict[str, Any]
    folder: Path

    @property
    def page(self) -> Path:
        """The report for a person, one HTML file."""
        return self.folder / report.PAGE


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """The figures of a cross-validation, as `trainer folds --json` prints them; their file, and the parts."""

    figures: dict[str, Any]
    path: Path
    parts: tuple[Part, ...]


def load(path: Path | str, *overrides: str) -> Recipe:
    """Return the recipe of a YAML file; each override is `key=value`, such as `training.epochs=5`.

    A dict becomes a recipe by `Recipe.model_validate`. What of a PaddleClas config is not honoured is warned of.
    Raise ConfigError if the recipe cannot be used.
    """
    recipe, warning = read_recipe(Path(path), overrides)
    if warning:
        warnings.warn(warning, stacklevel=2)
    return recipe


def read_recipe(path: Path, overrides: Sequence[str], lines: Sequence[Path] = ()) -> tuple[Recipe, str]:
    """Return the recipe of a file, ours or of PaddleClas, and what of it is not honoured, "" if all is.

    `lines`: data folders of lines whose labels are learned from besides those of the recipe.
    """
    values = loading.read(path)
    overrides = loading.with_lines(values, overrides, lines)
    if paddleclas.recognised(values):
        return paddleclas.load(path, values, overrides)
    return loading.build(path, values, overrides), ""


def prepare(recipe: Recipe, progress: Progress | None = None) -> PreparedRun:
    """Check the pictures, draw the splits, and write the manifests and the contact sheets.

    What a person changed in the manifests of before goes into the recipe's corrections first.

    Raises:
        DataError: lists or labels cannot be used, or a label is without a training picture.
    """
    notes = edits.keep(recipe, recipe.of_folds())
    with _shown(progress) as shown:
        prepared = trainer.data.prepare.prepare(recipe, shown)
    paths = tuple(fold.manifest_path for fold in recipe.of_folds())
    notes += [*prepared.notes, *edits.write_all(paths, prepared.manifests, prepared.contents)]
    sheets = contact_sheets.save(recipe.run_dir / "contact", prepared.pictures)
    return PreparedRun(prepared=prepared, manifests=paths, contact_sheets=tuple(sheets), notes=tuple(notes))


def train(
    recipe: Recipe, progress: EpochProgress | None = None, *, resume: bool = False, curves_dir: Path | None = None
) -> Outcome:
    """Train a network on the manifest, and write last.npz and best.npz; raises as `trainer.training.train` does.

    `curves_dir` gets loss curves for VisualDL. Of several processes the first alone shows and writes anything.
    """
    first = distributed.of_environment().first
    with ExitStack() as stack:
        curves = stack.enter_context(Curves(curves_dir)) if curves_dir and first else None
        if progress is None:
            progress = stack.enter_context(EpochProgress(recipe.training.epochs, quiet=not first))
        return trainer.training.train.train(recipe, progress, resume, curves)


def fit(recipe: Recipe, progress: Progress | None = None) -> Fitted:
    """Fit a head on frozen features, and write last.npz; raises as `trainer.training.fit` does."""
    with _shown(progress) as shown:
        return trainer.training.fit.fit(recipe, shown)


def evaluate(
    recipe: Recipe,
    progress: Progress | None = None,
    *,
    checkpoint: Path | None = None,
    bundle_dir: Path | None = None,
    list_path: Path | None = None,
    against: Path | None = None,
    robustness: bool = False,
    unknown: bool = False,
    suspects: bool = False,
) -> Evaluated:
    """Evaluate the last checkpoint, or another, or a bundle, on the eval split or a list; write the report.

    Without a bundle the thresholds are chosen on the validation part. `against`: a checkpoint or bundle to compare
    with. `robustness`, `unknown` and `suspects` measure faults of a line, pictures that are not strip, wrong labels.

    Raises:
        BundleError, CheckpointError, DataError: what is read cannot be used.
        MissingExtraError: `suspects` needs an extra that is not installed.
    """
    if suspects:
        label_errors.require_extra()
    plan = manifest.read(recipe.manifest_path)
    rows = trainer.data.prepare.rows_of_list(recipe, list_path) if list_path else plan.split("eval")
    model, decision = _model(recipe, checkpoint, bundle_dir)
    other = trainer.evaluation.evaluate.open_model(against) if against else None
    with _shown(progress) as shown:
        data = trainer.evaluation.evaluate.load(plan, rows, shown)
        ranked = {"suspects": label_errors.search(plan, shown)} if suspects else {}
        done = trainer.evaluation.evaluate.evaluate(model, decision, recipe.decision, plan, data, shown)
        figures = done.report
        if robustness:
            figures["robustness"] = trainer.evaluation.robustness.measure(done, shown)
        if unknown:
            figures["unknown"] = ood_evaluation.measure(done, shown)
        if other:
            against_this = trainer.evaluation.evaluate.evaluate(*other, recipe.decision, plan, data, shown)
            figures["comparison"] = compare.compare(done, against_this)
    figures |= ranked | {"shown": recipe.shown}
    of_bundle = [figures["model"]["bundle"]] if bundle_dir else []
    folder = recipe.report_of(*of_bundle, *([list_path.stem] if list_path else []))
    report.save(folder, figures, plan)
    return Evaluated(figures, folder)


def export(
    recipe: Recipe,
    progress: Progress | None = None,
    *,
    checkpoint: Path | None = None,
    to: Path | None = None,
    force: bool = False,
    onnx_path: Path | None = None,
) -> Exported:
    """Write the bundle of the last checkpoint, or another, to the recipe's bundle folder or `to`.

    `force` writes a model that its evaluation shows to be useless. `onnx_path` gets an ONNX file as well.

    Raises:
        ExportError: not evaluated, useless, or the inspector's engine scores otherwise than the checkpoint.
        MissingExtraError, OnnxError: the ONNX file cannot be written.
    """
    if onnx_path:
        onnx.require()
    made_of, target = checkpoint or recipe.last_checkpoint, to or recipe.bundle_dir
    with _shown(progress) as shown:
        done = trainer.bundles.export.export(recipe, made_of, target, force, shown)
    return replace(done, onnx_difference=onnx.save(done.bundle, onnx_path)) if onnx_path else done


def cross_validate(
    recipe: Recipe,
    progress: Progress | None = None,
    *,
    by_fit: bool = False,
    few: Few | None = None,
    resume: bool = False,
    warn: Callable[[str], None] = print,
    say: Callable[[str], None] = print,
) -> CrossValidated:
    """Prepare, then train or fit, and evaluate, every fold of the data; write folds.json.

    A recipe with a frozen backbone is fitted, any other one where `by_fit`. `few` learns from a few pictures of each
    label, drawn anew for each part. `warn` gets notes and skipped pictures, `say` a line when a part is done.

    Raises:
        ConfigError, DataError: the recipe or its pictures cannot be divided, or learned from.
        MissingExtraError: a fit needs an extra that is not installed.
    """
    recipe = cross_validation.of_all(recipe)
    if by_fit := by_fit or recipe.network.backbone == "lite0":
        trainer.training.fit.require_extra(recipe, "folds")
    notes = edits.keep(recipe, recipe.of_folds())
    with _shown(progress) as shown:
        prepared = trainer.data.prepare.prepare(recipe, shown)
    for note in (*notes, *prepared.notes, *(f"skipped {skip.path}: {skip.reason}" for skip in prepared.skipped)):
        warn(note)
    of_models = unreviewed.note(prepared.manifest.rows)
    recipes, contents = cross_validation.plan(recipe, prepared, few), prepared.contents
    del prepared  # the pictures: each part reads its own
    parts = cross_validation.run(recipes, contents, by_fit, resume, lambda part, left_s: say(pool.line(part, left_s)))
    figures = pool.of(recipe, by_fit, parts, few.per_label if few else None) | {"recorded": of_models}
    return CrossValidated(figures, pool.save(recipe, figures), tuple(parts))


def _model(recipe: Recipe, checkpoint: Path | None, bundle_dir: Path | None) -> tuple[Model, Decision | None]:
    """Return the model to evaluate; its decision is that of a bundle, None where it is yet to be chosen."""
    if bundle_dir:
        model, opened = trainer.evaluation.evaluate.open_bundle(bundle_dir)
        return model, opened.manifest.decision
    return trainer.evaluation.evaluate.open_checkpoint(checkpoint or recipe.last_checkpoint, fast=True), None


@contextmanager
def _shown(progress: Progress | None) -> Iterator[Progress]:
    """Yield the progress that was passed, else a bar of our own."""
    if progress is not None:
        yield progress
        return
    with ProgressBar() as bar:
        yield bar
