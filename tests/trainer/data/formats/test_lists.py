"""Lists as people have them: separators, quotes, and paths that start somewhere else. Pictures are found or named."""

import csv
from pathlib import Path

import pytest

from tests.trainer.conftest import tiny_recipe, write_folders
from trainer.data.formats.lines import table
from trainer.data.manifest import DataError
from trainer.data.prepare import Prepared, prepare
from trainer.recipe.recipe import Recipe

KINDS = ("clean", "Sc", "patches")
NAMES = [f"{kind}/{kind}_{n}.png" for kind in KINDS for n in range(6)]
LABELS = [str(number) for number in range(3) for _ in range(6)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_folders(tmp_path / "data", per_class=6)


def prepared(root: Path, lines: list[str], label_file: str = "0 clean\n1 Sc\n2 patches\n") -> Prepared:
    """Prepare a list of these lines."""
    (root / "train.txt").write_bytes("".join(lines).encode())
    (root / "labels.txt").write_text(label_file)
    data = {"root": str(root), "train_list": "train.txt", "label_file": "labels.txt"}
    return prepare(Recipe.model_validate(tiny_recipe(root.parent, data=data)))


def paths(result: Prepared) -> list[str]:
    return [row.path for row in result.manifest.rows]


@pytest.mark.parametrize(
    "form",
    ["{} {}\n", "{}\t{}\n", "{}   {}\r\n", "{} \t {}\n", '"{}" {}\n', '"{}"\t"{}"\n', "'{}' '{}'\n", '"{} {}"\n',
     "{},{}\n", '"{}","{}"\r\n', "{}; {}\n", "  {} {}  \n\n"],
)  # fmt: skip
def test_separators_and_quotes_are_understood(root: Path, form: str) -> None:
    result = prepared(root, [form.format(*line) for line in zip(NAMES, LABELS, strict=True)])
    assert paths(result) == NAMES
    assert [row.label for row in result.manifest.rows][::6] == ["ok", "scratches", "patches"]
    assert result.notes == ()


def test_a_byte_order_mark_is_no_part_of_the_first_path(root: Path) -> None:
    lines = [f"{name} {label}\n" for name, label in zip(NAMES, LABELS, strict=True)]
    assert paths(prepared(root, ["\ufeff", *lines], "\ufeff0\tclean\n1\t'Sc'\n2\tpatches\n")) == NAMES


@pytest.mark.parametrize("line", ["Sc/Sc_0.png|1\n", "Sc/Sc_0.png:1\n", "Sc/Sc_0.png\n", '"Sc/Sc_0.png\n'])
def test_another_separator_is_named_with_the_line(root: Path, line: str) -> None:
    with pytest.raises(DataError, match=r"train\.txt, line 2: `path label` is expected, a blank or tab between"):
        prepared(root, ["clean/clean_0.png 0\n", line])


@pytest.mark.parametrize(
    ("prefix", "flat"),
    [
        ("dataset/NEU-CLS/", False),
        ("/home/someone/strip/", False),
        ("C:\\data\\", False),
        ("dataset/images/", True),
        ("", True),
    ],
)
def test_a_wrong_prefix_is_seen_by_looking_which_files_are_there(root: Path, prefix: str, flat: bool) -> None:
    written = [prefix + (name.rpartition("/")[2] if flat else name) for name in NAMES]
    if "\\" in prefix:
        written = [name.replace("/", "\\") for name in written]

    result = prepared(root, [f"{name} {label}\n" for name, label in zip(written, LABELS, strict=True)])

    assert paths(result) == NAMES
    assert len(result.notes) == 1
    assert f"train.txt: {written[0]} is looked for as {NAMES[0]}, and so on" in result.notes[0]


def test_a_folder_that_all_paths_lack_is_found(root: Path) -> None:
    (root / "images").mkdir()
    for kind in KINDS:
        (root / kind).rename(root / "images" / kind)

    result = prepared(root, [f"{name} {label}\n" for name, label in zip(NAMES, LABELS, strict=True)])

    assert paths(result) == [f"images/{name}" for name in NAMES]
    assert len(result.notes) == 1


def test_a_picture_missing_from_an_otherwise_right_list_is_named_with_its_line(root: Path) -> None:
    (root / "Sc/Sc_1.png").unlink()
    result = prepared(root, [f"{name} {label}\n" for name, label in zip(NAMES, LABELS, strict=True)])
    assert [(skip.path, skip.reason) for skip in result.skipped] == [
        ("Sc/Sc_1.png", "train.txt, line 8: No such file or directory")
    ]
    assert result.notes == ()


def test_a_short_list_takes_nothing_from_what_other_readers_of_csv_may_read() -> None:
    before = csv.field_size_limit()
    assert list(table("a,b\n")) == [(1, ["a", "b"])]
    assert csv.field_size_limit() == before
