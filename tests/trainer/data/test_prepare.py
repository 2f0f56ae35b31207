"""prepare: class folders, lists, label names, splits, and everything wrong named."""

import shutil
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.trainer.conftest import NEU, REPOSITORY, needs_neu, picture, tiny_recipe, write_folders
from trainer.data import dataset
from trainer.data.manifest import DataError, Manifest
from trainer.data.prepare import prepare
from trainer.recipe import loading
from trainer.recipe.recipe import Recipe


def recipe_of(folder: Path, **changes: Any) -> Recipe:
    return Recipe.model_validate(tiny_recipe(folder, **changes))


def write_lists(root: Path, train: str, evaluation: str = "", labels: str = "0\tclean\n1\tSc\n2\tpatches\n") -> None:
    (root / "train.txt").write_text(train)
    (root / "eval.txt").write_text(evaluation)
    (root / "labels.txt").write_text(labels)


LISTS = {"train_list": "train.txt", "eval_list": "eval.txt", "label_file": "labels.txt", "val_share": 0.25}
TRAIN = "".join(f"{kind}/{kind}_{n}.png {label}\n" for label, kind in enumerate(("clean", "Sc", "patches"))
                for n in range(8))  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_folders(tmp_path / "data", per_class=10)


@pytest.fixture
def listed(tmp_path: Path, root: Path) -> Recipe:
    write_lists(root, TRAIN, "clean/clean_9.png 0\nSc/Sc_9.png\t1\n")
    return recipe_of(tmp_path, data={"root": str(root), **LISTS})


def counts(plan: Manifest) -> Counter[tuple[str, str]]:
    return Counter((row.label, row.split) for row in plan.rows)


def test_class_folders_are_mapped_to_labels_and_split_by_class(tmp_path: Path, root: Path) -> None:
    plan = prepare(recipe_of(tmp_path)).manifest

    assert plan.root == root.resolve()
    for label in ("ok", "scratches", "patches"):
        assert counts(plan)[label, "eval"] == 2
        assert counts(plan)[label, "val"] == 2  # 20% of the 8 left
        assert counts(plan)[label, "train"] == 6
    assert all(row.path.startswith("Sc/") for row in plan.rows if row.label == "scratches")


def test_the_split_depends_on_the_seed_and_on_nothing_else(tmp_path: Path, root: Path) -> None:
    first, again = prepare(recipe_of(tmp_path)), prepare(recipe_of(tmp_path))
    other = prepare(recipe_of(tmp_path, seed=4))

    assert first.manifest == again.manifest
    assert first.manifest.split("eval") != other.manifest.split("eval")


def test_lists_are_followed_and_validation_comes_out_of_training(listed: Recipe) -> None:
    plan = prepare(listed).manifest

    assert [(row.path, row.label, row.source) for row in plan.split("eval")] == [
        ("clean/clean_9.png", "ok", "eval.txt"),
        ("Sc/Sc_9.png", "scratches", "eval.txt"),
    ]
    assert counts(plan)["patches", "val"] == 2
    assert counts(plan)["patches", "train"] == 6


def test_a_list_may_give_names_instead_of_numbers_and_paths_with_blanks(tmp_path: Path, root: Path) -> None:
    (root / "Sc" / "Sc_0.png").rename(root / "Sc" / "a long name.png")
    write_lists(root, TRAIN.replace("Sc/Sc_0.png 1", "Sc/a long name.png scratches"))
    plan = prepare(recipe_of(tmp_path, data={"root": str(root), **LISTS})).manifest
    assert "Sc/a long name.png" in {row.path for row in plan.rows}


