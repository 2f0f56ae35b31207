"""A labelled frame lies on one side of the split for ever: labels, records and recipes that come later move nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.trainer import said
from tests.trainer.conftest import LABELS, picture, write_folders, write_recipe
from trainer.data import manifest
from trainer.data.find_images import Found
from trainer.data.labelled import sides
from trainer.data.labelled.frames import FirstLabel


def evaluated(folder: Path) -> dict[str, bool]:
    """Whether each labelled picture is evaluated, by its name."""
    plan = manifest.read(folder / "run/manifest.tsv")
    return {Path(row.path).stem: row.split == "eval" for row in plan.rows if row.source.startswith("labelled:")}


def test_more_labels_another_recipe_and_a_second_thought_move_no_labelled_frame(
    tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    line = said.line(tmp_path / "line", 12)
    data: dict[str, Any] = {"lines": str(line), "val_share": 0.2}
    run_json("prepare", "-c", write_recipe(tmp_path, data=data))
    before = evaluated(tmp_path)
    assert 2 <= sum(before.values()) <= 15

    said.line(line, 8, first=500)
    name = next(name for name, held_out in before.items() if held_out and name.startswith("Sc"))
    said.label(line, said.frame(line, name, picture("Sc", 50_000 + 1000 + int(name.split("-")[1]))), "patches")
    write_folders(tmp_path / "data", per_class=7)
    other = data | {"root": str(tmp_path / "data"), "eval_share": 0.5, "val_share": 0.1}
    run_json("prepare", "-c", write_recipe(tmp_path, seed=99, data=other, labels=[*LABELS[::-1]]))

    after = evaluated(tmp_path)
    assert {name: after[name] for name in before} == before and len(after) == len(before) + 24
    (row,) = (row for row in manifest.read(tmp_path / "run/manifest.tsv").rows if Path(row.path).stem == name)
    assert row.label == "patches"


def test_near_copies_are_on_the_side_of_the_one_that_was_labelled_first() -> None:
    names = [f"f{number}" for number in range(400)]
    held_out = next(name for name in names if sides.drawn("a", name, 0.1) == "eval")
    learned = next(name for name in names if sides.drawn("a", name, 0.1) == "train")
    pair = [
        Found(name, "ok", None, "", first_label=FirstLabel(at, "a", name))
        for name, at in ((learned, 2.0), (held_out, 1.0))
    ]
    beside = Found("c", "ok", None, "folder")
    assert sides.of([*pair, beside], ["g", "g", "g"], 0.1) == {0: "eval", 1: "eval", 2: "eval"}
    assert sides.of([*pair, beside], ["g", "h", ""], 0.1) == {0: "train", 1: "eval"}


def test_a_group_that_a_list_names_goes_where_the_list_says() -> None:
    names = [f"f{number}" for number in range(400)]
    held_out = next(name for name in names if sides.drawn("a", name, 0.1) == "eval")
    frame = Found(held_out, "ok", None, "", first_label=FirstLabel(1.0, "a", held_out))
    assert sides.of([frame, Found("b", "ok", "train", "list")], ["g", "g"], 0.0) == {0: "train"}
    assert sides.of([frame, Found("b", "ok", "eval", "list")], ["g", "g"], 0.0) == {0: "eval"}


def test_a_fifth_of_the_frames_is_evaluated() -> None:
    drawn = [sides.drawn("mill", f"{number}.png", 0.1) for number in range(5000)]
    assert 0.18 < drawn.count("eval") / 5000 < 0.22
    assert 0.06 < drawn.count("val") / 5000 < 0.10
