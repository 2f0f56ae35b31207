"""Owns the table of every setting, for `inspector settings` and configs/settings.md."""

import re
from collections.abc import Iterator
from typing import get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from inspector.settings.section import helps, section_of
from inspector.settings.settings import Settings
from inspector.settings.sources.place import PlaceSettings
from inspector.settings.sources.strip import StripSettings
from inspector.settings.sources.types import SOURCE_TYPES

_PAGE = """# Settings

Every setting with its default, what it does and its bounds. `inspector settings` prints the same.
`make settings` writes this page from the code.

{contents}
"""


def describe(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield every setting as (key, default, what it does and its bounds), for help and documents."""
    texts = helps(model)
    for name, field in model.model_fields.items():
        key, below = f"{prefix}{name}", section_of(field)
        if field.annotation in (PlaceSettings, StripSettings):
            continue  # described once, for all types of sources
        listed = get_origin(field.annotation) is list
        if name != "type" and (below is None or listed):
            default = "required" if field.is_required() else str(field.default)
            yield key, default, f"{texts.get(name, '')}{_bounds(field)}"
        if name == "sources":
            yield from describe(PlaceSettings, "sources.<any>.place.")
            yield from describe(StripSettings, "sources.<any>.strip.")
            for kind, source in SOURCE_TYPES.items():
                yield from describe(source, f"sources.<{kind}>.")
        elif below is not None:
            yield from describe(below, f"{key}.<any>." if listed else f"{key}.")


def page() -> str:
    """Return configs/settings.md: a table for each section of the settings."""
    tables: dict[str, list[tuple[str, str, str]]] = {"": []}
    for row in describe():
        tables.setdefault(_section_name(row[0]), []).append(row)
    contents = "\n".join(f"- [{title}](#{_anchor(title)})" for title in map(_title, tables))
    return _PAGE.format(contents=contents) + "".join(
        f"\n## {_title(name)}\n\n| setting | default | meaning |\n| --- | --- | --- |\n"
        + "".join(f"| `{key}` | `{default}` | {text.replace('|', chr(92) + '|')} |\n" for key, default, text in table)
        for name, table in tables.items()
    )


def _section_name(key: str) -> str:
    """Return the part of a key that heads its table: `sources.<folder>` of a source, else the first."""
    first, _, rest = key.partition(".")
    if not rest:
        return ""
    return ".".join([first, *rest.split(".")[:-1]]) if first == "sources" else first


def _title(name: str) -> str:
    return f"`{name}`" if name else "The line"


def _anchor(title: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    limits = [
        f"{sign} {getattr(rule, name)}"
        for rule in field.metadata
        for name, sign in signs.items()
        if getattr(rule, name, None) is not None
    ]
    return f" ({', '.join(limits)})" if limits else ""
