"""Data as people have it: Excel's tables, COCO, VOC, YOLO, Severstal's masks. Read, or the wanted form is said."""

import json
import math
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.trainer.conftest import picture, tiny_recipe, write_folders
from trainer.data.crop import Box
from trainer.data.formats import boxes, lines, rle
from trainer.data.formats.boxes import LabelledView, Mark
from trainer.data.manifest import DataError
from trainer.data.prepare import Prepared, prepare, rows_of_list
from trainer.recipe.recipe import Recipe

KINDS = ("clean", "Sc", "patches")
NAMES = [f"{kind}_{n}.png" for kind in KINDS for n in range(6)]
KIND_OF = {name: name.partition("_")[0] for name in NAMES}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """18 pictures of 48 px in one folder, whose lists say what they are."""
    folders = write_folders(tmp_path / "folders", per_class=6)
    (tmp_path / "data").mkdir()
    for path in folders.rglob("*.png"):
        path.rename(tmp_path / "data" / path.name)
    return tmp_path / "data"


def prepared(root: Path, **data: Any) -> Prepared:
    return prepare(Recipe.model_validate(tiny_recipe(root.parent, data={"root": str(root), **data})))


def labels(result: Prepared) -> dict[str, str]:
    return {row.path: row.label for row in result.manifest.rows}


RIGHT = {name: {"clean": "ok", "Sc": "scratches", "patches": "patches"}[kind] for name, kind in KIND_OF.items()}


@pytest.mark.parametrize(
    ("head", "form"),
    [
        ("image,label\n", "{path},{label}\n"),
        ("\ufeffimage;label;\r\n", "{path};{label};\r\n"),
        ("sep=;\r\nBild;Klasse\r\n", "{path};{label}\r\n"),
        ("", "{path};{label};\n"),
        ("", "{path},{label},,\n"),
        ("", "{path}\t{label}\t\n"),
        ("path label\n", "{path} {label}\n"),
        ("id,Label,width,Filename\n", "7,{label},48,{path}\n"),
        ('"Filename","Class"\r\n', '"{path}","{label}"\r\n'),
    ],
)
def test_what_excel_writes_is_read(root: Path, head: str, form: str) -> None:
    lines = [form.format(path=path, label=kind) for path, kind in KIND_OF.items()]
    (root / "list.csv").write_text(head + "".join(lines), newline="")
    assert labels(prepared(root, train_list="list.csv")) == RIGHT


def test_a_header_that_is_not_understood_is_said_to_be_perhaps_one(root: Path) -> None:
    (root / "list.csv").write_text("photo,what\n" + "".join(f"{path},{kind}\n" for path, kind in KIND_OF.items()))
    with pytest.raises(DataError, match=r"line 1: label 'what' is none of .*; a header line would be `image,label`"):
        prepared(root, train_list="list.csv")


def test_all_unknown_labels_of_a_list_are_named(root: Path) -> None:
    (root / "list.csv").write_text("image,label\nclean_0.png,dent\nclean_1.png,dent\nSc_0.png,hole\nSc_1.png,Sc\n")
    with pytest.raises(DataError, match=r"line 2: label 'dent' is none of .*; so is 'hole', line 4$"):
        prepared(root, train_list="list.csv")


def coco(sides: list[float] | None = None, **changes: Any) -> dict[str, Any]:
    """Every picture of the root, one annotation each that is not clean."""
    numbers = {"Sc": 1, "patches": 2}
    return {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(NAMES)],
        "categories": [{"id": 1, "name": "Sc"}, {"id": 2, "name": "patches"}],
        "annotations": [
            {"image_id": number, "category_id": numbers[kind]} | ({"bbox": sides} if sides else {})
            for number, kind in enumerate(KIND_OF.values())
            if kind in numbers
        ],
    } | changes


