"""The learning loop on a running line: wrong verdicts are labelled by command, and the candidate is better."""

import json
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.fakes import ROOT, Line, running
from tests.trainer.conftest import LABELS, NEU, needs_neu, picture, tiny_recipe, write_folders, write_recipe
from tests.trainer.said import LABEL_OF
from trainer import steps
from trainer.cli import main
from trainer.recipe.recipe import Recipe

NEU_LABELS = {"Cr": "crazing", "Pa": "patches", "Ps": "pitted_surface", "Rs": "rolled-in_scale", "Sc": "scratches",
              "ln": "inclusion"}  # fmt: skip


def labelled_by_command(line: Line, truth: dict[str, str], most: int) -> int:
    """Label so many frames whose verdict is wrong while the line runs, a command a label; return how many were."""
    wrong = [one for one in line.records() if one.label != truth[one.name]]
    chosen: dict[str, list[str]] = defaultdict(list)
    for one in sorted(wrong, key=lambda record: record.name)[:: max(1, len(wrong) // most)][:most]:
        chosen[truth[one.name]].append(str(one.id))
    for label, numbers in chosen.items():
        done = line.run("label", *numbers, "--as", label, "--by", "Ann")
        assert done.returncode == 0, done.stderr
    return sum(map(len, chosen.values()))


def retrained(*arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the report of `trainer retrain` in a process of its own."""
    code = "import sys; from trainer.retrain import priority; priority.lower = lambda: None\n"
    code += "from trainer.cli import main; sys.exit(main(sys.argv[1:]))"  # other tests run beside it
    command = [sys.executable, "-c", code, "retrain", *arguments, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.slow
def test_wrong_verdicts_labelled_on_a_running_line_make_a_better_model(tmp_path: Path, weak: Path) -> None:
    # Given a running line with a weak model, and 60 frames
    settings: dict[str, Any] = {"workers": {"count": 1, "engine": "paddle"}, "evidence": {"ok_share": 1.0}}
    line = Line(tmp_path, bundle=str(weak), **settings)
    truth: dict[str, str] = {}
    line.drop.mkdir()
    for number in range(60):
        kind = ("clean", "Sc", "patches")[number % 3]
        truth[name := f"{kind}-{number}.png"] = LABEL_OF[kind]
        cv2.imwrite(str(line.drop / f".{name}"), picture(kind, 7000 + number))
        (line.drop / f".{name}").rename(line.drop / name)
    with running(line):
        line.wait_for_records(60)
        # When what it got wrong is labelled by command, and a candidate learns from that beside a few pictures
        assert labelled_by_command(line, truth, 30) >= 15
        data = {"root": str(write_folders(tmp_path / "folders", per_class=20)), "val_share": 0.2, "eval_share": 0.4}
        path = write_recipe(tmp_path, data=data, training=tiny_recipe(tmp_path)["training"] | {"epochs": 15})
        code, report = retrained("-c", str(path), "--line", str(line.data))
        # Then the line runs on, and the candidate is compared with what it decides by
        assert line.stop() == 0
    assert report["serving"]["path"].startswith(str(line.data / "models"))
    part = report["comparisons"][0]
    assert part["right"] > part["serving_right"] and (code == 0) == report["promote"]
    assert {row["source"] for row in report["new"]} >= {f"labelled:{line.data}"}
    assert len(LABELS) == len(part["per_label"])


@needs_neu
@pytest.mark.long
@pytest.mark.timeout(900)
def test_thirty_wrong_verdicts_of_300_neu_frames_make_a_better_model(tmp_path: Path) -> None:
    # Given NEU by source: what the line sees shares no photograph with what is evaluated
    labels = [{"name": name, "aliases": [alias]} for alias, name in NEU_LABELS.items()]
    whole = tiny_recipe(tmp_path, labels=labels, data={"root": str(NEU), "val_share": 0, "eval_share": 0.4})
    by_part: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in steps.prepare(
        Recipe.model_validate(whole | {"run_dir": str(tmp_path / "whole")})
    ).prepared.manifest.rows:
        by_part[row.split, row.label].append(row.path)
    few, frames, judged = (
        [path for (split, _), paths in by_part.items() if split == part for path in paths[which]]
        for part, which in (("train", slice(2)), ("train", slice(2, 52)), ("eval", slice(60)))
    )
    assert len(frames) == 300
    # and a model that has seen two pictures of each label, in service on the line
    root = tmp_path / "neu"
    root.mkdir()
    for folder in NEU_LABELS:
        (root / folder).symlink_to(NEU / folder)
    for name, paths in (("few.txt", few), ("judged.txt", judged)):
        (root / name).write_text("".join(f"{path} {path.split('/')[0]}\n" for path in paths))
    data = {"root": str(root), "train_list": "few.txt", "eval_list": "judged.txt", "val_share": 0.3}
    changes: dict[str, Any] = {"labels": labels, "data": data, "network": {"backbone": "lite0"}, "training": {},
                               "export": {"golden_per_label": 1}}  # fmt: skip
    path = str(write_recipe(tmp_path, **changes))
    for command in (["prepare"], ["fit"], ["eval"], ["export", "--force"]):
        assert main([*command, "-c", path]) == 0
    shutil.copytree(tmp_path / "run/bundle", tmp_path / "weak")
    truth = {Path(name).name: NEU_LABELS[name.split("/")[0]] for name in frames}
    line = Line(tmp_path, bundle=str(tmp_path / "weak"), workers={"count": 1, "engine": "paddle"})
    line.drop.mkdir()
    began = time.monotonic()
    with running(line):
        for name in frames:
            shutil.copy(NEU / name, line.drop / f".{Path(name).name}")
            (line.drop / f".{Path(name).name}").rename(line.drop / Path(name).name)
        line.wait_for_records(300, timeout_s=200)
        # When 30 of its wrong verdicts are labelled by command
        labelled = labelled_by_command(line, truth, 30)
        inspected = time.monotonic() - began
        code, report = retrained("-c", path, "--line", str(line.data))
        assert line.stop() == 0
    print(f"\n{labelled} labelled, line and labels {inspected:.0f} s, all {time.monotonic() - began:.0f} s")
    print(json.dumps({key: report[key] for key in ("reasons", "images", "seconds", "learning_curve")}, indent=1))
    # Then the candidate is better than the line's model, by McNemar on photographs that neither has seen
    part = report["comparisons"][0]
    assert labelled == 30 and code == 0 and part["p_value"] < 0.05 and part["gained"] > part["lost"]
    assert time.monotonic() - began < 300
