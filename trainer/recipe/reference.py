"""Owns the table of every key of a recipe, for `trainer settings` and trainer/recipe.md."""

from collections.abc import Iterator
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from trainer.recipe.recipe import Recipe
from trainer.recipe.section import Section, below

_PAGE = """# Recipe

Every key of a recipe with its default, what it does and its bounds. `trainer settings` prints the same.
`make settings` writes this page from the code.

{contents}
"""


def describe(model: type[Section] = Recipe, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield every setting as (key, default, what it does and its bounds), for help and documents."""
    for name, field in model.model_fields.items():
        inner, several = below(field), get_origin(field.annotation) is tuple
        if inner is None or several:
            default = "required" if field.is_required() else str(field.get_default(call_default_factory=True))
            yield f"{prefix}{name}", default, f"{' '.join((field.description or '').split())}{_bounds(field)}"
        if inner is not None:
            yield from describe(inner, f"{prefix}{name}.<any>." if several else f"{prefix}{name}.")


def page() -> str:
    """Return trainer/recipe.md: a table for each section of the recipe."""
    tables: dict[str, list[tuple[str, str, str]]] = {}
    for row in describe():
        first, _, rest = row[0].partition(".")
        tables.setdefault(first if rest and first != "labels" else "", []).append(row)
    titles = [f"`{name}`" if name else "The run" for name in tables]
    contents = "\n".join(f"- [{title}](#{title.strip('`').lower().replace(' ', '-')})" for title in titles)
    return _PAGE.format(contents=contents) + "".join(
        f"\n## {title}\n\n| key | default | meaning |\n| --- | --- | --- |\n"
        + "".join(f"| `{key}` | `{default}` | {text.replace('|', chr(92) + '|')} |\n" for key, default, text in table)
        for title, table in zip(titles, tables.values(), strict=True)
    )


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
    shown = "; ".join(choices) or ", ".join(limits)
    return f" ({shown})" if shown else ""