@pytest.mark.parametrize("sides", [None, [1, 1, 20.5, 30]])
def test_coco_s_pictures_have_the_labels_of_their_annotations_and_those_without_are_clean(
    root: Path, sides: list[float] | None
) -> None:
    (root / "coco.json").write_text(json.dumps(coco(sides)))
    assert labels(prepared(root, train_list="coco.json")) == RIGHT


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "coco.json: Expecting property name"),
        ("[]", "coco.json: not as COCO has it"),
        (json.dumps(coco([1, 1, 20, 20], categories=[])), "coco.json: category_id 1 of image 6 is not in `categories`"),
        (
            json.dumps(coco([1, 1, 20, 20], categories=[{"id": 1, "name": "dent"}, {"id": 2, "name": "hole"}])),
            "coco.json: labels 'dent', 'hole': none of ok",
        ),
        ("[" * 100_000 + "]" * 100_000, "coco.json: maximum recursion depth exceeded"),
        (json.dumps(coco([1, 1, math.nan, 20])), "coco.json: an annotation of image 6: no rectangle: from 1 to nan"),
        (json.dumps(coco([9, 9, -4, 20])), "coco.json: an annotation of image 6: no rectangle: from 9 to 5 across"),
        (
            json.dumps(coco([1, 1, 20, 20], categories=[{"id": 1, "name": "Sc"}, {"id": 1, "name": "patches"}])),
            "coco.json: categories: the id 1 is there twice",
        ),
        (
            json.dumps(coco([1, 1, 20, 20], images=[{"id": 6, "file_name": name} for name in NAMES])),
            "coco.json: images: the id 6 is there twice",
        ),
        (
            json.dumps(coco([1, 1, 20, 20], images=[{"id": 6, "file_name": "a\0.png"}])),
            r"'a\x00.png': no file can have this name",
        ),
        (
            json.dumps(coco([1, 1, 20, 20], images=[{"id": 6, "file_name": "a\ud800.png"}])),
            r"'a\ud800.png': no file can have this name",
        ),
    ],
)
def test_what_is_wrong_with_coco_is_named(root: Path, text: str, named: str) -> None:
    (root / "coco.json").write_text(text)
    with pytest.raises(DataError) as caught:
        prepared(root, train_list="coco.json")
    assert named in str(caught.value)


def wide(root: Path) -> None:
    """Pictures of 256 x 64 in place of those of 48: a scratch is 200 px from the left."""
    for number, name in enumerate(NAMES):
        pixels = np.concatenate([picture("clean", 9000 + 10 * number + part, 64) for part in range(4)], axis=1)
        if KIND_OF[name] == "Sc":
            pixels[:, 200:204] = 250
        cv2.imwrite(str(root / name), pixels)


def test_rectangles_in_wide_pictures_give_views_around_them_and_clean_ones_elsewhere(root: Path) -> None:
    wide(root)
    (root / "coco.json").write_text(json.dumps(coco([195, 0, 14, 64])))

    result = prepared(root, train_list="coco.json")

    found = labels(result)
    assert found["crop:170,0,64,64:Sc_1.png"] == "scratches"
    assert Counter(found.values()) == {"scratches": 6, "patches": 6, "ok": 12 + 12}
    assert all(pixels.shape == (64, 64) for pixels in result.pictures.pixels)
    views = [(row.path, row.group) for row in result.manifest.rows if row.path.endswith("Sc_1.png")]
    assert len(views) == 2 and {group for _, group in views} == {"Sc_1.png"}  # one strip is on one side of a split
    assert "coco.json: 36 views of 64 px cut out of larger pictures" in result.notes
    clean = next(row.path for row in result.manifest.rows if row.label == "ok" and row.path.endswith("Sc_1.png"))
    assert result.pictures.pixels[[row.path for row in result.manifest.rows].index(clean)].max() < 200


VOC = "<annotation><folder>x</folder><filename>{name}</filename><size><width>48</width></size>{objects}</annotation>"
OBJECT = (
    "<object><name>{kind}</name><bndbox><xmin>2</xmin><ymin>3</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object>"
)


def write_voc(folder: Path, suffix: str = "") -> None:
    folder.mkdir()
    for name, kind in KIND_OF.items():
        objects = "" if kind == "clean" else OBJECT.format(kind=kind)
        (folder / name).with_suffix(".xml").write_text(VOC.format(name=name.removesuffix(suffix), objects=objects))


@pytest.mark.parametrize("suffix", ["", ".png"])
@pytest.mark.parametrize("listed", [True, False])
def test_voc_s_folders_are_read_named_or_not(root: Path, listed: bool, suffix: str) -> None:
    (root / "JPEGImages").mkdir()
    for name in NAMES:
        (root / name).rename(root / "JPEGImages" / name)
    write_voc(root / "Annotations", suffix)
    found = labels(prepared(root, **({"train_list": "Annotations"} if listed else {})))
    assert found == {f"JPEGImages/{name}": label for name, label in RIGHT.items()}


