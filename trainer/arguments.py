"""Owns what can be typed after `trainer`: the commands, their options, their help."""

import argparse
from pathlib import Path
from typing import Any

import inspector
from trainer.terminal import PROGRAM


def parser() -> argparse.ArgumentParser:
    """Return every command of the trainer; parsed, `command` is its name."""
    top = argparse.ArgumentParser(
        prog=PROGRAM,
        description="From labelled pictures of strip to the model bundle that the inspector runs: "
        "prepare, train, eval, export; then predict.",
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {inspector.__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    prepare = _command(commands, "prepare", "check the pictures, draw the splits, write the manifest")
    _lines(prepare)
    train = _command(commands, "train", "train on the manifest; writes last.npz and best.npz")
    train.add_argument("--resume", action="store_true", help="go on after RUN_DIR/last.npz; from the start without one")
    train.add_argument(
        "--from",
        dest="start",
        metavar="FILE_OR_BUNDLE",
        help="start from the weights of a checkpoint, a bundle or a .pdparams (training.pretrained)",
    )
    train.add_argument("--visualdl", type=Path, metavar="DIR", help="write loss curves there, for VisualDL")
    fit = _command(commands, "fit", "fit a head on frozen features instead: seconds to minutes")
    folds = _command(commands, "folds", "prepare, then train or fit, and evaluate, every fold: the honest figure")
    evaluate = _command(commands, "eval", "figures on the eval split; chooses the thresholds")
    export = _command(commands, "export", "write the bundle, if it scores as the checkpoint does")
    retrain = _command(commands, "retrain", "prepare to export in one go: is what people said worth a new model?")
    _lines(retrain)
    retrain.add_argument(
        "--against", type=Path, metavar="MODEL", help="a bundle to compare with; default: what serves on the line"
    )
    retrain.add_argument("--resume", action="store_true", help="go on with the step that was cut")
    importing = _command(commands, "import", "make a bundle of a PaddleClas or PaddleX export", False)
    predict = _command(commands, "predict", "verdicts for files or folders", recipe_needed=False)

    folds.add_argument("--resume", action="store_true", help="keep the folds that are done; go on after a stop")
    folds.add_argument("--fit", action="store_true", help="fit, not train; a recipe with a lite0 backbone always does")
    folds.add_argument(
        "--per-label", type=_count, metavar="N", help="learn from N pictures of each label, drawn anew for each draw"
    )
    folds.add_argument("--draws", type=_count, default=10, metavar="N", help="with --per-label; default: 10")
    which = evaluate.add_mutually_exclusive_group()
    which.add_argument("--checkpoint", type=Path, metavar="FILE", help="default: RUN_DIR/last.npz")
    which.add_argument("--bundle", type=Path, metavar="DIR", help="a bundle, by its own thresholds; `default`: ours")
    evaluate.add_argument(
        "--list",
        type=Path,
        metavar="FILE",
        help="`path label` lines under data.root, instead of the manifest's eval split",
    )
    evaluate.add_argument("--robustness", action="store_true", help="the faults of a line too, at three strengths")
    evaluate.add_argument("--unknown", action="store_true", help="pictures that are not strip, too")
    evaluate.add_argument(
        "--against", type=Path, metavar="OTHER", help="compare with a checkpoint or bundle; `default`: ours"
    )
    evaluate.add_argument("--suspects", action="store_true", help="rank the pictures whose label looks wrong")
    export.add_argument("--checkpoint", type=Path, metavar="FILE", help="default: RUN_DIR/last.npz")
    export.add_argument("--to", type=Path, metavar="DIR", help="default: RUN_DIR/bundle")
    export.add_argument("--force", action="store_true", help="a model that its evaluation shows to be useless, too")
    export.add_argument("--onnx", type=Path, metavar="FILE", help="an ONNX file of it as well, needs the extra `onnx`")
    importing.add_argument(
        "folder", type=Path, metavar="FOLDER", help="with inference.json (or .pdmodel), .pdiparams and .yml"
    )
    importing.add_argument("--to", type=Path, required=True, metavar="DIR", help="the bundle")
    importing.add_argument("--yml", type=Path, metavar="FILE", help="its config; default: FOLDER/inference.yml")
    importing.add_argument("--ok", action="append", default=[], metavar="LABEL", help="a label that means clean strip")
    importing.add_argument("--view-px", type=int, metavar="N", help="camera pixels of one square view; default: 200")
    predict.add_argument("--bundle", type=Path, metavar="DIR", help="default: the recipe's, else the one we ship")
    predict.add_argument(
        "--engine",
        choices=("inference", "checkpoint", "exported"),
        default="inference",
        help="the inspector's on a bundle; the training engine on a checkpoint, or on a bundle",
    )
    predict.add_argument("--checkpoint", type=Path, metavar="FILE", help="default: RUN_DIR/last.npz")
    predict.add_argument("--draw", type=Path, metavar="DIR", help="write each picture there with its verdict under it")
    predict.add_argument("paths", type=Path, nargs="+", metavar="FILE_OR_FOLDER", help="- reads a list from stdin")
    settings = commands.add_parser("settings", help="every key of a recipe: default, what it does and its bounds")
    settings.set_defaults(command="settings")
    for command in (prepare, train, fit, folds, evaluate, export, retrain, importing, predict):
        command.add_argument("--json", action="store_true", help="print the result as one JSON object")
    return top


def _command(commands: Any, name: str, text: str, recipe_needed: bool = True) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    command.set_defaults(command=name)
    command.add_argument("-c", dest="recipe", type=Path, required=recipe_needed, metavar="RECIPE.yaml")
    command.add_argument(
        "-o",
        dest="overrides",
        action="append",
        default=[],
        metavar="a.b=value",
        help="override one key of the recipe; may be repeated",
    )
    return command


def _lines(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--line",
        dest="lines",
        action="append",
        type=Path,
        default=[],
        metavar="DATA",
        help="data folder of a line whose labels are learned from as well (data.lines); may be repeated",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of 1 or more is expected, got {text!r}")
    return int(text)
