"""What prepare tells of the pictures: each fault planted in the data is named, and clean data has none to name."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.trainer.conftest import picture, write_folders, write_recipe
from trainer.cli import main
from trainer.data import data_report

Run = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_folders(tmp_path / "data", per_class=12)


def test_clean_data_has_nothing_to_name_and_its_figures_add_up(tmp_path: Path, root: Path, run_json: Run) -> None:
    found = run_json("prepare", "-c", write_recipe(tmp_path))

    assert data_report.warnings(found) == []
    assert found["sizes"] == {"48x48": 36}
    for row in found["labels"]:
        assert row["train"] + row["val"] + row["eval"] == row["sources"] == 12
    for split in ("train", "val", "eval"):
        assert sum(row[split] for row in found["labels"]) == found["images"][split]
    clean, scratched, patched = found["labels"]
    assert clean["gray_mean"][1] == pytest.approx(128, abs=1)
    assert clean["contrast"][1] == pytest.approx(8, abs=0.5)
    assert scratched["gray_mean"][1] > clean["gray_mean"][1] > patched["gray_mean"][1]


def test_every_planted_fault_is_named(tmp_path: Path, root: Path, run_json: Run) -> None:
    # Given a file that is none, an exact copy under another label, a near copy, a crop, and odd pictures
    (root / "Sc/broken.png").write_bytes(b"\x89PNG")
    shutil.copy(root / "Sc/Sc_3.png", root / "patches/again.png")
    large = np.random.default_rng(5).normal(120, 20, (96, 96)).astype(np.uint8)
    cv2.imwrite(str(root / "Sc/large.png"), large)
    cv2.imwrite(str(root / "Sc/large.jpg"), large, [cv2.IMWRITE_JPEG_QUALITY, 80])
    cv2.imwrite(str(root / "Sc/piece.png"), large[20:80, 10:70].T)
    cv2.imwrite(str(root / "clean/dark.png"), np.full((48, 48), 9, np.uint8))
    cv2.imwrite(str(root / "clean/glare.png"), np.where(np.arange(48) < 20, 255, picture("clean", 77)))

    # When
    found = run_json("prepare", "-c", write_recipe(tmp_path))

    # Then
    assert [skip["path"] for skip in found["skipped"]] == ["Sc/broken.png"]
    exact, near = sorted(found["copies"], key=lambda copy: -copy["similarity"])
    assert exact == {"paths": ["Sc/Sc_3.png", "patches/again.png"], "labels": ["scratches", "patches"],
                     "similarity": 1.0}  # fmt: skip
    assert near["paths"] == ["Sc/large.jpg", "Sc/large.png"]
    assert [sorted(pair[:2]) for pair in found["overlaps"]["pairs"] if pair[3] != "as it is"] == [
        ["Sc/large.png", "Sc/piece.png"]
    ]
    assert found["overlaps"]["groups"] == {"Sc/large.jpg": 3, "Sc/Sc_3.png": 2}
    assert found["sizes"] == {"48x48": 39, "96x96": 2, "60x60": 1}
    assert found["blank"] == ["clean/dark.png"]
    assert found["clipped"] == ["clean/glare.png"]
    told = "\n".join(data_report.warnings(found))
    for words in ("1 exact copy: Sc/Sc_3.png = patches/again.png", "1 copy under two labels", "3 sizes: 48x48",
                  "1 near copy: Sc/large.jpg = Sc/large.png", "1 blank: clean/dark.png", "1 skipped"):  # fmt: skip
        assert words in told


def test_few_images_and_few_sources_are_named(tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in sorted((root / "Sc").iterdir())[1:]:
        file.unlink()
    shutil.copy(root / "Sc/Sc_0.png", root / "Sc/again.png")

    assert main(["prepare", "-c", str(write_recipe(tmp_path))]) == 0

    printed = capsys.readouterr().out
    assert "no eval images, too few sources to share out: scratches" in printed
    assert "few training images, 8 of the largest label: scratches (2)" in printed
    assert "│ scratches │ 2     │ 0   │ 0    │ 1       │" in printed


def test_each_label_has_a_contact_sheet_with_every_picture_until_it_is_full(
    tmp_path: Path, root: Path, run_json: Run
) -> None:
    for number in range(100):
        cv2.imwrite(str(root / f"clean/more_{number}.png"), picture("clean", 5000 + number, side=40 + number % 3 * 30))

    found = run_json("prepare", "-c", write_recipe(tmp_path))

    assert [Path(path).name for path in found["contact_sheets"]] == ["scratches.png", "ok.png", "patches.png"]
    twelve, full = (cv2.imread(path, cv2.IMREAD_GRAYSCALE) for path in found["contact_sheets"][:2])
    assert full.shape[0] == pytest.approx(8 * twelve.shape[0], abs=40)
    assert full.shape[1] == twelve.shape[1] <= 1300
    for place in range(12):
        assert twelve[10:90, 10 + 100 * place : 90 + 100 * place].std() > 5
    assert not list((tmp_path / "run/contact").glob(".*"))


def test_simulated_pictures_alone_need_no_sheet(tmp_path: Path, run_json: Run) -> None:
    simulated = {"train_ok": 3, "train_per_defect": 3, "eval_ok": 2, "eval_per_defect": 2}
    found = run_json("prepare", "-c", write_recipe(tmp_path, data=None, simulated=simulated))
    assert found["contact_sheets"] == []
    assert found["labels"][0] == {"label": "ok", "train": 3, "val": 0, "eval": 2, "sources": 0,
                                  "gray_mean": None, "contrast": None, "shown": "ok"}  # fmt: skip
