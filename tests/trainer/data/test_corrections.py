"""Corrections: what a person changed in a manifest outlives every prepare, and a changed manifest is never lost."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.trainer.conftest import picture, write_folders, write_recipe
from trainer.cli import main
from trainer.data import manifest
from trainer.data.manifest import Row


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe on 10 pictures a class, prepared."""
    write_folders(tmp_path / "data", per_class=10)
    path = write_recipe(tmp_path)
    assert main(["prepare", "-c", str(path)]) == 0
    return path


def rows(folder: Path) -> dict[str, Row]:
    return {row.path: row for row in manifest.read(folder / "run/manifest.tsv").rows}


def edit(folder: Path, *changes: tuple[str, str]) -> str:
    """Replace text in the manifest, as an editor does. Returns it."""
    path = folder / "run/manifest.tsv"
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return text


def test_ten_labels_corrected_by_hand_outlive_every_prepare(
    tmp_path: Path, recipe: Path, run_json: Callable[..., Any]
) -> None:
    before = rows(tmp_path)
    edited = edit(tmp_path, *((f"Sc/Sc_{n}.png\tscratches", f"Sc/Sc_{n}.png\tpatches") for n in range(10)))
    edited = edit(tmp_path, ("clean/clean_0.png\tok", "clean/clean_0.png\tscratches"))

    for _ in range(2):
        found = run_json("prepare", "-c", recipe)
        after = rows(tmp_path)
        assert {after[f"Sc/Sc_{n}.png"].label for n in range(10)} == {"patches"}
        assert {path: row.split for path, row in after.items()} == {path: row.split for path, row in before.items()}
        assert after["patches/patches_1.png"] == before["patches/patches_1.png"]
        assert any("11 corrections hold: 11 labels" in note for note in found["notes"])

    assert (tmp_path / "run/manifest.1.tsv").read_text() == edited
    assert not (tmp_path / "run/manifest.2.tsv").exists()
    shutil.rmtree(tmp_path / "run")
    run_json("prepare", "-c", recipe)
    assert {rows(tmp_path)[f"Sc/Sc_{n}.png"].label for n in range(10)} == {"patches"}


