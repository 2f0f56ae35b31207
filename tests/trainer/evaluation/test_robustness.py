"""eval --robustness: every fault in every strength, counted as if the faulty pictures had been evaluated themselves."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from inspector.vision import image
from trainer.cli import main
from trainer.data.manifest import read
from trainer.evaluation import robustness
from trainer.synthetic.corruptions import FAULTS, STRENGTHS

Run = Callable[..., Any]


def _eval(finished: Path, folder: Path) -> list[str]:
    folder.mkdir(exist_ok=True)
    (folder / "manifest.tsv").write_text((finished / "run/manifest.tsv").read_text())
    recipe = str(finished / "recipe.yaml")
    return ["eval", "-c", recipe, "-o", f"run_dir={folder}", "--bundle", str(finished / "run/bundle")]


def test_every_fault_is_counted_in_three_strengths_and_by_source(finished: Path, tmp_path: Path, run_json: Run) -> None:
    report = run_json(*_eval(finished, tmp_path), "--robustness")

    figures = report["robustness"]
    assert (figures["images"], figures["right_without"]) == (report["images"], report["right"])
    named = [(cell["fault"], cell["strength"]) for cell in figures["faults"]]
    assert named == [(fault.name, strength) for fault in FAULTS for strength in STRENGTHS]
    for cell in figures["faults"]:
        assert cell["images"] == figures["images"] == sum(part["images"] for part in cell["by_source"].values())
        assert cell["right"] == sum(part["right"] for part in cell["by_source"].values())
        assert cell["share_95"][0] <= cell["share"] == cell["right"] / cell["images"] <= cell["share_95"][1]


def test_a_fault_is_counted_as_if_the_faulty_pictures_lay_on_disk(
    finished: Path, tmp_path: Path, run_json: Run
) -> None:
    # Given the eval pictures under strong noise, written to a folder of their own
    strong = STRENGTHS.index("strong")
    plan = read(finished / "run/manifest.tsv")
    noise = next(fault for fault in FAULTS if fault.name == "sensor noise")
    lines = []
    for number, row in enumerate(plan.split("eval")):
        cv2.imwrite(str(tmp_path / f"{number}.png"), noise.apply(image.read(plan.root / row.path), strong, row.path))
        lines.append(f"{number}.png {row.label}\n")
    (tmp_path / "noisy.txt").write_text("".join(lines))

    # When
    suite = run_json(*_eval(finished, tmp_path), "--robustness")["robustness"]
    manifest = tmp_path / "manifest.tsv"
    manifest.write_text(manifest.read_text().replace(f"# root: {plan.root}", f"# root: {tmp_path}"))
    arguments = ["-o", f"run_dir={tmp_path}", "--bundle", finished / "run/bundle", "--list", tmp_path / "noisy.txt"]
    on_disk = run_json("eval", "-c", finished / "recipe.yaml", *arguments)

    # Then
    cell = next(cell for cell in suite["faults"] if (cell["fault"], cell["strength"]) == ("sensor noise", "strong"))
    assert (cell["right"], cell["unsure"]) == (on_disk["right"], on_disk["outcomes"]["unsure"])


def test_of_a_long_list_some_are_taken_evenly_and_of_a_short_one_all(monkeypatch: Any) -> None:
    monkeypatch.setattr(robustness, "PICTURES", 4)
    assert robustness._spread(["long"] * 9 + ["short"] * 3) == [0, 2, 4, 6, 9, 10, 11]


def test_the_suite_stands_in_the_page_and_the_pictures_and_goes_with_the_next_evaluation(
    finished: Path, tmp_path: Path, capsys: Any
) -> None:
    arguments = _eval(finished, tmp_path)
    assert main([*arguments, "--robustness"]) == 0
    folder = next(tmp_path.glob("eval-*"))  # of the bundle
    assert "motion blur, horizontal" in capsys.readouterr().out
    page = (folder / "report.html").read_text()
    assert "Faults of the line" in page and page.count("middle</figcaption>") == len(FAULTS)
    assert (folder / "robustness.png").is_file()

    assert main(arguments) == 0
    assert "robustness" not in json.loads((folder / "report.json").read_text())
    assert "Faults of the line" not in (folder / "report.html").read_text()
    assert not (folder / "robustness.png").exists()
