"""eval --suspects: planted wrong labels come first, and no picture is judged by a copy of itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.vision.bundle import Label
from tests.trainer import lite0_reference as reference
from tests.trainer.conftest import NEU, needs_neu
from tests.trainer.networks.test_efficientnet_lite0 import needs_weights
from trainer.cli import main
from trainer.data.formats import lists
from trainer.data.manifest import DataError, Manifest, Row
from trainer.evaluation import label_errors
from trainer.networks import efficientnet_lite0


def _clusters(seed: int, per_label: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = np.repeat(np.arange(3), per_label)
    return rng.normal(0, 1, (len(targets), 8)).astype(np.float32) + 6 * np.eye(3, 8, dtype=np.float32)[targets], targets


def test_planted_wrong_labels_come_first_with_the_label_they_should_have() -> None:
    features, truth = _clusters(1)
    planted = truth.copy()
    planted[[3, 50, 100]] = [1, 2, 0]
    ranked = label_errors.rank(features, planted, [str(index) for index in range(120)], list("abc"))
    assert {found.index for found in ranked[:3]} == {3, 50, 100}
    assert all(found.called == truth[found.index] and found.score < 0.5 for found in ranked[:3])
    assert len(ranked) == 120 and ranked[-1].score > 0.9


def test_a_wrong_label_is_found_among_copies_that_all_have_it() -> None:
    """Ten crops of one photograph, all labelled wrong: whoever learns from nine of them believes the tenth."""
    features, truth = _clusters(2)
    features[:10] = features[0] + np.random.default_rng(3).normal(0, 0.01, (10, 8))
    planted = truth.copy()
    planted[:10] = 1
    groups = ["photograph"] * 10 + [str(index) for index in range(10, 120)]
    ranked = label_errors.rank(features, planted, groups, list("abc"))
    assert {found.index for found in ranked[:10]} == set(range(10))


def test_a_label_of_one_source_only_is_named() -> None:
    features, truth = _clusters(4, 10)
    groups = ["coil" if target == 2 else str(index) for index, target in enumerate(truth)]
    with pytest.raises(DataError, match="label 'c': its pictures are of one source"):
        label_errors.rank(features, truth, groups, list("abc"))


def test_the_command_ranks_the_training_pictures_and_shows_them(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_json: Callable[..., Any]
) -> None:
    # Given weights that mean nothing, which is enough to tell these pictures apart, and one wrong label
    monkeypatch.setattr(efficientnet_lite0, "imagenet", lambda: efficientnet_lite0.converted(reference.random_state(1)))
    lines = (finished / "run/manifest.tsv").read_text().splitlines()
    number = next(index for index, line in enumerate(lines) if "\tpatches\ttrain\t" in line)
    lines[number] = lines[number].replace("\tpatches\t", "\tscratches\t")
    (tmp_path / "manifest.tsv").write_text("\n".join(lines))
    recipe = ["-c", finished / "recipe.yaml", "-o", f"run_dir={tmp_path}"]

    # When
    report = run_json("eval", *recipe, "--bundle", finished / "run/bundle", "--suspects")

    # Then
    found = report["suspects"]
    assert found["images"] == sum(line.count("\t") == 4 for line in lines[1:]) - 1  # but for the header
    first = found["ranked"][0]
    assert (first["path"], first["label"], first["called"]) == (lines[number].split("\t")[0], "scratches", "patches")
    page = next(tmp_path.glob("eval*/report.html")).read_text()
    assert "Labels to look at" in page and first["path"] in page


def test_a_wrong_label_in_the_eval_part_is_found_too_and_said_to_be_there(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_json: Callable[..., Any]
) -> None:
    monkeypatch.setattr(efficientnet_lite0, "imagenet", lambda: efficientnet_lite0.converted(reference.random_state(1)))
    lines = (finished / "run/manifest.tsv").read_text().splitlines()
    number = next(index for index, line in enumerate(lines) if "\tpatches\teval\t" in line)
    lines[number] = lines[number].replace("\tpatches\t", "\tscratches\t")
    (tmp_path / "manifest.tsv").write_text("\n".join(lines))
    recipe = ["-c", finished / "recipe.yaml", "-o", f"run_dir={tmp_path}"]
    first = run_json("eval", *recipe, "--bundle", finished / "run/bundle", "--suspects")["suspects"]["ranked"][0]
    assert (first["path"], first["split"], first["called"]) == (lines[number].split("\t")[0], "eval", "patches")


def test_without_the_weights_it_is_one_message(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(efficientnet_lite0.importlib.util, "find_spec", lambda _: None)
    (tmp_path / "manifest.tsv").write_text((finished / "run/manifest.tsv").read_text())
    recipe = ["-c", str(finished / "recipe.yaml"), "-o", f"run_dir={tmp_path}"]
    assert main(["eval", *recipe, "--bundle", str(finished / "run/bundle"), "--suspects"]) == 2
    assert capsys.readouterr().err.endswith(": pip install 'strip-inspector[train]'\n")
    assert not list(tmp_path.glob("eval*"))


@needs_neu
@needs_weights
def test_most_of_the_wrong_labels_planted_in_neu_come_first(tmp_path: Path) -> None:
    # Given every fourth training picture, ten of them with another label
    ids = lists.read_label_file(
        NEU / "label_list.txt", {name: name for name in ("Cr", "Pa", "Ps", "Rs", "Sc", "ln", "In")}
    )
    entries = lists.read_list(NEU / "train.txt", {}, ids)[::4]
    names = sorted(set(ids.values()))
    rng = np.random.default_rng(11)
    planted = set(rng.choice(len(entries), 10, replace=False).tolist())
    rows = []
    for index, entry in enumerate(entries):
        others = [name for name in names if name != entry.label]
        label = str(rng.choice(others)) if index in planted else entry.label
        rows.append(Row(entry.path, label, "train", "train.txt"))
    labels = tuple(Label(name=name, kind="defect", severity="major") for name in names)

    # When
    found = label_errors.search(Manifest(NEU, labels, tuple(rows)))["ranked"]

    # Then
    wrong = {entries[index].path for index in planted}
    assert len(wrong & {row["path"] for row in found[:20]}) >= 9
