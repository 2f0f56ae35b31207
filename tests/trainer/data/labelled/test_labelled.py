"""What people said on a line becomes pictures to learn from: one label a frame, as it counts, and nothing is silent."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inspector.record.labels.label_file import LabelFile
from tests.trainer import said
from tests.trainer.conftest import picture, write_folders, write_recipe
from tests.trainer.data.test_records import record
from trainer.cli import main
from trainer.data import crop, manifest
from trainer.data.manifest import Row

WIDE = np.random.default_rng(5).integers(90, 160, (64, 320)).astype(np.uint8)
REGIONS = [
    {"x": 10, "y": 10, "width": 20, "height": 20, "label": "patches"},
    {"x": 200, "y": 10, "width": 20, "height": 20, "label": "patches"},
]


def rows(folder: Path) -> dict[str, Row]:
    """The rows of the manifest, by path."""
    return {row.path: row for row in manifest.read(folder / "run/manifest.tsv").rows}


def labels(folder: Path) -> dict[str, str]:
    """The label of each picture that people labelled, by the name of its frame."""
    return {Path(path).stem: row.label for path, row in rows(folder).items() if row.source.startswith("labelled:")}


def shown(folder: Path, stem: str) -> list[tuple[str, crop.Box | None]]:
    """The label and the rectangle of each view of a frame, from left to right."""
    found = [(row.label, crop.parts(path)[1]) for path, row in rows(folder).items() if Path(path).stem == stem]
    return sorted(found, key=lambda one: one[1] or crop.Box(0, 0, 0, 0))


def recipe(folder: Path, **data: Any) -> Path:
    """A recipe that learns from what people labelled on folder/line, and nothing else."""
    return write_recipe(folder, data={"lines": str(folder / "line"), "val_share": 0.2} | data)


def test_labels_alone_are_enough_and_the_manifest_names_the_line(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    said.line(tmp_path / "line")
    prepared = run_json("prepare", "-c", recipe(tmp_path))

    assert sum(prepared["images"].values()) == 30 and prepared["notes"] == []
    found = rows(tmp_path)
    assert {row.source for row in found.values()} == {f"labelled:{tmp_path / 'line'}"}
    assert all(Path(path).is_file() for path in found)
    assert labels(tmp_path)["Sc-3"] == "scratches" and labels(tmp_path)["clean-0"] == "ok"


def test_labels_of_several_lines_go_with_folders_and_records(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    write_folders(tmp_path / "data", per_class=10)
    said.line(tmp_path / "one", 4)
    said.line(tmp_path / "two", 4, first=100)
    cv2.imwrite(str(tmp_path / "data/loose.png"), picture("Sc", 77))
    one = tmp_path / "one/labels/pictures/2026-11-24/drop/Sc-1.bmp"
    lines = record("loose.png", label="patches", source="drop", frame="loose")
    lines += record("Sc-1.png", label="patches", source="drop", frame="Sc-1", evidence=str(one))
    (tmp_path / "a.jsonl").write_text(lines)
    data = {"root": str(tmp_path / "data"), "records": str(tmp_path / "a.jsonl"), "lines": [str(tmp_path / "one")]}
    prepared = run_json("prepare", "-c", write_recipe(tmp_path, data=data), "--line", tmp_path / "two")

    assert sum(prepared["images"].values()) == 30 + 24 + 1
    assert labels(tmp_path)["Sc-1"] == "scratches" and len(labels(tmp_path)) == 24
    assert "1 records are of frames that people labelled: what they said holds" in prepared["notes"]


def test_a_line_on_the_command_line_needs_no_data_in_the_recipe(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    said.line(tmp_path / "line", 5)
    path = write_recipe(tmp_path, data=None, simulated={"train_ok": 1})
    assert sum(run_json("prepare", "-c", path, "--line", tmp_path / "line")["images"].values()) == 16


def test_the_label_that_counts_is_learned_and_a_disputed_frame_is_left_out_and_named(
    tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    line = said.line(tmp_path / "line", 6)
    shots = {
        name: said.frame(line, name, picture("Sc", 900 + n))
        for n, name in enumerate(("second", "no", "settled", "back"))
    }
    said.label(line, shots["second"], "patches")
    said.label(line, shots["second"], "scratches")  # ann had a second thought
    for name in ("no", "settled"):
        said.label(line, shots[name], "patches")
        said.label(line, shots[name], "scratches", "bob")
    said.label(line, shots["settled"], "scratches", "eve", adjudicates=True)
    taken_back = said.label(line, shots["back"], "patches")
    with closing(LabelFile(line)) as file:
        file.undo(taken_back, "ann", 2.0)

    prepared = run_json("prepare", "-c", recipe(tmp_path))

    found = labels(tmp_path)
    assert found["second"] == found["settled"] == "scratches"
    assert "no" not in found and "back" not in found
    (note,) = prepared["notes"]
    assert note == f"{line}: 1 of 21 labelled frames left out, people disagree, and nobody has adjudicated: no.png"


def test_a_disputed_frame_is_not_learned_as_a_model_called_it(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    line = said.line(tmp_path / "line", 6)
    shot = said.frame(line, "no", picture("Sc", 900))
    said.label(line, shot, "patches")
    said.label(line, shot, "scratches", "bob")
    (tmp_path / "done").mkdir()
    cv2.imwrite(str(tmp_path / "done/no.png"), picture("Sc", 900))
    (tmp_path / "a.jsonl").write_text(record("no.png", source="drop", frame="no"))
    run_json("prepare", "-c", recipe(tmp_path, root=str(tmp_path / "done"), records=str(tmp_path / "a.jsonl")))
    assert not any("no.png" in path for path in rows(tmp_path))


def test_a_wide_frame_is_learned_by_the_regions_that_people_labelled(
    tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    line = said.line(tmp_path / "line", 6)
    one = said.frame(line, "wide", WIDE, outcome="defect", label="patches", regions=REGIONS)
    said.label(line, one, "scratches", box=(10, 10, 20, 20))
    run_json("prepare", "-c", recipe(tmp_path))
    assert shown(tmp_path, "wide") == [("scratches", crop.Box(0, 0, 64, 64))]  # of the other only a model spoke

    said.label(line, one, "ok", box=(200, 10, 20, 20))
    run_json("prepare", "-c", recipe(tmp_path))
    assert shown(tmp_path, "wide") == [("scratches", crop.Box(0, 0, 64, 64)), ("ok", crop.Box(178, 0, 64, 64))]


def test_a_wide_frame_called_ok_has_clean_regions(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    line = said.line(tmp_path / "line", 6)
    one = said.frame(line, "wide", WIDE, outcome="defect", label="patches", regions=REGIONS)
    said.label(line, one, "ok")
    run_json("prepare", "-c", recipe(tmp_path))
    found = shown(tmp_path, "wide")
    assert {label for label, _ in found} == {"ok"}
    assert {box.x for _, box in found if box} >= {0, 178}


def test_of_a_wide_frame_whose_defect_nobody_placed_nothing_is_learned(
    tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    line = said.line(tmp_path / "line", 6)
    said.label(line, said.frame(line, "wide", WIDE), "scratches")
    (note,) = run_json("prepare", "-c", recipe(tmp_path))["notes"]
    assert "1 of 19 labelled frames left out" in note and "nobody labelled where the defect is (--region)" in note


def test_a_frame_of_one_view_is_clean_only_when_all_its_regions_are_labelled_ok(
    tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    line = said.line(tmp_path / "line", 6)
    two = [{**REGIONS[0], "x": 5}, {**REGIONS[0], "x": 25}]
    half, whole = (said.frame(line, name, picture("clean", n), regions=two) for n, name in enumerate(("half", "whole")))
    said.label(line, half, "ok", box=(5, 10, 20, 20))
    for x in (5, 25):
        said.label(line, whole, "ok", box=(x, 10, 20, 20))
    (note,) = run_json("prepare", "-c", recipe(tmp_path))["notes"]
    assert labels(tmp_path)["whole"] == "ok" and "half" not in labels(tmp_path)
    assert "only some of its regions are labelled; label the whole frame: half.png" in note


def test_pictures_that_were_not_kept_or_are_gone_are_named(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    line = said.line(tmp_path / "line", 6)
    said.label(line, said.frame(line, "never", picture("Sc", 1), keep=False), "scratches")
    said.label(line, said.frame(line, "gone", picture("Sc", 2)), "scratches")
    (line / "labels/pictures/2026-11-24/drop/gone.bmp").unlink()
    notes = run_json("prepare", "-c", recipe(tmp_path))["notes"]
    assert notes == [
        f"{line}: 1 of 20 labelled frames left out, no picture was kept when it was labelled: never.png",
        f"{line}: 1 of 20 labelled frames left out, the kept picture is gone: gone.png",
    ]


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What a refused `trainer prepare` says."""
    assert main(["prepare", "-c", str(path)]) == 2
    return capsys.readouterr().err


