"""Owns a section of the recipe: unknown keys refused, values frozen, each described by the text under it."""

from typing import Annotated, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class Section(BaseModel):
    """Settings that belong together: none but these, and none of them changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def below(field: FieldInfo) -> type[Section] | None:
    """Return the settings that a setting holds: it is a section, or there are several of them; None elsewhere."""
    kinds = [field.annotation, *get_args(field.annotation)]
    kinds += [kind for inner in kinds if get_origin(inner) is Annotated for kind in get_args(inner)]
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)), None)
