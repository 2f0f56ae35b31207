# PYTHON_ARGCOMPLETE_OK
"""Owns what the trainer's commands print: options to steps, results to text or JSON, errors to exit code 2."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import argcomplete

from trainer import terminal
from trainer.arguments import parser

if TYPE_CHECKING:
    from trainer.bundles.import_model import Imported
    from trainer.recipe.recipe import Recipe

# Paddle, OpenCV and the rest are imported by the command that needs them: `trainer --help` is instant.
EXIT_OK, EXIT_DO_NOT_PROMOTE, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Return 0, or 2 with one line on stderr if the input cannot be used.

    `retrain` returns 1 where the candidate is not to be promoted.
    """
    commands = parser()
    argcomplete.autocomplete(commands)
    options = commands.parse_args(arguments)
    from inspector.errors import InspectorError

    try:
        return _COMMANDS[options.command](options) or EXIT_OK
    except InspectorError as error:
        print(f"{terminal.PROGRAM}: {error}", file=sys.stderr)
    except OSError as error:  # a full disk, a folder that may not be written to
        print(f"{terminal.PROGRAM}: {error.filename or 'file'}: {error.strerror}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"{terminal.PROGRAM}: interrupted; what was written before is whole", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_BAD_INPUT


def _recipe(options: argparse.Namespace) -> "Recipe":
    from trainer import steps
    from trainer.recipe import used

    recipe, warning = steps.read_recipe(options.recipe, options.overrides, getattr(options, "lines", ()))
    by_fit = options.command in ("folds", "retrain") and (
        getattr(options, "fit", False) or recipe.network.backbone == "lite0"
    )
    terminal.warn(warning)
    terminal.warn(used.note(options.command, recipe, options.overrides, by_fit))
    return recipe


def _prepare(options: argparse.Namespace) -> None:
    from trainer import steps
    from trainer.data import data_report

    recipe = _recipe(options)
    run = steps.prepare(recipe)
    if options.json:
        return _print_json(run.figures)
    terminal.warn(*run.notes)
    terminal.warn(*(f"skipped {skip.path}: {skip.reason}" for skip in run.prepared.skipped))
    data_report.show(run.figures)
    if run.contact_sheets:
        print(f"{recipe.run_dir / 'contact'}: a contact sheet of each label")


def _train(options: argparse.Namespace) -> None:
    from trainer import steps
    from trainer.training import distributed

    if options.start:
        options.overrides.append(f"training.pretrained={json.dumps(options.start)}")
    recipe = _recipe(options)
    trained = steps.train(recipe, resume=options.resume, curves_dir=options.visualdl)
    if not distributed.of_environment().first:  # of several processes the first alone prints
        return
    if options.json:
        return _print_json(asdict(trained) | {"last": str(trained.last), "best": str(trained.best)})
    terminal.warn(*trained.notes, *_unreviewed(recipe))
    skipped = terminal.warn_of_skipped(trained.skipped)
    epochs = terminal.counted(trained.epochs, "epoch")
    pace = f"{epochs} in {trained.seconds / 60:.1f} min ({trained.images_per_s:.0f} images/s)"
    print(f"{trained.last}: {pace}, validation {trained.val_right} of {trained.val_images} right{skipped}")


def _fit(options: argparse.Namespace) -> None:
    from trainer import steps

    recipe = _recipe(options)
    fitted = steps.fit(recipe)
    if options.json:
        return _print_json(asdict(fitted) | {"last": str(fitted.last)})
    terminal.warn(*_unreviewed(recipe))
    skipped = terminal.warn_of_skipped(fitted.skipped)
    what = f"a head fitted to {terminal.counted(fitted.rows, 'row')} in {fitted.seconds:.0f} s"
    print(f"{fitted.last}: {what}, validation {fitted.val_right} of {fitted.val_images} right{skipped}")


def _folds(options: argparse.Namespace) -> None:
    from trainer import steps
    from trainer.cross_validation import pool
    from trainer.cross_validation.cross_validation import Few

    few = Few(options.per_label, options.draws) if options.per_label else None
    recipe = _recipe(options)
    done = steps.cross_validate(
        recipe, by_fit=options.fit, few=few, resume=options.resume, warn=terminal.warn, say=terminal.say
    )
    if options.json:
        return _print_json(done.figures)
    pool.show(done.figures)
    terminal.warn(done.figures["recorded"])
    print(f"{done.path} written; each part has its own {done.parts[0].report}")


def _eval(options: argparse.Namespace) -> None:
    from trainer import steps
    from trainer.evaluation import report

    recipe = _recipe(options)
    done = steps.evaluate(
        recipe,
        checkpoint=options.checkpoint,
        bundle_dir=_bundle(options.bundle) if options.bundle else None,
        list_path=options.list,
        against=_bundle(options.against) if options.against else None,
        robustness=options.robustness,
        unknown=options.unknown,
        suspects=options.suspects,
    )
    if options.json:
        return _print_json(done.report)
    skipped = terminal.warn_of_skipped(done.report["skipped"])
    report.show(done.report)
    print(f"{done.page} and {report.REPORT} written{skipped}")


def _export(options: argparse.Namespace) -> None:
    from trainer import steps

    recipe = _recipe(options)
    done = steps.export(
        recipe, checkpoint=options.checkpoint, to=options.to, force=options.force, onnx_path=options.onnx
    )
    terminal.warn(*done.notes)
    agrees, view_px = done.agreement, done.bundle.manifest.input.view_px
    if options.json:
        return _print_json(done.figures)
    print(f"{done.bundle.path}: {done.bundle.id}, {done.bytes:,} bytes, {done.precision}, views of {view_px} px")
    print(
        f"against the checkpoint, on {agrees.pictures} images: a logit at most {agrees.logits:.1e} off, a probability "
        f"{agrees.probabilities:.1e}, {terminal.counted(agrees.decisions_changed, 'decision')} changed"
    )
    if done.onnx_difference is not None:
        print(f"{options.onnx}: ONNX, a logit at most {done.onnx_difference:.1e} off the bundle's")


def _retrain(options: argparse.Namespace) -> int:
    from trainer.retrain import page, priority
    from trainer.retrain.retrain import retrain

    priority.lower()
    recipe = _recipe(options)
    against = _bundle(options.against) if options.against else None
    done = retrain(recipe, against=against, resume=options.resume, say=terminal.say)
    if options.json:
        _print_json(done.report)
    else:
        terminal.warn(*done.report["notes"])
        page.show(done.report, str(done.folder))
    return EXIT_OK if done.promote else EXIT_DO_NOT_PROMOTE


def _import(options: argparse.Namespace) -> None:
    from trainer.bundles.import_model import import_model

    recipe = _recipe(options) if options.recipe else None
    done = import_model(options.folder, options.to, options.yml, recipe, options.ok, options.view_px)
    if options.json:
        path, opened = str(done.bundle.path), done.bundle
        return _print_json({"bundle": path, "id": opened.id, "output": done.output, "unseen_px": done.unseen_px})
    if done.unseen_px:
        terminal.warn(f"the model's centre crop leaves the outer {done.unseen_px} px of a frame unseen")
    if recipe is None:
        terminal.warn(*_renamed(done))
    if not any(label.kind == "ok" for label in done.bundle.labels):
        terminal.warn("every label is a defect: --ok LABEL, or a recipe, says which is clean strip")
    shape, least = done.bundle.manifest.input, min(done.bundle.manifest.decision.thresholds.values())
    size = f"shorter side to {shape.resize_short_px}, centre {shape.size}" if shape.resize_short_px else shape.size
    print(f"{done.bundle.path}: {done.bundle.id}, {len(done.bundle.labels)} labels, scores are {done.output}")
    print(f"a view of {shape.view_px} px is resized: {size} px; a score under {least:g} is unsure")


def _renamed(done: "Imported") -> list[str]:
    """Return a line for each label whose name in the model is no label name."""
    pairs = zip(done.bundle.labels, done.names, strict=True)
    return [f"the model's label {name!r} is {label.name}" for label, name in pairs if label.name != name]


def _predict(options: argparse.Namespace) -> None:
    from inspector.vision import bundle
    from trainer.bundles.predict import judge, listed, predict
    from trainer.progress.bar import ProgressBar

    recipe = _recipe(options) if options.recipe else None
    default = recipe.bundle_dir if recipe else bundle.DEFAULT
    by = judge(options.engine, _bundle(options.bundle) if options.bundle else default, recipe, options.checkpoint)
    paths = (path for given in options.paths for path in (listed(sys.stdin.buffer) if str(given) == "-" else [given]))
    with ProgressBar() as bar:
        verdicts = predict(by, paths, options.draw, bar)
    if options.json:
        return _print_json({"verdicts": [asdict(verdict) for verdict in verdicts]})
    width = max((len(verdict.path) for verdict in verdicts), default=0)
    for verdict in verdicts:
        named = f"{verdict.label or '-':16} {verdict.score:6.3f}  {verdict.reason}"
        print(f"{terminal.printable(verdict.path):{width}}  {verdict.outcome:7} {named}".rstrip())


def _settings(_: argparse.Namespace) -> None:
    from trainer.recipe.reference import describe

    for key, default, text in describe():
        print(f"{key:34} {default:12} {text}")


def _bundle(path: Path) -> Path:
    """Return the bundle that a person names: `default` is the one that ships, as in a line's config."""
    from inspector.vision import bundle

    return bundle.DEFAULT if str(path) == "default" and not path.exists() else path


def _unreviewed(recipe: "Recipe") -> list[str]:
    """Return the warning about labels that only an earlier model gave, if there are any."""
    from trainer.data import manifest
    from trainer.data.records import unreviewed

    note = unreviewed.note(manifest.read(recipe.manifest_path).rows)
    return [note] if note else []


def _print_json(value: Any) -> None:
    print(json.dumps(value))


_COMMANDS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "prepare": _prepare,
    "train": _train,
    "fit": _fit,
    "folds": _folds,
    "eval": _eval,
    "export": _export,
    "retrain": _retrain,
    "import": _import,
    "predict": _predict,
    "settings": _settings,
}
