"""Text as Windows and China write it: read where it is UTF-8, named where it is not; any label name is possible."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.trainer.bundles.test_import_model import PADDLEX, paddlex  # noqa: F401  (a fixture)
from tests.trainer.conftest import LABELS, tiny_recipe, write_folders, write_recipe
from trainer.cli import main
from trainer.data import manifest
from trainer.data.formats.label_names import label_names

KINDS = ("clean", "Sc", "patches")
CONFIG = """
ARCHITECTURE: {{name: ResNet18_vd}}
model_save_dir: "{folder}/output"
classes_num: 3
epochs: 1
TRAIN: {{batch_size: 4, file_list: "{folder}/data/train.txt", data_dir: "{folder}/data"}}
"""


@pytest.fixture
def paddleclas(tmp_path: Path) -> Path:
    """A PaddleClas config on 6 pictures a class, and its train list; the label file is the test's."""
    root = write_folders(tmp_path / "data", per_class=6)
    (root / "train.txt").write_text(
        "".join(f"{kind}/{kind}_{n}.png {label}\n" for label, kind in enumerate(KINDS) for n in range(6))
    )
    (tmp_path / "neu.yaml").write_text(CONFIG.format(folder=tmp_path))
    return tmp_path


def prepare(folder: Path, label_file: bytes) -> int:
    (folder / "data/label_list.txt").write_bytes(label_file)
    return main(["prepare", "-c", str(folder / "neu.yaml")])


def labels(folder: Path) -> list[str]:
    return [label.name for label in manifest.read(folder / "output/ResNet18_vd/manifest.tsv").labels]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_byte_order_mark_and_windows_line_ends_are_taken(paddleclas: Path, mark: str, end: str) -> None:
    text = mark + end.join(["0 clean", "1 scratches", "2 patches", ""])
    assert prepare(paddleclas, text.encode()) == 0
    assert labels(paddleclas) == ["clean", "scratches", "patches"]


@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "utf-16-le"])
def test_what_is_no_utf_8_is_named_with_the_remedy(
    paddleclas: Path, encoding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(paddleclas, "0 龟裂\n1 划痕\n2 斑块\n".encode(encoding)) == 2
    said = capsys.readouterr().err
    assert f"{paddleclas / 'data/label_list.txt'}: not UTF-8 text" in said and "save it as UTF-8" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("encoding", ["gbk", "utf-16"])
@pytest.mark.parametrize("file", ["train.txt", "labels.txt", "coils.txt", "recipe.yaml"])
def test_every_text_that_prepare_reads_has_one_reader(
    tmp_path: Path, file: str, encoding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a recipe with a list, a label file and a group file of which one is not UTF-8
    root = write_folders(tmp_path / "data", per_class=6)
    data = {"root": str(root), "train_list": "train.txt", "label_file": "labels.txt", "group_file": "coils.txt"}
    paths = [f"{kind}/{kind}_{n}.png" for kind in KINDS for n in range(6)]
    specs = [spec | {"aliases": [name]} for spec, name in zip(LABELS, ("龟裂", "划痕", "斑块"), strict=True)]
    recipe = write_recipe(tmp_path)
    texts = {
        root / "train.txt": "".join(f"{path} {'龟裂划痕斑块'[n // 6 * 2 :][:2]}\n" for n, path in enumerate(paths)),
        root / "labels.txt": "0 龟裂\n1 划痕\n2 斑块\n",
        root / "coils.txt": "".join(f"{path} 卷{n}\n" for n, path in enumerate(paths)),
        recipe: yaml.safe_dump(tiny_recipe(tmp_path, data=data, labels=specs), allow_unicode=True),
    }
    for path, text in texts.items():
        path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert main(["prepare", "-c", str(recipe)]) == 0
    wrong = next(path for path in texts if path.name == file)
    wrong.write_bytes(texts[wrong].encode(encoding))
    capsys.readouterr()

    assert main(["prepare", "-c", str(recipe)]) == 2
    said = capsys.readouterr().err
    assert str(wrong) in said and "not UTF-8 text" in said and said.count("\n") == 1


def test_names_that_are_no_label_names_become_aliases_and_are_shown(
    paddleclas: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(paddleclas, "0 rolled in scale\n1 划痕\n2 patches\n".encode()) == 0
    assert labels(paddleclas) == ["rolled_in_scale", "class_1", "patches"]
    said = capsys.readouterr()
    assert "'划痕' is class_1" in said.err
    assert "class_1 (划痕)" in said.out and "rolled_in_scale (rolled in scale)" in said.out


def test_every_name_gets_a_label_name_and_no_two_the_same() -> None:
    names = ["Kratzer grün", "a b", "a_b", "a  b", "龟裂", "划痕", "class_4", "", "x" * 100, "x" * 99, "piqûre"]
    found = label_names(names)
    assert found == ["Kratzer_grun", "a_b_2", "a_b", "a_b_3", "class_4_2", "class_5", "class_4", "class_7",
                     "x" * 64, "x" * 60 + "_2", "piqure"]  # fmt: skip


def test_an_imported_model_may_call_its_labels_what_it_likes(
    paddlex: Path,  # noqa: F811
    tmp_path: Path,
    run_json: Callable[..., Any],
) -> None:
    topk = PADDLEX["PostProcess"]["Topk"] | {"label_list": ["合格", "a b", "c", "d"]}
    (tmp_path / "labels.yml").write_text(
        yaml.safe_dump(PADDLEX | {"PostProcess": {"Topk": topk}}, allow_unicode=True), encoding="utf-8"
    )
    run_json("import", paddlex, "--yml", tmp_path / "labels.yml", "--to", tmp_path / "bundle", "--ok", "合格")
    found = yaml.safe_load((tmp_path / "bundle/bundle.json").read_text())["labels"]
    assert [(label["name"], label["kind"]) for label in found] == [
        ("class_0", "ok"), ("a_b", "defect"), ("c", "defect"), ("d", "defect"),
    ]  # fmt: skip
