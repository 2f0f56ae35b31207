"""Whether more labelling is worth it: what a quarter, half and all of the labels give, label by label."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.trainer import said
from tests.trainer.conftest import write_folders, write_recipe
from trainer.data import manifest
from trainer.retrain import learning_curve


def test_labels_that_are_new_to_the_data_are_worth_more_of(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    said.line(tmp_path / "line", 60)
    path = write_recipe(tmp_path, data={"lines": str(tmp_path / "line"), "val_share": 0.2})
    run_json("prepare", "-c", path)

    found = learning_curve.of(manifest.read(tmp_path / "run/manifest.tsv"))

    assert found["shares"] == [0.25, 0.5, 1.0] and found["labels"][-1] == 4 * found["labels"][0]
    assert found["judged_on"] == sum(row["images"] for row in found["per_label"])
    assert found["wrong"][-1] <= found["judged_on"] / 4
    assert {row["label"] for row in found["per_label"]} == {"ok", "scratches", "patches"}
    assert all(row["more"] in ("yes", "no", "unknown") and row["why"] for row in found["per_label"])


def test_a_label_with_few_pictures_that_are_called_wrongly_is_worth_more() -> None:
    assert learning_curve._worth(30, 12, [4, 3, 3]) == ("yes", "3 of 30 wrong, and only 12 are learned from")
    assert learning_curve._worth(30, 90, [9, 6, 2])[0] == "yes"
    assert learning_curve._worth(30, 90, [3, 2, 2])[0] == "no" and learning_curve._worth(30, 9, [1, 0, 0])[0] == "no"
    assert learning_curve._worth(9, 90, [3, 2, 2])[0] == "unknown"


def test_without_labels_of_people_there_is_no_curve(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    write_folders(tmp_path / "data", per_class=5)
    run_json("prepare", "-c", write_recipe(tmp_path))
    assert learning_curve.of(manifest.read(tmp_path / "run/manifest.tsv")) == {}
