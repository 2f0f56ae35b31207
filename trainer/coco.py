"""Owns reading COCO's JSON: images, annotations with boxes or without, categories."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from trainer import lines
from trainer.boxes import Mark, Marked
from trainer.crop import Box
from trainer.manifest import DataError


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
    """The images in the file's order, with what is annotated. DataError where the file is not as COCO has it."""
    try:
        coco = _Coco.model_validate(json.loads(lines.text(path)))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; are data.root and the list's name right?") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{path}: not as COCO has it, {where}: {first['msg']}; images, annotations and categories are "
                        "expected") from None  # fmt: skip
    except ValueError as error:  # no UTF-8, no JSON
        raise DataError(f"{path}: {error}") from None
    names = {category.id: category.name for category in coco.categories}
    marks: defaultdict[int | str, list[Mark]] = defaultdict(list)
    for one in coco.annotations:
        if one.category_id not in names:
            raise DataError(f"{path}: category_id {one.category_id} of image {one.image_id} is not in `categories`")
        marks[one.image_id].append(Mark(names[one.category_id], _box(one)))
    return [Marked(image.file_name, tuple(marks[image.id])) for image in coco.images]


def _box(annotation: _Annotation) -> Box | None:
    if annotation.bbox is not None:
        x, y, width, height = annotation.bbox
        return Box.around(x, y, x + width, y + height)
    polygons = annotation.segmentation
    if isinstance(polygons, list) and polygons and all(isinstance(one, list) and len(one) >= 6 for one in polygons):
        xs, ys = [x for one in polygons for x in one[::2]], [y for one in polygons for y in one[1::2]]
        return Box.around(min(xs), min(ys), max(xs), max(ys))
    return None
