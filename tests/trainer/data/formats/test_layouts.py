"""Folders as people have them: train, val and test, folders inside a class, masks beside pictures, links."""

import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.trainer.conftest import tiny_recipe, write_folders
from trainer.data.manifest import DataError
from trainer.data.prepare import Prepared, prepare
from trainer.recipe.recipe import Recipe

KINDS = ("clean", "Sc", "patches")


def prepared(root: Path) -> Prepared:
    return prepare(Recipe.model_validate(tiny_recipe(root.parent, data={"root": str(root)})))


def splits(result: Prepared) -> Counter[tuple[str, str]]:
    return Counter((row.path.partition("/")[0], row.split) for row in result.manifest.rows)


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "valid", "eval")])
def test_train_val_and_test_are_followed(tmp_path: Path, names: tuple[str, str, str]) -> None:
    for number, name in enumerate(names):
        write_folders(tmp_path / "data" / name, per_class=8 - 2 * number)
        for file in sorted((tmp_path / "data" / name).rglob("*.png")):  # no picture twice
            cv2.imwrite(str(file), cv2.flip(cv2.imread(str(file), 0), number - 1) if number else cv2.imread(str(file)))
    assert splits(prepared(tmp_path / "data")) == {
        (names[0], "train"): 24, (names[1], "val"): 18, (names[2], "eval"): 12,
    }  # fmt: skip


def test_a_val_folder_alone_is_evaluated_and_validation_is_drawn_from_train(tmp_path: Path) -> None:
    write_folders(tmp_path / "data/train", per_class=10)
    write_folders(tmp_path / "data/val", per_class=3)
    result = prepared(tmp_path / "data")
    assert splits(result) == {("train", "train"): 27, ("train", "val"): 3, ("val", "eval"): 9}
    assert any("the val part is what `eval` evaluates" in note for note in result.notes)


def test_a_train_folder_alone_is_split_like_class_folders(tmp_path: Path) -> None:
    write_folders(tmp_path / "data/train", per_class=10)
    assert splits(prepared(tmp_path / "data")) == {("train", "train"): 21, ("train", "val"): 3, ("train", "eval"): 6}


def test_two_folders_for_one_part_are_refused(tmp_path: Path) -> None:
    for name in ("train", "val", "validation"):
        write_folders(tmp_path / "data" / name, per_class=3)
    with pytest.raises(DataError, match="validation: val is there, too: which of the two is the val part"):
        prepared(tmp_path / "data")


def test_pictures_in_folders_of_a_class_belong_to_it(tmp_path: Path) -> None:
    root = write_folders(tmp_path / "data", per_class=6)
    for kind in KINDS:
        for number in range(4):
            (root / kind / f"coil {number // 2}/side").mkdir(parents=True, exist_ok=True)
            (root / f"{kind}/{kind}_{number}.png").rename(root / f"{kind}/coil {number // 2}/side/{number}.png")
    result = prepared(root)
    assert len(result.manifest.rows) == 18
    assert {row.label for row in result.manifest.rows if row.path.startswith("Sc/coil 1/side/")} == {"scratches"}
    (root / "Sc/patches").mkdir()
    shutil.copy(root / "Sc/Sc_5.png", root / "Sc/patches/5.png")
    with pytest.raises(DataError, match=r"Sc/patches/5\.png: a picture in patches, in Sc: which of the two"):
        prepared(root)


def test_masks_and_annotations_beside_pictures_are_no_pictures_of_a_class(tmp_path: Path) -> None:
    root = write_folders(tmp_path / "data", per_class=8)
    mask = np.zeros((48, 48), np.uint8)
    mask[10:20] = 255
    for number in range(8):
        (root / f"Sc/Sc_{number}.xml").write_text("<annotation/>")
    (root / "Sc/masks").mkdir()
    for name in ("Sc/Sc_0_mask.png", "Sc/Sc_1_GT.bmp", "Sc/Sc_2.bmp", "Sc/masks/Sc_3.png", "Sc/Thumbs.db"):
        cv2.imwrite(str(root / name), mask) if not name.endswith("db") else (root / name).touch()
    (root / "ground_truth/Sc").mkdir(parents=True)
    cv2.imwrite(str(root / "ground_truth/Sc/a.png"), mask)
    (root / "clean/a_gt.png").write_bytes((root / "clean/clean_0.png").read_bytes())  # of no picture: it is one

    result = prepared(root)

    assert len(result.manifest.rows) == 25 and not result.skipped
    assert "clean/a_gt.png" in {row.path for row in result.manifest.rows}
    assert any("Sc: 4 files are masks and left out: Sc/Sc_0_mask.png, Sc/Sc_1_GT.bmp, " in n for n in result.notes)
    assert any("Sc: 9 files are no pictures and left out" in note for note in result.notes)


def test_links_to_pictures_classes_and_whole_data_sets_are_followed_and_circles_end(tmp_path: Path) -> None:
    real = write_folders(tmp_path / "real", per_class=6)
    (tmp_path / "far").mkdir()
    (real / "Sc").rename(tmp_path / "far/Sc")
    (real / "Sc").symlink_to(tmp_path / "far/Sc")
    (real / "clean/clean_0.png").rename(tmp_path / "far/0.png")
    (real / "clean/clean_0.png").symlink_to(tmp_path / "far/0.png")
    (real / "patches/again").symlink_to(real / "patches")
    (tmp_path / "data").symlink_to(real)
    result = prepared(tmp_path / "data")
    assert len(result.manifest.rows) == 18, result.skipped
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/train").symlink_to(real)
    assert len(prepared(tmp_path / "parts").manifest.rows) == 18


def test_all_unknown_folders_are_named(tmp_path: Path) -> None:
    root = write_folders(tmp_path / "data", per_class=6)
    for name in ("dents", "holes", "rust"):
        (root / name).mkdir()
    (root / "@eaDir").mkdir()
    with pytest.raises(DataError, match="data: dents, holes, rust: no label or alias of the recipe is called so"):
        prepared(root)


def test_class_folders_below_one_folder_among_others_are_found(tmp_path: Path) -> None:
    write_folders(tmp_path / "data/images", per_class=6)
    (tmp_path / "data/documents").mkdir()
    result = prepared(tmp_path / "data")
    assert len(result.manifest.rows) == 18
    assert any("images: its folders are the classes" in note for note in result.notes)


def test_a_root_without_folders_says_what_may_be_the_list(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train.csv").touch()
    with pytest.raises(DataError, match=r"holds one folder a class, or set data.train_list: train\.csv\?"):
        prepared(tmp_path / "data")