def test_what_was_taken_is_said_and_where_the_old_file_is(
    tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(tmp_path, ("Sc/Sc_1.png\tscratches", "Sc/Sc_1.png\tpatches"))
    assert main(["prepare", "-c", str(recipe)]) == 0
    said = capsys.readouterr().err
    assert "manifest.tsv: was changed by hand in 1 row (Sc/Sc_1.png): kept as corrections in" in said
    assert f"as it was before: {tmp_path / 'run/manifest.1.tsv'}" in said


def test_a_corrected_picture_keeps_its_correction_under_another_name_in_another_folder(
    tmp_path: Path, recipe: Path, run_json: Callable[..., Any]
) -> None:
    edit(tmp_path, ("Sc/Sc_3.png\tscratches", "Sc/Sc_3.png\tpatches"))
    # Moved before prepare has seen the change at all
    (tmp_path / "data/Sc/Sc_3.png").rename(tmp_path / "data/clean/renamed.png")
    run_json("prepare", "-c", recipe)
    assert rows(tmp_path)["clean/renamed.png"].label == "patches"


def test_rows_taken_out_added_moved_to_another_split_or_group_are_corrections_too(
    tmp_path: Path, recipe: Path, run_json: Callable[..., Any]
) -> None:
    (tmp_path / "data/.mine").mkdir()
    cv2.imwrite(str(tmp_path / "data/.mine/new.png"), picture("Sc", 777))
    old = rows(tmp_path)
    gone = next(path for path, row in old.items() if row.split == "eval")
    held = next(path for path, row in old.items() if row.split == "train")
    edited = edit(tmp_path, (f"{held}\t{old[held].label}\ttrain", f"{held}\t{old[held].label}\teval"))
    lines = [line for line in edited.splitlines() if not line.startswith(gone)]
    lines = [line.rpartition("\t")[0] + "\tcoil 7" if line.startswith("clean/clean_2.png") else line for line in lines]
    (tmp_path / "run/manifest.tsv").write_text("\n".join([*lines, ".mine/new.png\tscratches\tval\tme\t", ""]))
    wanted = rows(tmp_path)

    for _ in range(3):
        run_json("prepare", "-c", recipe)
        assert rows(tmp_path) == wanted

    # And a picture put back is back
    edit(tmp_path, (".mine/new.png\tscratches\tval\tme\t\n", ""))
    with (tmp_path / "run/manifest.tsv").open("a") as file:
        file.write(f"{gone}\t{old[gone].label}\teval\tme\t\n")
    run_json("prepare", "-c", recipe)
    after = rows(tmp_path)
    assert ".mine/new.png" not in after and after[gone].label == old[gone].label


def test_an_editor_of_windows_may_have_saved_the_manifest(
    tmp_path: Path, recipe: Path, run_json: Callable[..., Any]
) -> None:
    edited = edit(tmp_path, ("Sc/Sc_1.png\tscratches", "Sc/Sc_1.png\tpatches"))
    (tmp_path / "run/manifest.tsv").write_bytes(b"\xef\xbb\xbf" + edited.replace("\n", "\r\n").encode())
    found = run_json("prepare", "-c", recipe)
    assert rows(tmp_path)["Sc/Sc_1.png"].label == "patches"
    assert any("1 correction holds: 1 label" in note for note in found["notes"])


def test_a_manifest_of_an_older_version_is_kept_and_how_to_keep_its_changes_is_said(
    tmp_path: Path, recipe: Path, run_json: Callable[..., Any]
) -> None:
    # Given a changed manifest beside which nothing says how it was
    (tmp_path / "run/.manifest.tsv.prepared").unlink()
    edited = edit(tmp_path, ("Sc/Sc_1.png\tscratches", "Sc/Sc_1.png\tpatches"))

    found = run_json("prepare", "-c", recipe)

    assert any("copy it back" in note for note in found["notes"])
    assert (tmp_path / "run/manifest.1.tsv").read_text() == edited
    shutil.copy(tmp_path / "run/manifest.1.tsv", tmp_path / "run/manifest.tsv")
    run_json("prepare", "-c", recipe)
    assert rows(tmp_path)["Sc/Sc_1.png"].label == "patches"


def test_a_manifest_broken_by_hand_is_refused_and_stays(
    tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = edit(tmp_path, ("Sc/Sc_1.png\tscratches", "Sc/Sc_1.png\tscratched"))
    assert main(["prepare", "-c", str(recipe)]) == 2
    assert "label 'scratched' is none of" in capsys.readouterr().err
    assert (tmp_path / "run/manifest.tsv").read_text() == edited
    assert not (tmp_path / "run.corrections.csv").exists()


def test_folds_take_labels_but_no_splits(
    tmp_path: Path, recipe: Path, run_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    folded = ["prepare", "-c", str(recipe), "-o", "data.folds=2"]
    run_json(*folded)
    path = tmp_path / "run/fold-1/manifest.tsv"
    text = path.read_text()
    path.write_text(text.replace("Sc/Sc_1.png\tscratches", "Sc/Sc_1.png\tpatches"))
    run_json(*folded)
    for fold in (1, 2):
        labels = {row.path: row.label for row in manifest.read(tmp_path / f"run/fold-{fold}/manifest.tsv").rows}
        assert labels["Sc/Sc_1.png"] == "patches"
    path.write_text(path.read_text().replace("\teval\t", "\ttrain\t"))
    assert main(folded) == 2
    assert "folds evaluate every picture once" in capsys.readouterr().err


def test_a_label_corrected_in_the_manifest_holds_in_folds_and_the_other_way_round(
    tmp_path: Path, recipe: Path, run_json: Callable[..., Any]
) -> None:
    edit(tmp_path, ("Sc/Sc_1.png\tscratches", "Sc/Sc_1.png\tpatches"))
    run_json("prepare", "-c", recipe, "-o", "data.folds=2")
    path = tmp_path / "run/fold-2/manifest.tsv"
    assert {row.path: row.label for row in manifest.read(path).rows}["Sc/Sc_1.png"] == "patches"
    path.write_text(path.read_text().replace("Sc/Sc_2.png\tscratches", "Sc/Sc_2.png\tpatches"))
    run_json("prepare", "-c", recipe)
    assert {rows(tmp_path)[f"Sc/Sc_{n}.png"].label for n in (1, 2)} == {"patches"}


def test_a_person_may_write_corrections_in_excel(tmp_path: Path, recipe: Path, run_json: Callable[..., Any]) -> None:
    edit(tmp_path, ("Sc/Sc_1.png\tscratches", "Sc/Sc_1.png\tpatches"))
    run_json("prepare", "-c", recipe)
    path = tmp_path / "run.corrections.csv"
    german = path.read_text().replace(",", ";").replace("patches", "clean").replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + german.encode())
    run_json("prepare", "-c", recipe)
    assert rows(tmp_path)["Sc/Sc_1.png"].label == "ok"  # `clean` is an alias of it


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("patches", "dents", "line 2: label 'dents' is none of"),
        ("picture,", "image,", "the first line is not picture,label,split"),
    ],
)
def test_a_bad_line_of_corrections_is_named(
    tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, named: str
) -> None:
    edit(tmp_path, ("Sc/Sc_1.png\tscratches", "Sc/Sc_1.png\tpatches"))
    assert main(["prepare", "-c", str(recipe)]) == 0
    path = tmp_path / "run.corrections.csv"
    path.write_text(path.read_text().replace(old, new))
    capsys.readouterr()
    assert main(["prepare", "-c", str(recipe)]) == 2
    assert f"{path}" in (said := capsys.readouterr().err) and named in said
