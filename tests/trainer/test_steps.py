"""The steps as functions: the page's own text runs, and a caller's progress takes the place of ours."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from inspector.errors import ConfigError
from inspector.vision import bundle
from tests.fakes import ROOT
from tests.trainer.conftest import tiny_recipe, write_folders
from tests.trainer.recipe.test_paddleclas import NEU_YAML
from trainer import steps
from trainer.recipe.recipe import Recipe


def test_the_page_s_program_goes_from_pictures_to_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "trainer/README.md").read_text(), re.DOTALL)
    assert len([line for line in program.splitlines() if line]) <= 11
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)

    exec(compile(program, "trainer/README.md", "exec"), {})

    opened = bundle.load(tmp_path / "runs/drawn/bundle")
    assert opened.id in capsys.readouterr().out
    assert [label.name for label in opened.labels] == ["ok", "scratches"]
    assert (tmp_path / "runs/drawn/eval/report.html").is_file()


def test_a_progress_that_is_passed_is_called_and_nothing_is_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_folders(tmp_path / "data", per_class=5)
    calls: list[tuple[str, int, int]] = []

    run = steps.prepare(recipe(tmp_path), progress=lambda step, done, total: calls.append((step, done, total)))

    assert ("reading", 15, 15) in calls and ("comparing", 15, 15) in calls
    assert capfd.readouterr() == ("", "")
    assert run.manifests == (tmp_path / "run/manifest.tsv",)
    assert run.figures["images"] == {"train": 9, "val": 3, "eval": 3}
    assert {sheet.name for sheet in run.contact_sheets} == {"ok.png", "scratches.png", "patches.png"}


@pytest.mark.parametrize("packed", ["zip", "gztar"])
def test_every_long_part_of_prepare_reports_its_progress_to_its_end(tmp_path: Path, packed: str) -> None:
    # Given an archive of pictures whose labels are marked in a list, so that their sizes matter
    write_folders(tmp_path / "drawn", per_class=5)
    pictures = sorted((tmp_path / "drawn").rglob("*.png"))
    lines = [f"{path.relative_to(tmp_path / 'drawn')},{path.parent.name},0,0,48,48" for path in pictures]
    (tmp_path / "drawn/train.csv").write_text("\n".join(["path,label,xmin,ymin,xmax,ymax", *lines]) + "\n")
    archive = shutil.make_archive(str(tmp_path / "data"), packed, tmp_path / "drawn")
    last: dict[str, tuple[int, int]] = {}

    def progress(step: str, done: int, total: int) -> None:
        assert done <= total
        last[step] = done, total

    # When it is prepared
    steps.prepare(recipe(tmp_path, data={"root": archive, "train_list": "train.csv"}), progress)

    # Then every part was shown, and each came to its end
    assert last.keys() == {
        "unpacking", "reading marks", "reading sizes", "measuring bit depth", "reading", "comparing",
        "looking for copies",
    }  # fmt: skip
    assert last.pop("unpacking")[0] == 16  # of a tar, the total is an estimate
    assert all(done == total == 15 for done, total in last.values())


def test_a_step_raises_what_its_command_would_print(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file or directory; a recipe is a YAML file"):
        steps.load(tmp_path / "none.yaml")


def test_what_of_a_paddleclas_config_is_not_honoured_is_warned_of(tmp_path: Path) -> None:
    config = tmp_path / "old.yaml"
    config.write_text(yaml.safe_dump(NEU_YAML))
    with pytest.warns(UserWarning, match="not honoured: .*num_workers"):
        assert steps.load(config).training.batch_images == 64


def recipe(folder: Path, **changes: Any) -> Recipe:
    return Recipe.model_validate(tiny_recipe(folder, **changes))
