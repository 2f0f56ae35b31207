"""Owns reading COCO's JSON: images, annotations with boxes or without, categories."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from trainer.data.crop import Box
from trainer.data.formats import lines
from trainer.data.formats.boxes import Mark, Marked
from trainer.data.manifest import DataError


class _Image(BaseModel):
    id: int | str
    file_name: str


class _Category(BaseModel):
    id: int | str
    name: str


class _Annotation(BaseModel):
    image_id: int | str
    category_id: int | str
    bbox: tuple[float, float, float, float] | None = None
    segmentation: list[list[float]] | Any = None


class _Coco(BaseModel):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Annotation]


def read(path: Path) -> list[Marked]:
    """Return the images in the file's order, with what is annotated.

    Raise DataError if the file is not as COCO has it.
    """
    try:
        coco = _Coco.model_validate(json.loads(lines.text(path)))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; are data.root and the list's name right?") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{path}: not as COCO has it, {where}: {first['msg']}; images, annotations and categories are "
                        "expected") from None  # fmt: skip
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, lists in lists for ever
        raise DataError(f"{path}: {error}") from None
    _check_ids(path, "images", [image.id for image in coco.images])
    _check_ids(path, "categories", [category.id for category in coco.categories])
    names = {category.id: category.name for category in coco.categories}
    marks: defaultdict[int | str, list[Mark]] = defaultdict(list)
    for one in coco.annotations:
        if one.category_id not in names:
            raise DataError(f"{path}: category_id {one.category_id} of image {one.image_id} is not in `categories`")
        try:
            marks[one.image_id].append(Mark(names[one.category_id], _box(one)))
        except ValueError as error:
            raise DataError(f"{path}: an annotation of image {one.image_id}: {error}") from None
    return [Marked(image.file_name, tuple(marks[image.id])) for image in coco.images]


def _check_ids(path: Path, key: str, ids: list[int | str]) -> None:
    if twice := [one for one, count in Counter(ids).items() if count > 1]:
        raise DataError(f"{path}: {key}: the id {twice[0]} is there twice: nobody can tell which one is meant")


def _box(annotation: _Annotation) -> Box | None:
    if annotation.bbox is not None:
        x, y, width, height = annotation.bbox
        return Box.around(x, y, x + width, y + height)
    polygons = annotation.segmentation
    if isinstance(polygons, list) and polygons and all(isinstance(one, list) and len(one) >= 6 for one in polygons):
        try:
            corners = [[float(number) for number in one] for one in polygons]
        except (TypeError, ValueError, OverflowError):
            raise ValueError("a segmentation of numbers x, y, x, y, … is expected") from None
        xs, ys = [x for one in corners for x in one[::2]], [y for one in corners for y in one[1::2]]
        return Box.around(min(xs), min(ys), max(xs), max(ys))
    return None