def test_a_label_that_the_recipe_does_not_know_is_named_with_what_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = said.line(tmp_path / "line", 3)
    for number in range(2):
        said.label(line, said.frame(line, f"d{number}", picture("Sc", number)), "dent")
    error = refused(recipe(tmp_path), capsys)
    assert "no label or alias of the recipe: 'dent' (2); add to its labels `- {name: dent, severity: major}`" in error
    assert "among the aliases of the label that it belongs to (ok, patches, scratches)" in error


def test_ok_is_unknown_where_the_recipe_has_no_clean_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said.line(tmp_path / "line", 3)
    defects = [{"name": "scratches"}, {"name": "patches"}]
    path = write_recipe(tmp_path, labels=defects, data={"lines": str(tmp_path / "line")})
    assert "'ok' (3); add to its labels `- {name: ok, kind: ok, severity: none}`" in refused(path, capsys)


def test_a_label_file_that_someone_edited_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = said.line(tmp_path / "line", 3)
    with closing(sqlite3.connect(line / "labels/labels.sqlite")) as db, db:
        db.execute("DROP TRIGGER labels_never_change")
        db.execute("UPDATE labels SET label = 'ok' WHERE id = 5")
    assert "labels.sqlite: label 5 was changed by hand; restore the file from a backup" in refused(
        recipe(tmp_path), capsys
    )


