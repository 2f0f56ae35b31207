# PYTHON_ARGCOMPLETE_OK
"""Owns what the trainer's commands do: options to calls, results to text or JSON, errors to a line and exit code 2."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import argcomplete

from trainer.arguments import PROGRAM, parser

# Paddle, OpenCV and the rest are imported by the command that needs them: `trainer --help` is instant.
EXIT_OK, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0, or 2 with one line on stderr where the input cannot be used."""
    commands = parser()
    argcomplete.autocomplete(commands)
    options = commands.parse_args(arguments)
    from inspector.errors import InspectorError

    try:
        return _COMMANDS[options.command](options)
    except InspectorError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
    except OSError as error:  # a full disk, a folder that may not be written to
        print(f"{PROGRAM}: {error.filename or 'file'}: {error.strerror}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted; what was written before is whole", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_BAD_INPUT


def _recipe(options: argparse.Namespace) -> Any:
    from trainer.recipe import paddleclas, used
    from trainer.recipe import recipe as config

    values = config.read(options.recipe)
    if paddleclas.recognised(values):
        recipe, warning = paddleclas.load(options.recipe, values, options.overrides)
        _warn(warning)
    else:
        recipe = config.build(options.recipe, values, options.overrides)
    by_fit = options.command == "folds" and (options.fit or recipe.network.backbone == "lite0")
    if unused := used.note(options.command, recipe, options.overrides, by_fit):
        _warn(unused)
    return recipe


def _prepare(options: argparse.Namespace) -> int:
    from trainer.data import contact_sheets, data_report
    from trainer.data.corrections import edits
    from trainer.data.prepare import prepare
    from trainer.progress.bar import Bar

    recipe = _recipe(options)
    notes = edits.keep(recipe, recipe.of_folds())
    with Bar() as progress:
        prepared = prepare(recipe, progress)
    written = [fold.manifest_path for fold in recipe.of_folds()]
    notes += [*prepared.notes, *edits.write_all(written, prepared.manifests, prepared.contents)]
    sheets = contact_sheets.save(recipe.run_dir / "contact", prepared.pictures)
    more = {"contact_sheets": [str(sheet) for sheet in sheets], "notes": notes}
    found = data_report.figures(prepared, written) | more
    if options.json:
        _print_json(found)
        return EXIT_OK
    for note in notes:
        _warn(note)
    for skip in prepared.skipped:
        _warn(f"skipped {skip.path}: {skip.reason}")
    data_report.show(found)
    if sheets:
        print(f"{recipe.run_dir / 'contact'}: a contact sheet of each label")
    return EXIT_OK


def _train(options: argparse.Namespace) -> int:
    from trainer.progress.epochs import Progress
    from trainer.training import distributed
    from trainer.training.train import train
    from trainer.training.visualdl import Curves

    first = distributed.of_environment().first  # the only one to speak
    if options.start:
        options.overrides.append(f"training.pretrained={json.dumps(options.start)}")
    recipe = _recipe(options)
    with ExitStack() as stack:
        curves = stack.enter_context(Curves(options.visualdl)) if options.visualdl and first else None
        progress = stack.enter_context(Progress(recipe.training.epochs, quiet=not first))
        outcome = train(recipe, progress, options.resume, curves)
    if not first:
        return EXIT_OK
    if options.json:
        _print_json(asdict(outcome) | {"last": str(outcome.last), "best": str(outcome.best)})
        return EXIT_OK
    for note in (*outcome.notes, *_whose_word(recipe)):
        _warn(note)
    skipped = _skipped(outcome.skipped)
    pace = f"{outcome.epochs} epochs in {outcome.seconds / 60:.1f} min ({outcome.images_per_s:.0f} images/s)"
    print(f"{outcome.last}: {pace}, validation {outcome.val_right} of {outcome.val_images} right{skipped}")
    return EXIT_OK


def _fit(options: argparse.Namespace) -> int:
    from trainer.progress.bar import Bar
    from trainer.training.fit import fit

    recipe = _recipe(options)
    with Bar() as bar:
        fitted = fit(recipe, bar)
    if options.json:
        _print_json(asdict(fitted) | {"last": str(fitted.last)})
        return EXIT_OK
    for note in _whose_word(recipe):
        _warn(note)
    skipped = _skipped(fitted.skipped)
    what = f"a head fitted to {fitted.rows} rows in {fitted.seconds:.0f} s"
    print(f"{fitted.last}: {what}, validation {fitted.val_right} of {fitted.val_images} right{skipped}")
    return EXIT_OK


def _folds(options: argparse.Namespace) -> int:
    from trainer.cross_validation import cross_validation, pool
    from trainer.data.corrections import edits
    from trainer.data.prepare import prepare
    from trainer.data.records import whose_word as recorded
    from trainer.progress.bar import Bar
    from trainer.training.fit import require_extra

    recipe = cross_validation.of_all(_recipe(options))
    few = cross_validation.Few(options.per_label, options.draws) if options.per_label else None
    if by_fit := options.fit or recipe.network.backbone == "lite0":
        require_extra(recipe, "folds")
    notes = edits.keep(recipe, recipe.of_folds())
    with Bar() as progress:
        prepared = prepare(recipe, progress)
    for note in (*notes, *prepared.notes):
        _warn(note)
    for skip in prepared.skipped:
        _warn(f"skipped {skip.path}: {skip.reason}")
    whose_word = recorded.note(prepared.manifest.rows)
    recipes = cross_validation.plan(recipe, prepared, few)
    contents = prepared.contents
    del prepared  # the pictures: each part reads its own
    parts = cross_validation.run(
        recipes,
        contents,
        by_fit,
        options.resume,
        lambda part, left_s: print(pool.line(part, left_s), file=sys.stderr),
    )
    figures = pool.of(recipe, by_fit, parts, options.per_label) | {"recorded": whose_word}
    written = pool.save(recipe, figures)
    if options.json:
        _print_json(figures)
        return EXIT_OK
    pool.show(figures)
    if whose_word:
        _warn(whose_word)
    print(f"{written} written; each part has its own {parts[0].report}")
    return EXIT_OK


def _eval(options: argparse.Namespace) -> int:
    from trainer.data import manifest, prepare
    from trainer.evaluation import compare, evaluate, label_errors, ood_evaluation, report, robustness
    from trainer.progress.bar import Bar

    recipe = _recipe(options)
    if options.suspects:
        label_errors.require_extra()
    plan = manifest.read(recipe.manifest_path)
    rows = prepare.rows_of_list(recipe, options.list) if options.list else plan.split("eval")
    if options.bundle:
        model, opened = evaluate.open_bundle(_bundle(options.bundle))
        decision = opened.manifest.decision
    else:
        model = evaluate.open_checkpoint(options.checkpoint or recipe.last_checkpoint, fast=True)
        decision = None  # chosen on the validation part
    other = evaluate.open_model(_bundle(options.against)) if options.against else None
    with Bar() as bar:
        data = evaluate.load(plan, rows, bar)
        looked_at = {"suspects": label_errors.search(plan, bar)} if options.suspects else {}
        done = evaluate.evaluate(model, decision, recipe.decision, plan, data, bar)
        if options.robustness:
            done.report["robustness"] = robustness.measure(done, bar)
        if options.unknown:
            done.report["unknown"] = ood_evaluation.measure(done, bar)
        if other:
            against = evaluate.evaluate(*other, recipe.decision, plan, data, bar)
            done.report["comparison"] = compare.compare(done, against)
    done.report.update(looked_at)
    done.report["shown"] = recipe.shown
    of_another = [done.report["model"]["bundle"]] if options.bundle else []
    folder = recipe.report_of(*of_another, *([options.list.stem] if options.list else []))
    report.save(folder, done.report, plan)
    if options.json:
        _print_json(done.report)
        return EXIT_OK
    skipped = _skipped(done.report["skipped"])
    report.show(done.report)
    print(f"{folder / report.PAGE} and {report.REPORT} written{skipped}")
    return EXIT_OK


def _export(options: argparse.Namespace) -> int:
    from trainer.bundles import onnx
    from trainer.bundles.export import export
    from trainer.progress.bar import Bar

    recipe = _recipe(options)
    if options.onnx:
        onnx.require()
    made_of, to = options.checkpoint or recipe.last_checkpoint, options.to or recipe.bundle_dir
    with Bar() as bar:
        result = export(recipe, made_of, to, options.force, bar)
    for note in result.notes:
        _warn(note)
    agrees = result.agreement
    onnx_apart = onnx.save(result.bundle, options.onnx) if options.onnx else None
    if options.json:
        _print_json(
            {
                "bundle": str(result.bundle.path),
                "id": result.bundle.id,
                "bytes": result.bytes,
                "precision": result.precision,
                "view_px": result.bundle.manifest.input.view_px,
                "notes": result.notes,
                "images_compared": agrees.pictures,
                "largest_difference": agrees.logits,
                "largest_probability_difference": agrees.probabilities,
                "decisions_changed": agrees.decisions_changed,
                "onnx_difference": onnx_apart,
            }
        )
        return EXIT_OK
    print(
        f"{result.bundle.path}: {result.bundle.id}, {result.bytes:,} bytes, {result.precision}, "
        f"views of {result.bundle.manifest.input.view_px} px"
    )
    print(
        f"against the checkpoint, on {agrees.pictures} images: a logit at most {agrees.logits:.1e} off, a probability "
        f"{agrees.probabilities:.1e}, {agrees.decisions_changed} decisions changed"
    )
    if onnx_apart is not None:
        print(f"{options.onnx}: ONNX, a logit at most {onnx_apart:.1e} off the bundle's")
    return EXIT_OK


def _import(options: argparse.Namespace) -> int:
    from trainer.bundles.import_model import import_model

    recipe = _recipe(options) if options.recipe else None
    done = import_model(options.folder, options.to, options.yml, recipe, options.ok, options.view_px)
    opened, shape = done.bundle, done.bundle.manifest.input
    if options.json:
        _print_json({"bundle": str(opened.path), "id": opened.id, "output": done.output, "unseen_px": done.unseen_px})
        return EXIT_OK
    if done.unseen_px:
        _warn(f"the model's centre crop leaves the outer {done.unseen_px} px of a frame unseen")
    for label, name in zip(opened.labels, done.names, strict=True) if recipe is None else ():
        if label.name != name:
            _warn(f"the model's label {name!r} is {label.name}")
    if not any(label.kind == "ok" for label in opened.labels):
        _warn("every label is a defect: --ok LABEL, or a recipe, says which is clean strip")
    print(f"{opened.path}: {opened.id}, {len(opened.labels)} labels, scores are {done.output}")
    short = (
        f"shorter side to {shape.resize_short_px}, centre {shape.size}" if shape.resize_short_px else f"{shape.size}"
    )
    least = min(opened.manifest.decision.thresholds.values())
    print(f"a view of {shape.view_px} px is resized: {short} px; a score under {least:g} is unsure")
    return EXIT_OK


def _predict(options: argparse.Namespace) -> int:
    from inspector.vision import bundle
    from trainer.bundles.predict import judge, listed, predict
    from trainer.progress.bar import Bar

    recipe = _recipe(options) if options.recipe else None
    default = recipe.bundle_dir if recipe else bundle.DEFAULT
    by = judge(options.engine, _bundle(options.bundle) if options.bundle else default, recipe, options.checkpoint)
    paths = (path for given in options.paths for path in (listed(sys.stdin.buffer) if str(given) == "-" else [given]))
    with Bar() as bar:
        verdicts = predict(by, paths, options.draw, bar)
    if options.json:
        _print_json({"verdicts": [asdict(verdict) for verdict in verdicts]})
        return EXIT_OK
    width = max((len(verdict.path) for verdict in verdicts), default=0)
    for verdict in verdicts:
        named = f"{verdict.label or '-':16} {verdict.score:6.3f}  {verdict.reason}"
        print(f"{_printable(verdict.path):{width}}  {verdict.outcome:7} {named}".rstrip())
    return EXIT_OK


def _bundle(path: Path) -> Path:
    """What a person calls a bundle: `default` is the one that ships, as in a line's config."""
    from inspector.vision import bundle

    return bundle.DEFAULT if str(path) == "default" and not path.exists() else path


def _whose_word(recipe: Any) -> list[str]:
    """What is to be said of labels that only an earlier model gave."""
    from trainer.data import manifest
    from trainer.data.records import whose_word as recorded

    note = recorded.note(manifest.read(recipe.manifest_path).rows)
    return [note] if note else []


def _print_json(value: Any) -> None:
    print(json.dumps(value))


def _warn(text: str) -> None:
    print(f"{PROGRAM}: {_printable(text)}", file=sys.stderr)


def _skipped(lines: Sequence[str]) -> str:
    """Name each picture that could not be read; returns what a summary says of them."""
    for line in lines:
        _warn(f"skipped {line}")
    return f", {len(lines)} pictures skipped" if lines else ""


def _printable(text: str) -> str:
    """File names may hold bytes that are no UTF-8, or line breaks."""
    return text.encode("unicode_escape" if "\n" in text else "utf-8", "backslashreplace").decode()


def _settings(_: argparse.Namespace) -> int:
    from trainer.recipe.recipe import Recipe
    from trainer.recipe.section import describe

    for key, default, text in describe(Recipe):
        print(f"{key:34} {default:12} {text}")
    return EXIT_OK


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "prepare": _prepare,
    "train": _train,
    "fit": _fit,
    "folds": _folds,
    "eval": _eval,
    "export": _export,
    "import": _import,
    "predict": _predict,
    "settings": _settings,
}
