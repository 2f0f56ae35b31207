"""Records of the inspector as pictures to learn from: a real line's export, and what cannot be used of one."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.fakes import LABELS, Line, running
from tests.trainer.conftest import picture, write_recipe
from trainer.cli import main
from trainer.data import crop, manifest


def record(name: str, **changes: Any) -> str:
    """A line as `inspector defects --json` prints it, of what prepare reads."""
    return json.dumps({"name": name, "outcome": "ok", "label": "ok", "width": 48, "height": 48} | changes) + "\n"


def options(folder: Path, lines: str) -> list[str]:
    """A recipe on these records, whose pictures are in folder/done."""
    (folder / "defects.jsonl").write_text(lines)
    data = {"root": str(folder / "done"), "records": str(folder / "defects.jsonl"), "val_share": 0.1, "eval_share": 0.2}
    return ["-c", str(write_recipe(folder, data=data))]


def drop(folder: Path, *names: str, side: int = 48) -> None:
    """Pictures under these names."""
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f".{Path(name).name}"), picture(("ok", "Sc", "patches")[seed % 3], seed, side))
        (folder / f".{Path(name).name}").rename(folder / name)


def test_what_a_line_recorded_becomes_a_manifest_with_the_labels_it_gave(
    tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    line = Line(tmp_path)
    names = [f"{'coil-7/' if number % 2 else ''}{number}.png" for number in range(40)]
    drop(line.drop, *names)
    (line.drop / "broken.png").write_bytes(b"not a picture")
    with running(line):
        line.wait_for_records(41)
        assert line.stop() == 0
    export = line.run("defects", "--verdict", "all", "--json").stdout
    records = [json.loads(text) for text in export.splitlines()]
    given = {one["name"]: one["label"] for one in records}
    kept = {one["name"]: one["evidence"] for one in records if one["evidence"]}
    (line.drop / "done" / names[3]).unlink()  # someone took a picture away
    Path(kept.get(names[3], "/none")).unlink(missing_ok=True)  # and the evidence of it went by its budget
    second = next(name for name in kept if name != names[3])
    (line.drop / "done" / second).unlink()  # of this one the evidence is left
    labels = [{"name": label} for label in LABELS if label in given.values()]

    recipe = options(tmp_path, export)
    write_recipe(tmp_path, labels=labels, data={"root": str(line.drop / "done"), "eval_share": 0.2,
                                                "records": str(tmp_path / "defects.jsonl")})  # fmt: skip
    prepared = run_json("prepare", *recipe)

    rows = manifest.read(tmp_path / "run/manifest.tsv").rows
    assert {row.path: row.label for row in rows} == {
        kept[name] if name == second else name: given[name] for name in names if name != names[3]
    }
    assert Counter(row.source for row in rows) == {"recorded:defects.jsonl": 39}
    assert [skip["path"] for skip in prepared["skipped"]] == [names[3]]
    assert "No such file or directory" in prepared["skipped"][0]["reason"]
    assert prepared["notes"] == ["defects.jsonl: 1 of 41 left out, not inspected or without a label: broken.png"]


def test_frames_whose_label_or_file_is_in_doubt_are_left_out_and_named(
    tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    drop(tmp_path / "done", *(f"{number}.png" for number in range(12)), "twice.png", "again.png", "again.2.png")
    labels = ("ok", "scratches", "patches")
    lines = "".join(record(f"{number}.png", label=labels[number % 3], outcome="unsure") for number in range(12))
    lines += record("twice.png") + record("twice.png", label="patches") + record("again.png")
    lines += record("wide.png", width=4096, height=512, outcome="unsure")

    prepared = run_json("prepare", *options(tmp_path, lines))

    assert {row.path for row in manifest.read(tmp_path / "run/manifest.tsv").rows} == {f"{n}.png" for n in range(12)}
    assert prepared["notes"] == [
        "defects.jsonl: 3 of 16 left out, the name came more than once: twice.png, twice.png, again.png",
        "defects.jsonl: 1 of 16 left out, larger than export.view_px, 64, and unsure as a whole: wide.png",
    ]


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (record("a.png") + "a.png ok\n", "defects.jsonl, line 2: no record as `inspector defects --json` prints it"),
        ('{"name": "a.png"}\n', "defects.jsonl, line 1: no record as `inspector defects --json` prints it: outcome: "),
        (record("a.png", label="dent"), "defects.jsonl, line 1: 'dent' is no label or alias of the recipe"),
        (record("a.png", outcome="error", label=""), "label 'ok' has no training image"),
    ],
)
def test_records_that_cannot_be_used_are_one_message_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: str, named: str
) -> None:
    (tmp_path / "done").mkdir()
    assert main(["prepare", *options(tmp_path, lines)]) == 2
    assert named in capsys.readouterr().err


def test_an_export_that_is_not_there_names_the_command_that_makes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {"root": str(tmp_path), "records": str(tmp_path / "none.jsonl")}
    assert main(["prepare", "-c", str(write_recipe(tmp_path, data=data))]) == 2
    assert "`inspector defects --verdict all --json` prints it" in capsys.readouterr().err


def wide(folder: Path, *names: str) -> None:
    """Frames of 256 x 64, no two alike, bright from 192 px on."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        pixels = np.concatenate([picture("ok", 7000 + 10 * seed + part, 64) for part in range(4)], axis=1)
        pixels[:, 192:] //= 2
        cv2.imwrite(str(folder / name), pixels)