def test_a_jpeg_that_lost_its_last_rows_is_skipped_not_learned_with_made_up_pixels(listed: Recipe, root: Path) -> None:
    pixels = cv2.imread(str(root / "Sc/Sc_0.png"), cv2.IMREAD_GRAYSCALE)
    whole = cv2.imencode(".jpg", pixels)[1].tobytes()
    (root / "Sc/Sc_0.png").write_bytes(whole[: len(whole) * 9 // 10] + b"\xff\xd9")

    (skipped,) = prepare(listed).skipped

    assert skipped.path == "Sc/Sc_0.png"
    assert "damaged JPEG" in skipped.reason


def test_each_file_that_cannot_be_used_is_named_and_skipped(listed: Recipe, root: Path) -> None:
    # Given a file cut short, one that is text, and one that is not there
    whole = (root / "Sc/Sc_0.png").read_bytes()
    (root / "Sc/Sc_0.png").write_bytes(whole[: len(whole) // 2])
    (root / "Sc/Sc_1.png").write_text("not a picture")
    (root / "clean/clean_0.png").unlink()

    # When
    prepared = prepare(listed)

    # Then
    reasons = {skip.path: skip.reason for skip in prepared.skipped}
    assert set(reasons) == {"Sc/Sc_0.png", "Sc/Sc_1.png", "clean/clean_0.png"}
    assert "truncated" in reasons["Sc/Sc_0.png"]
    assert "not an image" in reasons["Sc/Sc_1.png"]
    assert "No such file" in reasons["clean/clean_0.png"]
    assert not set(reasons) & {row.path for row in prepared.manifest.rows}


def test_a_picture_whose_pixels_a_decoder_had_to_invent_is_named_and_never_learned_from(
    tmp_path: Path, root: Path
) -> None:
    # Given JPEGs whose last third is lost: they have their end marker, and a decoder fills them up with gray
    for name in ("Sc/Sc_0", "patches/patches_3"):
        whole = cv2.imencode(".jpg", picture("Sc", 4, 200))[1].tobytes()
        (root / f"{name}.png").unlink()
        (root / f"{name}.jpg").write_bytes(whole[: len(whole) * 2 // 3] + b"\xff\xd9")

    prepared = prepare(recipe_of(tmp_path))

    reasons = {skip.path: skip.reason for skip in prepared.skipped}
    assert set(reasons) == {"Sc/Sc_0.jpg", "patches/patches_3.jpg"}
    assert all("damaged JPEG" in reason for reason in reasons.values())
    assert len(prepared.manifest.rows) == len(prepared.pictures.found) == 28
    # Nor is one that is damaged after prepare has seen it whole
    row = prepared.manifest.rows[0]
    (root / row.path).write_bytes((root / "Sc/Sc_0.jpg").read_bytes())
    loaded = dataset.load(prepared.manifest, prepared.manifest.rows)
    assert len(loaded) == 27 and "damaged JPEG" in loaded.skipped[0]


@pytest.mark.parametrize(
    ("train", "labels", "named"),
    [
        (TRAIN + "Sc/Sc_8.png 7\n", None, "train.txt, line 25: label '7' is none of"),
        (TRAIN + "Sc/Sc_8.png dent\n", None, "train.txt, line 25: label 'dent' is none of"),
        (TRAIN + "Sc/Sc_8.png\n", None, "train.txt, line 25: `path label` is expected"),
        (TRAIN + "Sc/Sc_0.png 1\n", None, "train.txt, line 25: Sc/Sc_0.png stands on line 9 already"),
        (TRAIN + "Sc/Sc_9.png 1\n", None, "eval.txt, line 2: Sc/Sc_9.png is in train.txt, line 25 too"),
        (TRAIN, "0\tclean\n1\tScr\n", "labels.txt, line 2: 'Scr' is no label or alias"),
        (TRAIN, "0\tclean\n0\tSc\n", "labels.txt, line 2: id 0 is there already"),
        (TRAIN, "clean\n", "labels.txt, line 1: `id name` is expected"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, root: Path, train: str, labels: str | None, named: str) -> None:
    write_lists(root, train, "clean/clean_9.png 0\nSc/Sc_9.png 1\n", *([labels] if labels else []))
    with pytest.raises(DataError) as caught:
        prepare(recipe_of(tmp_path, data={"root": str(root), **LISTS}))
    assert named in str(caught.value)


def test_numbers_without_a_label_file_are_refused_with_the_remedy(tmp_path: Path, root: Path) -> None:
    write_lists(root, TRAIN)
    with pytest.raises(DataError, match=r"set data\.label_file"):
        prepare(recipe_of(tmp_path, data={"root": str(root), "train_list": "train.txt"}))


def test_a_folder_that_is_no_label_is_refused(tmp_path: Path, root: Path) -> None:
    (root / "dents").mkdir()
    with pytest.raises(DataError, match="dents: no label or alias"):
        prepare(recipe_of(tmp_path))


def test_a_label_without_pictures_is_refused(tmp_path: Path, root: Path) -> None:
    for file in (root / "patches").iterdir():
        file.unlink()
    with pytest.raises(DataError, match="label 'patches' has no training image"):
        prepare(recipe_of(tmp_path))


def test_a_root_where_nothing_can_be_read_is_refused(tmp_path: Path, root: Path) -> None:
    write_lists(root, TRAIN.replace(".png", ".bmp"))
    with pytest.raises(DataError, match=r"none of its 24 pictures can be read, the first: clean/clean_0\.bmp"):
        prepare(recipe_of(tmp_path, data={"root": str(root), **LISTS}))


def test_simulated_images_are_rows_not_files_and_no_seed_is_used_twice(tmp_path: Path) -> None:
    simulated = {
        "first_seed": 100,
        "train_ok": 5,
        "train_per_defect": 4,
        "val_ok": 2,
        "eval_ok": 3,
        "eval_per_defect": 1,
        "train_cut_ok": 2,
        "eval_cut_per_defect": 3,
    }
    plan = prepare(recipe_of(tmp_path, data=None, simulated=simulated)).manifest

    assert counts(plan) == {
        ("ok", "train"): 7, ("scratches", "train"): 4, ("patches", "train"): 4,
        ("ok", "val"): 2, ("ok", "eval"): 3, ("scratches", "eval"): 4, ("patches", "eval"): 4,
    }  # fmt: skip
    assert plan.rows[0].path == "simulated:ok:100"
    assert Counter(row.source for row in plan.rows) == {"simulated": 20, "cut": 8}
    assert next(row.path for row in plan.rows if row.source == "cut") == "simulated:cut:ok:120"
    assert len({row.path.rsplit(":", 1)[1] for row in plan.rows}) == len(plan.rows)


def write_crops(root: Path, kind: str, strips: int, crops: int) -> None:
    """Add pictures `strip-crop.png` of 64 x 64: crops of one strip lie on each other by a quarter or more."""
    for number in range(strips):
        strip = np.random.default_rng([number, *kind.encode()]).normal(128, 20, (64, 64 + 16 * crops))
        for crop in range(crops):
            pixels = np.rot90(strip[:, 16 * crop : 16 * crop + 64], crop % 2 * 2)
            cv2.imwrite(str(root / kind / f"{number}-{crop}.png"), pixels.clip(0, 255).astype(np.uint8))


def sides(plan: Manifest) -> dict[str, set[str]]:
    """The splits that each group is in."""
    return {group: {row.split for row in plan.rows if row.group == group} for row in plan.rows if (group := row.group)}


def test_overlapping_crops_are_a_group_and_no_group_is_on_two_sides_of_a_split(tmp_path: Path, root: Path) -> None:
    for kind in ("clean", "Sc", "patches"):
        write_crops(root, kind, strips=15, crops=4)

    prepared = prepare(recipe_of(tmp_path))

    assert len(prepared.groups) == 45
    assert set(prepared.groups.values()) == {4}
    assert {row.group for row in prepared.manifest.rows if row.path.startswith("Sc/3-")} == {"Sc/3-0.png"}
    assert not any(row.group for row in prepared.manifest.rows if row.path.startswith("Sc/Sc_"))
    assert all(len(splits) == 1 for splits in sides(prepared.manifest).values())
    assert {*chain(*sides(prepared.manifest).values())} == {"train", "val", "eval"}
    assert prepared.seen and (prepared.seen.held_out, prepared.seen.same_source) == (42, ())


def test_folds_hold_out_every_picture_once_and_no_group_twice(tmp_path: Path, root: Path) -> None:
    for kind in ("clean", "Sc", "patches"):
        write_crops(root, kind, strips=15, crops=4)
    data = {"root": str(root), "folds": 5, "val_share": 0.2}

    prepared = prepare(recipe_of(tmp_path, data=data))

    assert len(prepared.manifests) == 5
    held_out = [row.path for plan in prepared.manifests for row in plan.split("eval")]
    assert len(held_out) == len(set(held_out)) == len(prepared.manifest.rows)
    for plan in prepared.manifests:
        assert all(len(splits) == 1 for splits in sides(plan).values())
        for label in ("ok", "scratches", "patches"):
            assert counts(plan)[label, "eval"] == 14  # of 70
            assert counts(plan)[label, "val"] == pytest.approx(11, abs=2)
    assert prepare(recipe_of(tmp_path, data=data)) == prepared


def test_folds_pool_the_lists(tmp_path: Path, root: Path) -> None:
    write_lists(root, TRAIN, "clean/clean_9.png 0\nSc/Sc_9.png 1\n")
    prepared = prepare(recipe_of(tmp_path, data={"root": str(root), **LISTS, "folds": 2}))
    assert [len(plan.split("eval")) for plan in prepared.manifests] == [13, 13]


def test_a_label_that_a_fold_cannot_train_on_is_named_with_the_fold(tmp_path: Path, root: Path) -> None:
    for file in sorted((root / "Sc").iterdir())[1:]:
        file.unlink()
    with pytest.raises(DataError, match=r"label 'scratches' has no training image in fold \d of 3"):
        prepare(recipe_of(tmp_path, data={"root": str(root), "folds": 3}))


def test_what_is_of_one_coil_stays_together_and_overlaps_join_coils(tmp_path: Path, root: Path) -> None:
    # Given coils of 4 pictures, written with another start of the paths, and two of them that overlap
    shutil.copy(root / "Sc/Sc_0.png", root / "Sc/Sc_4.png")
    lines = [f'"/mill/{kind}/{kind}_{n}.png" "{kind} coil {n // 4}"\n' for kind in ("clean", "Sc", "patches")
             for n in range(8)]  # fmt: skip
    (root / "coils.txt").write_text("".join(lines))
    for n in range(20):
        cv2.imwrite(str(root / f"Sc/more_{n}.png"), picture("Sc", 500 + n))

    prepared = prepare(recipe_of(tmp_path, data={"root": str(root), "group_file": "coils.txt"}))

    assert prepared.groups == {
        "Sc coil 0": 8,
        **{f"{kind} coil {n}": 4 for kind in ("clean", "patches") for n in (0, 1)},
    }
    assert all(len(splits) == 1 for splits in sides(prepared.manifest).values())
    assert prepared.notes[-1] == "coils.txt: 26 of 50 pictures are not in it"
    assert "/mill/clean/clean_0.png is looked for as clean/clean_0.png" in prepared.notes[0]


def test_one_coil_on_both_sides_of_the_users_lists_counts_as_seen(tmp_path: Path, root: Path) -> None:
    write_lists(root, TRAIN, "Sc/Sc_9.png 1\nclean/clean_9.png 0\n")
    (root / "coils.txt").write_text("Sc/Sc_1.png 7\nSc/Sc_9.png 7\nclean/clean_9.png 8\n")
    prepared = prepare(recipe_of(tmp_path, data={"root": str(root), **LISTS, "group_file": "coils.txt"}))
    assert prepared.seen and (len(prepared.seen.same_source), prepared.seen.pairs) == (1, 0)
    assert prepared.manifest.trained_groups() == {"7"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("nothing.png 7\n", r"coils\.txt: none of its paths is in the data, the first: nothing\.png"),
        ("", r"coils\.txt: none of its paths is in the data, the first: it is empty"),
        ("Sc/Sc_1.png\n", r"coils\.txt, line 1: `path group` is expected"),
    ],
)
def test_a_group_file_that_says_nothing_is_refused(tmp_path: Path, root: Path, text: str, named: str) -> None:
    (root / "coils.txt").write_text(text)
    with pytest.raises(DataError, match=named):
        prepare(recipe_of(tmp_path, data={"root": str(root), "group_file": "coils.txt"}))


def test_what_training_sees_of_the_users_own_eval_list_is_counted(tmp_path: Path, root: Path) -> None:
    # Given two strips of which the lists put crops on both sides
    write_crops(root, "Sc", strips=2, crops=3)
    write_lists(root, TRAIN + "Sc/0-0.png 1\nSc/1-0.png 1\n", "Sc/0-1.png 1\nSc/1-2.png 1\nSc/Sc_9.png 1\n")

    # When
    prepared = prepare(recipe_of(tmp_path, data={"root": str(root), **LISTS}))

    # Then the lists are followed, and what they let through is said
    assert [row.path for row in prepared.manifest.split("eval")] == ["Sc/0-1.png", "Sc/1-2.png", "Sc/Sc_9.png"]
    assert prepared.seen and prepared.seen.pairs == 2
    assert len(prepared.seen.overlapping) == 2
    assert prepared.seen.area_share == pytest.approx((48 + 32) * 64 / (2 * 64 * 64 + 48 * 48))


def test_the_group_of_a_picture_outside_the_lists_is_not_drawn_in(tmp_path: Path, root: Path) -> None:
    write_crops(root, "Sc", strips=1, crops=2)
    write_lists(root, TRAIN + "Sc/0-0.png 1\n")
    assert prepare(recipe_of(tmp_path, data={"root": str(root), **LISTS})).groups == {}


@needs_neu
def test_the_lists_of_neu_are_followed_and_what_they_share_is_said() -> None:
    overrides = ["run_dir=unused", f"data.root={NEU}"]
    prepared = prepare(loading.load(REPOSITORY / "configs/train/neu_small.yaml", overrides))

    assert not prepared.skipped
    assert len(prepared.manifest.split("eval")) == 373
    assert len(prepared.manifest.split("train")) + len(prepared.manifest.split("val")) == 1427
    assert len(prepared.manifest.split("val")) == pytest.approx(143, abs=6)
    assert all({"train", "val"} - splits for splits in sides(prepared.manifest).values())
    assert prepared.seen and len(prepared.seen.same_source) / 373 == pytest.approx(0.87, abs=0.02)