def test_a_broken_voc_file_is_named(root: Path) -> None:
    write_voc(root / "Annotations")
    (root / "Annotations/Sc_1.xml").write_text("<annotation><object><name>Sc</name></object></annotation>")
    with pytest.raises(DataError, match=r"Sc_1\.xml: object 'Sc': a bndbox with xmin"):
        prepared(root)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('<?xml version="1.0" encoding="nonsense"?><annotation/>', "not XML as Pascal VOC has it: unknown encoding"),
        (VOC.format(name="Sc_1", objects=OBJECT.format(kind="Sc")).replace("<xmin>", "<xmin>1e"), "no rectangle: from"),
    ],
)
def test_a_hostile_voc_file_is_named(root: Path, text: str, named: str) -> None:
    write_voc(root / "Annotations")
    (root / "Annotations/Sc_1.xml").write_text(text)
    with pytest.raises(DataError, match=rf"Sc_1\.xml: .*{named}"):
        prepared(root)


def write_yolo(root: Path, part: str, names: list[str]) -> None:
    (root / "images" / part).mkdir(parents=True)
    (root / "labels" / part).mkdir(parents=True)
    for name in names:
        (root / name).rename(root / "images" / part / name)
        kind = KIND_OF[name]
        if kind != "clean":
            text = f"{['Sc', 'patches'].index(kind)} 0.5 0.5 0.4 0.4\n"
            (root / "labels" / part / name).with_suffix(".txt").write_text(text)


@pytest.mark.parametrize("listed", [True, False])
def test_yolo_s_data_yaml_is_read_with_its_parts(root: Path, listed: bool) -> None:
    write_yolo(root, "train", [name for name in NAMES if not name.endswith("5.png")])
    write_yolo(root, "val", [name for name in NAMES if name.endswith("5.png")])
    (root / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: {0: Sc, 1: patches}\n")
    if listed:
        rows = rows_of_list(Recipe.model_validate(tiny_recipe(root.parent)), root / "data.yaml")
        assert {row.path.rpartition("/")[2]: row.label for row in rows} == RIGHT
        return
    result = prepared(root)
    assert {path.rpartition("/")[2]: label for path, label in labels(result).items()} == RIGHT
    assert {row.path for row in result.manifest.split("eval")} == {f"images/val/{kind}_5.png" for kind in KINDS}


def test_yolo_s_classes_txt_is_enough(root: Path) -> None:
    write_yolo(root, "", NAMES)
    for name in NAMES:
        (root / "labels" / name).with_suffix(".txt").touch()
    (root / "labels/classes.txt").write_text("Sc\npatches\n")
    assert {path.rpartition("/")[2]: label for path, label in labels(prepared(root)).items()} == RIGHT
    (root / "labels/Sc_1.txt").write_text("5 0.5 0.5 0.4 0.4\n")
    with pytest.raises(DataError, match=r"Sc_1\.txt, line 1: `class x y width height` is expected, class 0 to 1"):
        prepared(root)


@pytest.mark.parametrize("place", ["-1", "1_0"])
def test_a_class_of_yolo_that_is_no_place_in_the_list_is_not_counted_from_its_end(root: Path, place: str) -> None:
    write_yolo(root, "", NAMES)
    (root / "labels/classes.txt").write_text("Sc\npatches\n" * 6)
    (root / "labels/Sc_1.txt").write_text(f"{place} 0.5 0.5 0.4 0.4\n")
    with pytest.raises(DataError, match=r"Sc_1\.txt, line 1: `class x y width height` is expected"):
        prepared(root)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("names: [Sc, patches]\ntrain: 5\n", "5: no such folder or list"),
        ("names: " + "[" * 3000 + "]" * 3000, "too deeply nested"),
        ("names: [Sc, patches]\ntrain: images\nnames: [patches, Sc]\n", "'names' is there twice in line 3"),
    ],
)
def test_a_data_yaml_that_is_not_meant_so_is_named(root: Path, text: str, named: str) -> None:
    (root / "data.yaml").write_text(text)
    with pytest.raises(DataError, match=rf"data\.yaml: {named}"):
        prepared(root, train_list="data.yaml")


@pytest.mark.parametrize("run", ["5 9223372036854775805", f"{2**80} 1"])
def test_a_run_longer_than_any_number_is_no_mask_of_nothing(root: Path, run: str) -> None:
    (root / "train.csv").write_text(f"ImageId,ClassId,EncodedPixels\nSc_1.png,Sc,1 2\nSc_2.png,Sc,{run}\n")
    with pytest.raises(DataError, match=r"train\.csv, line 3: "):
        prepared(root, train_list="train.csv")


def test_a_mask_may_be_long() -> None:
    ((_, cells),) = lines.table("Sc_1.png,Sc," + "1 20 " * 100_000)
    assert len(cells) == 3


