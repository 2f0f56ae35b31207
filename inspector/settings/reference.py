"""Owns the table of every setting, for `inspector settings` and configs/settings.md."""

from collections.abc import Iterator
from typing import get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from inspector.settings.section import section_of
from inspector.settings.settings import Settings
from inspector.settings.sources.place import PlaceSettings
from inspector.settings.sources.strip import StripSettings
from inspector.settings.sources.types import SOURCE_TYPES


def describe(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Every setting as (key, default, what it does and its bounds), for help and documents."""
    for name, field in model.model_fields.items():
        key, below = f"{prefix}{name}", section_of(field)
        if name == "sources":
            yield key, "required", f"a list; each entry has a `type`: {', '.join(str(kind) for kind in SOURCE_TYPES)}"
            yield from describe(PlaceSettings, "sources.<any>.place.")
            yield from describe(StripSettings, "sources.<any>.strip.")
            for kind, source in SOURCE_TYPES.items():
                yield from describe(source, f"sources.<{kind}>.")
        elif field.annotation in (PlaceSettings, StripSettings):
            continue  # told once for all sources
        elif name != "type":
            below = section_of(field)
            listed = get_origin(field.annotation) is list
            if below is None or listed:
                default = "required" if field.is_required() else str(field.default)
                yield key, default, f"{field.description or ''}{_bounds(field)}"
            if below is not None:
                yield from describe(below, f"{key}.<any>." if listed else f"{key}.")


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    limits = [
        f"{sign} {getattr(rule, name)}"
        for rule in field.metadata
        for name, sign in signs.items()
        if getattr(rule, name, None) is not None
    ]
    return f" ({', '.join(limits)})" if limits else ""
