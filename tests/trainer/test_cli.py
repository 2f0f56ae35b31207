"""The command line: instant help, one message and exit code 2 for bad input, JSON for machines."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import inspector
from tests.trainer.conftest import REPOSITORY, write_folders, write_recipe
from trainer.cli import main


@pytest.mark.parametrize("command", ["--help", "prepare --help", "train --help", "predict --help", "settings --help"])
def test_help_imports_neither_paddle_nor_opencv(command: str) -> None:
    code = (
        "import sys\n"
        "from trainer.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "assert not {'paddle', 'cv2', 'numpy', 'pydantic'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command.split()], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "usage: trainer" in done.stdout


def test_prepare_does_not_import_paddle(tmp_path: Path) -> None:
    write_folders(tmp_path / "data", per_class=5)
    code = "import sys; from trainer.cli import main; main(sys.argv[1:]); assert 'paddle' not in sys.modules"
    arguments = ["prepare", "-c", str(write_recipe(tmp_path))]
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "trainer", "eval", "-c", "none.yaml"], cwd=REPOSITORY,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 2
    form = "a recipe is a YAML file that begins with `name:`, see configs/train/"
    assert done.stderr == f"trainer: none.yaml: No such file or directory; {form}\n"


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["train"], "manifest.tsv: No such file or directory; `trainer prepare` writes it"),
        (["eval"], "manifest.tsv"),
        (["export"], "last.npz: No such file or directory; `trainer train` writes it"),
        (["prepare", "-o", "data.root=nowhere"], "nowhere: No such file or directory"),
        (["prepare", "-o", "training.epochs=0"], "training.epochs"),
        (["predict", "."], "bundle.json: No such file or directory"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], named: str
) -> None:
    recipe = write_recipe(tmp_path)
    assert main([command[0], "-c", str(recipe), *command[1:]]) == 2

    error = capsys.readouterr().err
    assert named in error
    assert error.startswith("trainer: ") and error.count("\n") == 1
    assert not (tmp_path / "run").exists()  # nothing half-written


def test_a_damaged_checkpoint_is_one_message_and_exit_code_2(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "last.npz"
    damaged.write_bytes((finished / "run/last.npz").read_bytes()[:1000])
    assert main(["eval", "-c", str(finished / "recipe.yaml"), "--checkpoint", str(damaged)]) == 2
    assert f"trainer: {damaged}: damaged" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folders(tmp_path / "data", per_class=5)
    (tmp_path / "run").write_text("a file where the folder should be")
    assert main(["prepare", "-c", str(write_recipe(tmp_path))]) == 2
    assert capsys.readouterr().err.startswith(f"trainer: {tmp_path / 'run'}: ")


def test_prepare_says_what_it_did_in_json(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    write_folders(tmp_path / "data", per_class=5)
    (tmp_path / "data/Sc/Sc_9.png").write_bytes(b"")

    result = run_json("prepare", "-c", write_recipe(tmp_path))

    assert result["images"] == {"train": 9, "val": 3, "eval": 3}
    assert result["skipped"] == [{"path": "Sc/Sc_9.png", "reason": "empty file"}]
    assert result["overlaps"] == {"pairs": [], "groups": {}}
    assert result["eval_seen_by_training"] == {
        "eval_images": 3, "same_source": 0, "overlapping": 0, "pairs": 0, "area_share": 0.0,
    }  # fmt: skip


def test_prepare_says_how_much_of_the_eval_list_training_sees(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_folders(tmp_path / "data", per_class=5)
    shutil.copy(root / "Sc/Sc_1.png", root / "Sc/copy.png")
    names = [f"{kind}/{kind}_{n}.png {kind}\n" for kind in ("clean", "Sc", "patches") for n in range(5)]
    (root / "train.txt").write_text("".join(names))
    (root / "eval.txt").write_text("Sc/copy.png Sc\n")
    data = {"root": str(root), "train_list": "train.txt", "eval_list": "eval.txt"}

    assert main(["prepare", "-c", str(write_recipe(tmp_path, data=data))]) == 0

    printed = capsys.readouterr().out
    assert "1 pair overlaps\n2 images are of 1 source: overlapping crops, copies, given groups\n" in printed
    assert "1 exact copy: Sc/Sc_1.png = Sc/copy.png\n" in printed
    assert "of the 1 eval images, training sees the source of 1, pixels of 1 (1 pair), 100% of their area" in printed


def test_each_fold_is_prepared_trained_and_evaluated_in_its_own_folder(
    tmp_path: Path, run_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    write_folders(tmp_path / "data", per_class=10)
    data = {"root": str(tmp_path / "data"), "folds": 2, "val_share": 0.2}
    options = ["-c", str(write_recipe(tmp_path, data=data)), "-o", "training.epochs=1", "-o", "training.batch_images=8"]

    prepared = run_json("prepare", *options)

    assert [entry["eval"] for entry in prepared["manifests"]] == [15, 15]
    assert run_json("train", *options, "-o", "data.fold=2")["last"] == str(tmp_path / "run/fold-2/last.npz")
    assert run_json("eval", *options, "-o", "data.fold=2")["images"] == 15
    assert (tmp_path / "run/fold-2/eval/report.json").exists()
    assert main(["train", *options]) == 2
    assert capsys.readouterr().err == "trainer: data.fold: which of the 2 folds? For example -o data.fold=1\n"
    assert main(["train", *options, "-o", "data.fold=3"]) == 2
    assert "fold is 3, but folds is 2" in capsys.readouterr().err


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"trainer {inspector.__version__}\n"


def test_every_setting_is_told_with_what_it_does_its_default_and_its_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "0.01" in lines["decision.max_escapes"] and "share of validation defects" in lines["decision.max_escapes"]
    assert lines["training.epochs"].endswith("(≥ 1, ≤ 10000)")
    assert lines["labels.<any>.kind"].endswith("(ok, defect)")


def test_commands_and_options_are_completed_by_the_shell(tmp_path: Path) -> None:
    for said, some in (("trainer pre", {"predict", "prepare"}), ("trainer prepare --js", {"--json"})):
        told = tmp_path / "told"
        environment = {
            "_ARGCOMPLETE": "1", "COMP_LINE": said, "COMP_POINT": str(len(said)), "COMP_TYPE": "9",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(told), "_ARGCOMPLETE_IFS": "\n",
        }  # fmt: skip
        command = [sys.executable, "-m", "trainer"]
        subprocess.run(command, env={**os.environ, **environment}, cwd=REPOSITORY, check=True, timeout=60)
        assert some <= {one.strip() for one in told.read_text().split("\n")}
