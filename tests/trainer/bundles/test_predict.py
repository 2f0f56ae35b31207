"""predict: files and folders to verdicts, each bad file an error of its own."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.trainer.conftest import picture
from trainer.cli import main
from trainer.weights import checkpoint

Run = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "a line.png"), picture("Sc", 8001))
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((64, 64), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "clean.png"), picture("clean", 8002))
    cv2.imwrite(str(tmp_path / "wide.png"), picture("clean", 8003, 300))
    (tmp_path / "text.bmp").write_text("no picture")
    return tmp_path


def test_each_file_of_a_folder_gets_one_verdict(finished: Path, folder: Path, run_json: Run) -> None:
    verdicts = run_json("predict", "-c", finished / "recipe.yaml", folder)["verdicts"]

    by_name = {Path(verdict["path"]).name: verdict for verdict in verdicts}
    assert len(verdicts) == 5
    assert by_name["a line.png"]["outcome"] == "defect"
    assert by_name["a line.png"]["label"] == "scratches"
    assert by_name["a line.png"]["severity"] == "major"
    assert by_name["clean.png"]["outcome"] == "ok"
    assert by_name["blank.png"]["outcome"] == "unsure" and "blank" in by_name["blank.png"]["reason"]
    assert by_name["text.bmp"]["outcome"] == "error" and "not an image" in by_name["text.bmp"]["reason"]
    assert by_name["wide.png"]["outcome"] == "error" and "300x300" in by_name["wide.png"]["reason"]


def test_files_can_be_named_one_by_one_and_a_bundle_needs_no_recipe(
    finished: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = str(finished / "run/bundle")
    assert main(["predict", "--bundle", bundle, str(folder / "a line.png"), str(folder / "clean.png")]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "defect" in lines[0] and "scratches" in lines[0]


def test_a_path_that_is_not_there_is_an_error(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "--bundle", str(finished / "run/bundle"), str(tmp_path / "none.png")]) == 2
    assert "none.png: no such file or folder" in capsys.readouterr().err


def test_all_three_engines_agree(finished: Path, folder: Path, run_json: Run) -> None:
    for number in range(6):
        kind = ("clean", "Sc", "patches")[number % 3]
        cv2.imwrite(str(folder / f"more-{number}.png"), picture(kind, 8100 + number))

    answers = [
        run_json("predict", "-c", finished / "recipe.yaml", "--engine", engine, folder)["verdicts"]
        for engine in ("inference", "checkpoint", "exported")
    ]

    assert len(answers[0]) == 11
    for other in answers[1:]:
        for one, same in zip(answers[0], other, strict=True):
            assert same["score"] == pytest.approx(one["score"], abs=2e-4)
            assert same | {"score": 0} == one | {"score": 0}


def test_the_training_engine_takes_any_evaluated_checkpoint(finished: Path, folder: Path, run_json: Run) -> None:
    last = finished / "run/last.npz"
    options = ["-c", finished / "recipe.yaml", "--engine", "checkpoint", "--checkpoint", last]

    assert run_json("predict", *options, folder / "a line.png")["verdicts"][0]["label"] == "scratches"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engine", "checkpoint"], "--engine checkpoint needs the recipe, -c"),
        (["--checkpoint", "last.npz"], "--checkpoint goes with --engine checkpoint"),
        (["-c", "RECIPE", "--engine", "checkpoint", "--checkpoint", "none.npz"], "none.npz: No such file"),
        (["-c", "RECIPE", "--engine", "checkpoint", "--checkpoint", "OTHER"], "run `trainer eval` on it first"),
    ],
)
def test_an_engine_without_what_it_opens_is_an_error(
    finished: Path, folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    saved = checkpoint.load(finished / "run/last.npz")
    checkpoint.save(folder / "other.npz", saved.meta.model_copy(update={"epoch": 99}), saved.weights)
    names = {"RECIPE": str(finished / "recipe.yaml"), "OTHER": str(folder / "other.npz")}
    assert main(["predict", *[names.get(option, option) for option in options], str(folder)]) == 2
    assert message in capsys.readouterr().err


def test_a_list_of_paths_is_read_from_stdin(
    finished: Path, folder: Path, run_json: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a list with an empty line, and a name that is no UTF-8
    odd = folder / "ba\udcffd.png"
    odd.write_bytes((folder / "clean.png").read_bytes())
    lines = f"{folder / 'a line.png'}\r\n\n{odd}\n"
    stdin = io.TextIOWrapper(io.BytesIO(lines.encode("utf-8", "surrogateescape")))
    monkeypatch.setattr(sys, "stdin", stdin)

    verdicts = run_json("predict", "--bundle", finished / "run/bundle", "-", folder / "text.bmp")["verdicts"]

    assert [verdict["outcome"] for verdict in verdicts] == ["defect", "ok", "error"]
    assert verdicts[1]["path"] == str(odd)


def test_drawn_pictures_show_the_picture_above_its_verdict(finished: Path, folder: Path, tmp_path: Path) -> None:
    # Given two pictures of one name, and one that cannot be read
    (folder / "other").mkdir()
    cv2.imwrite(str(folder / "other" / "a line.png"), picture("clean", 8002))
    paths = [str(folder / name) for name in ("a line.png", "other/a line.png", "text.bmp", "blank.png")]
    # When
    assert main(["predict", "--bundle", str(finished / "run/bundle"), "--draw", str(folder / "out"), *paths]) == 0
    # Then each that can be read has its picture, enlarged, above a band in its outcome's colour with words on it
    drawn = {path.name: cv2.imread(str(path)) for path in (folder / "out").iterdir()}
    assert set(drawn) == {"a line.png", "a line-2.png", "blank.png"}
    defect, fine, unsure = drawn["a line.png"], drawn["a line-2.png"], drawn["blank.png"]
    assert defect.shape == (48 * 9 + 44, 48 * 9, 3)
    assert (defect[: 48 * 9 : 9, ::9, 0] == picture("Sc", 8001)).all()
    corner = [tuple(map(int, shown[-1, 0])) for shown in (defect, fine, unsure)]
    assert corner[0][2] > 200 and corner[1][1] > 150 and corner[2][2] > 200 and len(set(corner)) == 3
    for shown in drawn.values():
        assert (shown[-44:] != shown[-1, 0]).any(), "no words on the band"