def part(x: int, width: int, label: str) -> dict[str, Any]:
    """A region or a doubt."""
    return {"x": x, "y": 0, "width": width, "height": 64, "label": label, "score": 0.7}


def test_wide_frames_become_views_at_regions_doubts_and_clean_places(
    tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    names = [f"{number}.png" for number in range(6)]
    wide(tmp_path / "done", *names)
    size = {"width": 256, "height": 64}
    lines = "".join(record(name, outcome="defect", label="scratches", regions=[part(192, 64, "scratches")],
                           doubts=[part(64, 64, "patches")], **size) for name in names[:4])  # fmt: skip
    lines += record(names[4], area=[64, 0, 192, 64], **size)
    lines += record(names[5], outcome="unsure", doubts=[part(0, 64, "patches"), part(64, 64, "")], **size)

    prepared = run_json("prepare", *options(tmp_path, lines))

    rows = {row.path: row for row in manifest.read(tmp_path / "run/manifest.tsv").rows}
    assert {path: row.label for path, row in rows.items() if path.endswith(":0.png")} == {
        "crop:192,0,64,64:0.png": "scratches", "crop:64,0,64,64:0.png": "patches",
        "crop:0,0,64,64:0.png": "ok", "crop:128,0,64,64:0.png": "ok",
    }  # fmt: skip
    assert {path for path in rows if path.endswith(":4.png")} == {"crop:64,0,64,64:4.png", "crop:128,0,64,64:4.png"}
    assert {path: row.label for path, row in rows.items() if path.endswith(":5.png")} == {
        "crop:0,0,64,64:5.png": "patches", "crop:128,0,64,64:5.png": "ok",
    }  # fmt: skip
    assert prepared["notes"] == ["defects.jsonl: 20 views of 64 px cut out of frames larger than export.view_px"]
    assert prepared["sizes"] == {"64x64": 20}
    for frame in names:  # one frame is on one side
        assert len({row.split for path, row in rows.items() if path.endswith(f":{frame}")}) == 1


def test_what_a_line_recorded_of_wide_frames_can_be_learned_from(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    line = Line(tmp_path)
    line.drop.mkdir(parents=True, exist_ok=True)
    for seed in range(6):
        halves = [picture(kind, 50 + 2 * seed + n, 200) for n, kind in enumerate(("ok", "patches", "ok"))]
        cv2.imwrite(str(line.drop / f".{seed}.png"), np.concatenate(halves, axis=1))
        (line.drop / f".{seed}.png").rename(line.drop / f"{seed}.png")
    with running(line):
        line.wait_for_records(6)
        assert line.stop() == 0
    export = line.run("defects", "--verdict", "all", "--json").stdout
    records = [json.loads(text) for text in export.splitlines()]
    assert all((one["width"], one["height"]) == (600, 200) for one in records)
    said = {part["label"] for one in records for part in (*one["regions"], *one["doubts"])} | {"ok"}
    said |= {one["label"] for one in records}
    (tmp_path / "defects.jsonl").write_text(export)
    labels = [{"name": label, "kind": "ok" if label == "ok" else "defect"} for label in LABELS]
    data = {"root": str(line.drop / "done"), "records": str(tmp_path / "defects.jsonl")}
    recipe = write_recipe(tmp_path, labels=[one for one in labels if one["name"] in said], data=data,
                          export={"view_px": 200})  # fmt: skip

    assert main(["prepare", "-c", str(recipe), "-o", "data.eval_share=0", "-o", "data.val_share=0"]) == 0

    regions = {(one["name"], part["label"]) for one in records for part in one["regions"]}
    rows = manifest.read(tmp_path / "run/manifest.tsv").rows
    views = {(crop.parts(row.path)[0], row.label) for row in rows if row.label != "ok"}
    assert regions and views == regions
    assert all(crop.parts(row.path)[1][2:] == (200, 200) for row in rows)  # type: ignore[index]


def test_several_records_each_with_its_folder_and_a_list_are_taken_together(
    tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    names = [f"{number}.png" for number in range(9)]
    drop(tmp_path / "line-1/done", *names)
    for seed, name in enumerate(names):
        (tmp_path / "line-2/done").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "line-2/done" / name), picture(("ok", "Sc", "patches")[seed % 3], 300 + seed))
    labels = ("ok", "scratches", "patches")
    texts = ["".join(record(name, label=labels[seed % 3], frame=f"{line}-{name}") for seed, name in enumerate(names))
             for line in (1, 2)]  # fmt: skip
    (tmp_path / "one.jsonl").write_text(texts[0])
    (tmp_path / "two.jsonl").write_text(texts[1])
    (tmp_path / "more.jsonl").write_text(texts[0])  # exported again
    (tmp_path / "line-1/done/list.csv").write_text("image,label\n0.png,patches\n1.png,patches\n")
    files = [str(tmp_path / "one.jsonl"), {"path": str(tmp_path / "two.jsonl"), "root": str(tmp_path / "line-2/done")},
             str(tmp_path / "more.jsonl")]  # fmt: skip
    data = {"root": str(tmp_path / "line-1/done"), "train_list": "list.csv", "records": files}

    prepared = run_json("prepare", "-c", write_recipe(tmp_path, data=data))

    rows = {row.path: row for row in manifest.read(tmp_path / "run/manifest.tsv").rows}
    assert len(rows) == 18
    assert (rows["0.png"].label, rows["0.png"].source) == ("patches", "list.csv")
    assert (rows["2.png"].label, rows["2.png"].source) == ("patches", "recorded:one.jsonl")
    assert rows[str(tmp_path / "line-2/done/1.png")].label == "scratches"
    assert prepared["notes"] == [
        "9 records stand in the files more than once, and count once",
        "2 recorded pictures are in a list or class folder, too, whose label holds",
    ]


def test_class_folders_and_records_are_taken_together_and_the_folder_has_the_last_word(
    tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    drop(tmp_path / "done", *(f"{number}.png" for number in range(9)))
    for label in ("ok", "scratches", "patches"):
        drop(tmp_path / "sorted" / label, *(f"{label}-{number}.png" for number in range(3)), side=64)
    labels = ("ok", "scratches", "patches")
    lines = [record(f"{number}.png", label=labels[number % 3]) for number in range(9)]
    again = record("ok-0.png", label="patches")  # dropped once more, and someone has sorted it
    (tmp_path / "one.jsonl").write_text("".join(lines))
    (tmp_path / "two.jsonl").write_text(again)
    files = [{"path": str(tmp_path / "one.jsonl"), "root": str(tmp_path / "done")},
             {"path": str(tmp_path / "two.jsonl"), "root": str(tmp_path / "sorted/ok")}]  # fmt: skip
    data = {"root": str(tmp_path / "sorted"), "records": files, "eval_share": 0, "val_share": 0}

    prepared = run_json("prepare", "-c", write_recipe(tmp_path, data=data))

    rows = {row.path: row for row in manifest.read(tmp_path / "run/manifest.tsv").rows}
    assert len(rows) == 18
    assert rows["scratches/scratches-1.png"].label == "scratches"
    assert (rows["ok/ok-0.png"].label, rows["ok/ok-0.png"].source) == ("ok", "ok")
    assert rows[str(tmp_path / "done/4.png")].label == "scratches"
    assert "1 recorded pictures are in a list or class folder, too, whose label holds" in prepared["notes"]


def test_one_name_on_two_lines_is_two_pictures(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    drop(tmp_path / "a", "0.png", "1.png", "2.png")
    drop(tmp_path / "b", "1.png", "2.png", "0.png")
    lines = "".join(record(f"{n}.png", label=label) for n, label in enumerate(("ok", "scratches", "patches")))
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "b.jsonl").write_text(lines)
    files = [{"path": str(tmp_path / f"{name}.jsonl"), "root": str(tmp_path / name)} for name in "ab"]
    data = {"root": str(tmp_path), "records": files, "eval_share": 0, "val_share": 0}
    run_json("prepare", "-c", write_recipe(tmp_path, data=data))
    assert len(manifest.read(tmp_path / "run/manifest.tsv").rows) == 6
