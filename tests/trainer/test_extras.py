"""The extras: without them a host runs lines and most of the trainer, and what needs one says which."""

import argparse
import shutil
import sys
from pathlib import Path

import pytest

from tests.fakes import ROOT
from tests.test_imports import imports, modules
from tests.trainer import said
from tests.trainer.bundles.test_import_model import PADDLEX, export, network
from tests.trainer.conftest import write_folders, write_recipe
from trainer import extras
from trainer.arguments import parser
from trainer.cli import main
from trainer.retrain import priority

TRAIN, ONNX, VISUALDL = (f"pip install 'strip-inspector[{name}]'" for name in ("train", "onnx", "visualdl"))


@pytest.fixture
def without_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host where no optional package can be imported or found."""
    for module in extras.EXTRA_OF:
        monkeypatch.setitem(sys.modules, module, None)


@pytest.fixture
def recipe(finished: Path, tmp_path: Path) -> str:
    """A recipe whose run has been taken as far as its bundle."""
    write_folders(tmp_path / "data")
    shutil.copytree(finished / "run", tmp_path / "run")
    return str(write_recipe(tmp_path))


@pytest.mark.usefixtures("without_extras")
@pytest.mark.parametrize(
    ("command", "needs"),
    [
        (["fit", "-o", "network={backbone: lite0}"], f"trainer: fit needs {extras.SCIPY}, {extras.IMAGENET}: {TRAIN}"),
        (
            ["fit", "-o", "network={backbone: lite0}", "-o", "fit.hidden=8"],
            f"trainer: fit needs {extras.IMAGENET}: {TRAIN}",
        ),
        (["fit", "-o", "training.pretrained=a.pdparams"], f"trainer: fit needs {extras.SCIPY}: {TRAIN}"),
        (
            ["folds", "-o", "network={backbone: lite0}"],
            f"trainer: folds needs {extras.SCIPY}, {extras.IMAGENET}: {TRAIN}",
        ),
        (
            ["retrain", "-o", "network={backbone: lite0}", "-o", "data.lines=line", "--against", "default"],
            f"trainer: retrain needs {extras.SCIPY}, {extras.IMAGENET}: {TRAIN}",
        ),
        (["eval", "--suspects"], f"trainer: --suspects needs {extras.SCIPY}, {extras.IMAGENET}: {TRAIN}"),
        (["export", "--onnx", "model.onnx"], f"trainer: --onnx needs paddle2onnx, onnx, onnxruntime: {ONNX}"),
        (["train", "--visualdl", "curves"], VISUALDL),
    ],
)
def test_a_command_that_needs_an_extra_says_which_and_how_to_install_it_before_it_begins(
    recipe: str, capsys: pytest.CaptureFixture[str], command: list[str], needs: str
) -> None:
    assert main([command[0], "-c", recipe, *command[1:]]) == 2

    printed = capsys.readouterr()
    message = printed.err.splitlines()[-1]  # before it, fit names the keys that it does not use
    assert message.startswith("trainer: ") and message.endswith(needs)
    assert printed.out == ""


@pytest.mark.usefixtures("without_extras")
def test_every_other_use_of_every_command_works_without_extras(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(priority, "lower", lambda: None)  # this process runs the other tests, too
    line = said.line(tmp_path / "line", 5)
    (tmp_path / "paddleclas").mkdir()
    old = export(tmp_path / "paddleclas", PADDLEX, network())
    short = ["-o", "training.epochs=1"]
    uses = [
        ["prepare", "-c", recipe],
        ["train", "-c", recipe, *short],
        ["eval", "-c", recipe],
        ["export", "-c", recipe, "--force"],
        ["predict", "-c", recipe, str(tmp_path / "data/Sc")],
        ["folds", "-c", recipe, *short, "-o", "data.folds=2"],
        ["retrain", "-c", recipe, "--line", str(line), "--against", str(tmp_path / "run/bundle")],
        ["import", str(old), "--to", str(tmp_path / "imported"), "--ok", "ok"],
        ["settings"],
    ]
    only_with_the_extra = {"fit"}

    assert [use[0] for use in uses if main(use) not in ((0, 1) if use[0] == "retrain" else (0,))] == []
    assert f"the learning curve needs {extras.SCIPY}, {extras.IMAGENET}: {TRAIN}" in capsys.readouterr().err
    assert {use[0] for use in uses} | only_with_the_extra == commands()


def commands() -> set[str]:
    (action,) = (one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    return set(action.choices)


def test_no_module_of_the_inspector_imports_what_only_an_extra_brings() -> None:
    for name, path in modules("inspector").items():
        assert not {used.split(".")[0] for used in imports(path)} & set(extras.EXTRA_OF), name


def test_every_optional_module_is_brought_by_the_extra_that_its_message_names() -> None:
    text = (ROOT / "pyproject.toml").read_text().replace("-", "_")
    for module, extra in extras.EXTRA_OF.items():
        brought = text.split(f"\n{extra} = [")[1].split("]")[0]
        assert f'"{"paddle2onnx" if module == "onnx" else module}' in brought  # paddle2onnx depends on onnx
