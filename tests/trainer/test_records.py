"""Records of the inspector as pictures to learn from: a real line's export, and what cannot be used of one."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.fakes import LABELS, Line, running
from trainer import manifest
from trainer.cli import main

from .conftest import picture, write_recipe


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
    assert Counter(row.source for row in rows) == {"defects.jsonl": 39}
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
    lines += record("wide.png", width=4096, height=512)

    prepared = run_json("prepare", *options(tmp_path, lines))

    assert {row.path for row in manifest.read(tmp_path / "run/manifest.tsv").rows} == {f"{n}.png" for n in range(12)}
    assert prepared["notes"] == [
        "defects.jsonl: 3 of 16 left out, the name came more than once: twice.png, twice.png, again.png",
        "defects.jsonl: 1 of 16 left out, larger than export.view_px, 64: wide.png",
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


def test_records_and_lists_together_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = {"root": str(tmp_path), "records": "a.jsonl", "train_list": "train.txt"}
    assert main(["prepare", "-c", str(write_recipe(tmp_path, data=data))]) == 2
    assert "records and train_list each say what to learn: set one of them" in capsys.readouterr().err