def test_quotes_that_are_never_closed_do_not_swallow_the_rest_of_a_table(root: Path) -> None:
    rows = [f"{name},{KIND_OF[name]}" for name in NAMES]
    rows[4] = f'"{rows[4]}'
    (root / "train.csv").write_text("image,label\n" + "\n".join(rows))
    with pytest.raises(DataError, match=r"train\.csv: line 6: quotes are opened and not closed"):
        prepared(root, train_list="train.csv")


@pytest.mark.parametrize("head", ["ImageId,ClassId,EncodedPixels", "ImageId_ClassId,EncodedPixels"])
def test_severstal_s_masks_are_read(root: Path, head: str) -> None:
    wide(root)
    between = "_" if "_" in head else ","
    first = 200 * 64 + 11  # the column of the scratch, 10 px down
    lines = [f"{name}{between}{number},{f'{first} 20 {first + 64} 20' if KIND_OF[name] == kind else ''}\n"
             for name in NAMES for number, kind in ((1, "Sc"), (2, "patches"))]  # fmt: skip
    (root / "train.csv").write_text(head + "\n" + "".join(lines))
    (root / "names.txt").write_text("1 Sc\n2 patches\n")

    found = labels(prepared(root, train_list="train.csv", label_file="names.txt"))

    assert found["crop:169,0,64,64:Sc_3.png"] == "scratches"
    assert Counter(found.values()) == {"scratches": 6, "patches": 6, "ok": 24}


def test_a_run_that_leaves_the_picture_is_named_with_its_line(root: Path) -> None:
    (root / "train.csv").write_text("ImageId,ClassId,EncodedPixels\nSc_1.png,Sc,1 2\nSc_2.png,Sc,2300 20\n")
    with pytest.raises(DataError, match=r"train\.csv, line 3: a run ends at 2319: the picture has 48 x 48 pixels"):
        prepared(root, train_list="train.csv")


def test_masks_count_down_the_columns_and_each_part_has_its_rectangle() -> None:
    assert rle.boxes("1 2 9 2", 4, 8) == [Box(0, 0, 2, 2)]
    assert sorted(rle.boxes("8 1 25 8", 4, 8)) == [Box(0, 7, 1, 1), Box(3, 0, 1, 8)]
    assert rle.boxes("", 4, 8) == []
    for wrong in ("1", "0 3", "1 0", "a b", "30 9"):
        with pytest.raises(ValueError):
            rle.boxes(wrong, 4, 8)


def test_views_lie_in_the_picture_around_what_is_marked_and_clean_ones_beside_it() -> None:
    def found(*marks: Mark, clean: str | None = None, **more: Any) -> list[LabelledView]:
        return boxes.views(1000, 200, marks, 200, clean, **more)

    assert found(Mark("a", Box(0, 0, 10, 10))) == [LabelledView("a", Box(0, 0, 200, 200))]
    assert found(Mark("a", Box(990, 150, 60, 90))) == [LabelledView("a", Box(800, 0, 200, 200))]
    long = found(Mark("a", Box(100, 50, 700, 20)))
    assert [view.box for view in long if view.box] == [Box(x, 0, 200, 200) for x in (100, 267, 433, 600)]
    assert found(Mark("a", Box(500, 0, 20, 20)), Mark("a", Box(520, 0, 20, 20))) == [
        LabelledView("a", Box(410, 0, 200, 200))
    ]
    both = found(Mark("a", Box(500, 0, 20, 20)), Mark("b", Box(480, 0, 100, 100)))
    assert both == [LabelledView("b", Box(430, 0, 200, 200))]
    clean = found(Mark("a", Box(500, 0, 20, 20)), clean="ok", doubtful=[Box(0, 0, 390, 200)])
    assert clean == [LabelledView("a", Box(410, 0, 200, 200)), LabelledView("ok", Box(600, 0, 200, 200))]
    assert found(clean="ok", area=Box(300, 0, 450, 200)) == [
        LabelledView("ok", Box(x, 0, 200, 200)) for x in (300, 425)
    ]
    assert boxes.views(200, 150, [Mark("a", Box(0, 0, 9, 9))], 200, "ok") == [LabelledView("a", None)]
    for marks, clean_label in (([], None), ([Mark("a", Box(0, 0, 9, 9)), Mark("b", None)], "ok")):
        with pytest.raises(boxes.Unusable):
            boxes.views(1000, 200, marks, 200, clean_label)


def test_a_list_in_an_archive_is_read(root: Path) -> None:
    (root / "coco.json").write_text(json.dumps(coco([1, 1, 20, 20])))
    shutil.make_archive(str(root.parent / "packed"), "zip", root)
    result = prepared(root.parent / "packed.zip", train_list="coco.json")
    assert labels(result) == RIGHT
