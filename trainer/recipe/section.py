"""Owns a section of the recipe: what all sections have in common, and how their settings are told to a person."""

from collections.abc import Iterator
from typing import Annotated, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class Section(BaseModel):
    """Settings that belong together. A key that there is not is refused; none changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def below(field: FieldInfo) -> type[Section] | None:
    """Return the settings that a setting holds: it is a section, or there are several of them; None elsewhere."""
    kinds = [field.annotation, *get_args(field.annotation)]
    kinds += [kind for inner in kinds if get_origin(inner) is Annotated for kind in get_args(inner)]
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)), None)


def describe(model: type[Section], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield every setting as (key, default, what it does and its bounds), for help and documents."""
    for name, field in model.model_fields.items():
        inner, several = below(field), get_origin(field.annotation) is tuple
        if inner is None or several:
            default = "required" if field.is_required() else str(field.get_default(call_default_factory=True))
            yield f"{prefix}{name}", default, f"{field.description or ''}{_bounds(field)}"
        if inner is not None:
            yield from describe(inner, f"{prefix}{name}.<any>." if several else f"{prefix}{name}.")


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    limits = [
        f"{sign} {getattr(rule, name)}"
        for rule in field.metadata
        for name, sign in signs.items()
        if getattr(rule, name, None) is not None
    ]
    kinds = [field.annotation, *get_args(field.annotation)]
    choices = [", ".join(map(str, get_args(kind))) for kind in kinds if get_origin(kind) is Literal]
    said = "; ".join(choices) or ", ".join(limits)
    return f" ({said})" if said else ""
