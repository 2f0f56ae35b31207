"""Which keys a command uses: as its table says, as its code reads them, and said where a set key does nothing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.conftest import write_folders, write_recipe
from tests.trainer.training.test_fit import needs_weights
from trainer import cli
from trainer.cli import main
from trainer.recipe import loading, used
from trainer.recipe.recipe import Recipe
from trainer.recipe.section import Section, below
from trainer.weights import checkpoint

COMMANDS = ("prepare", "train", "fit", "eval", "export")
LITE0 = {"backbone": "lite0"}
#: Read to say what it is, or to find a file, whatever the command does.
ANY = {"data", "simulated", "labels", "network.backbone", "data.root", "data.folds", "data.fold", "name", "run_dir"}


#: Who reads a recipe to check it, or to tell which keys are set, does not use them.
LOOKERS = {"_agrees", "_set"}


@contextmanager
def reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[set[str], set[str]]]:
    """Collect every key that is read: from the recipe of a command itself, and from any, its copies too."""
    found: set[str] = set()
    anywhere: set[str] = set()
    sections = {below(field): f"{name}." for name, field in Recipe.model_fields.items() if below(field)}
    own: dict[int, tuple[Section, str]] = {}
    recipe, get = cli._recipe, Section.__getattribute__

    def parts(section: Section, prefix: str) -> None:
        own[id(section)] = section, prefix
        for name in type(section).model_fields:
            if isinstance(value := section.__dict__[name], Section):
                parts(value, f"{prefix}{name}.")

    def opened(options: Any) -> Recipe:
        made: Recipe = recipe(options)
        parts(made, "")
        return made

    def read(self: Section, name: str) -> Any:
        if name in type(self).model_fields and sys._getframe(1).f_code.co_name not in LOOKERS:
            anywhere.add(sections.get(type(self), "") + name)
            if id(self) in own:
                found.add(own[id(self)][1] + name)
        return get(self, name)

    with monkeypatch.context() as patch:
        patch.setattr(cli, "_recipe", opened)
        patch.setattr(Section, "__getattribute__", read)
        yield found, anywhere


def leaves(found: set[str]) -> set[str]:
    return found & set(used.keys(Recipe))


def test_every_key_of_a_recipe_is_used_by_some_command(tmp_path: Path) -> None:
    recipe = loading.load(write_recipe(tmp_path))
    commands = (*COMMANDS, "predict", "import")
    assert [key for key in used.keys(Recipe) if not any(used.uses(one, recipe, key) for one in commands)] == []


@needs_weights
@pytest.mark.parametrize("backbone", ["resnet_vd", "lite0"])
def test_a_command_reads_no_key_that_is_said_to_be_unused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backbone: str
) -> None:
    write_folders(tmp_path / "data", per_class=10)
    network = LITE0 if backbone == "lite0" else {"width": 0.125, "size_px": 32}
    path = write_recipe(tmp_path, network=network, novelty={"strangers": 32}, training={"epochs": 2, "batch_images": 8})
    recipe = loading.load(path)
    for command in ("prepare", "fit" if backbone == "lite0" else "train", "eval", "export"):
        with reading(monkeypatch) as (found, anywhere):
            assert main([command, "-c", str(path), *(["--force"] if command == "export" else [])]) == 0
        read = leaves(found) - ANY
        assert [key for key in sorted(read) if not used.uses(command, recipe, key)] == []
        if command in ("train", "fit"):  # and all that it is said to use of how to learn
            learning = {key for key in used.keys(Recipe) if key.split(".")[0] in used._LEARNING}
            unread = learning - anywhere
            assert {key for key in unread if used.uses(command, recipe, key)} == set()


@pytest.mark.parametrize("key", [key for key in used.keys(Recipe) if key.split(".")[0] in used._LEARNING])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_key_that_is_given_and_not_used_is_said_whichever_it_is(tmp_path: Path, command: str, key: str) -> None:
    recipe = loading.load(write_recipe(tmp_path, network=LITE0))
    said = used.note(command, recipe, [f"{key}=1"])
    assert (key in said) == (not used.uses(command, recipe, key))


@needs_weights
def test_a_fit_refuses_class_weights_and_says_what_else_of_the_recipe_it_does_not_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folders(tmp_path / "data", per_class=6)
    options = ["-c", str(write_recipe(tmp_path, network=LITE0, training={"epochs": 3, "threads": 1}))]
    assert main(["prepare", *options]) == 0
    capsys.readouterr()
    weighted = ["-o", "training.class_weights=balanced"]

    assert main(["fit", *options, *weighted]) == 2
    assert "training.class_weights: a fit weighs every picture the same" in capsys.readouterr().err
    assert main(["folds", *options, *weighted]) == 2
    assert "training.class_weights" in capsys.readouterr().err
    assert not (tmp_path / "run/last.npz").exists()

    assert main(["fit", *options, "-o", "network.width=1"]) == 0
    said = capsys.readouterr().err
    assert "`trainer fit` does not use network.width, training.epochs: nothing comes of it here" in said


def test_what_is_given_to_a_command_that_cannot_use_it_is_said(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.tsv").write_text((finished / "run/manifest.tsv").read_text())
    options = ["-c", str(finished / "recipe.yaml"), "-o", f"run_dir={tmp_path}"]
    checkpoint_of = ["--checkpoint", str(finished / "run/last.npz")]
    assert main(["eval", *options, *checkpoint_of, "-o", "network.size_px=64", "-o", "decision.max_unsure=0.1"]) == 0
    assert "`trainer eval` does not use network.size_px: nothing comes of it here" in capsys.readouterr().err
    assert checkpoint.load(finished / "run/last.npz").meta.recipe.network.size_px == 32