def test_a_label_file_of_a_newer_version_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = said.line(tmp_path / "line", 3)
    with closing(sqlite3.connect(line / "labels/labels.sqlite")) as db, db:
        db.execute("PRAGMA user_version = 99")
    error = refused(recipe(tmp_path), capsys)
    assert "labels.sqlite" in error and "newer" in error


def test_a_folder_that_is_no_line_s_or_has_no_labels_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "line: no such folder; data.lines names the `data` folder of a line" in refused(recipe(tmp_path), capsys)
    write_folders(tmp_path / "data", per_class=5)
    (tmp_path / "line").mkdir()
    path = recipe(tmp_path, root=str(tmp_path / "data"))
    capsys.readouterr()
    assert main(["prepare", "-c", str(path)]) == 0
    assert "line: nobody has labelled a frame of this line yet" in capsys.readouterr().err


def test_a_line_that_may_only_be_read_is_learned_from_and_left_as_it_is(
    tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    line = said.line(tmp_path / "line", 5)
    before = {path: path.read_bytes() for path in line.rglob("*") if path.is_file()}
    with closing(LabelFile(line)):  # someone labels meanwhile
        assert sum(run_json("prepare", "-c", recipe(tmp_path))["images"].values()) == 15
    assert {path: path.read_bytes() for path in line.rglob("*") if path.is_file()} == before


def test_nothing_is_evaluated_by_a_model_s_own_answer_where_people_spoke(
    tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    said.line(tmp_path / "line", 10)
    (tmp_path / "done").mkdir()
    for number in range(40):
        cv2.imwrite(str(tmp_path / f"done/{number}.png"), picture("Sc", number))
    again = tmp_path / "line/labels/pictures/2026-11-24/drop"
    run_json("prepare", "-c", recipe(tmp_path))
    held_out = [Path(path).stem for path, row in rows(tmp_path).items() if row.split == "eval"]
    shutil.copy(again / f"{held_out[0]}.bmp", tmp_path / "done/copy.bmp")  # recorded once more, under another name
    text = "".join(
        record(f"{number}.png", source="drop", frame=f"r{number}", label="scratches") for number in range(40)
    )
    (tmp_path / "a.jsonl").write_text(text + record("copy.bmp", source="drop", frame="copy", label="patches"))

    prepared = run_json(
        "prepare", "-c", recipe(tmp_path, root=str(tmp_path / "done"), records=str(tmp_path / "a.jsonl"))
    )

    found = rows(tmp_path)
    assert {row.source for row in found.values() if row.split == "eval"} == {f"labelled:{tmp_path / 'line'}"}
    assert sum(row.source == "recorded:a.jsonl" for row in found.values()) >= 32 and "copy.bmp" not in found
    assert "are left out: their labels are an earlier model's own answer" in " ".join(prepared["notes"])
