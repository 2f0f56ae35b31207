"""Owns the message about a wrong setting: where it was given, what is wrong, what would be right."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, SecretStr

from inspector.host.redaction import shown
from inspector.settings.section import NAME_PATTERN, section_of
from inspector.settings.sources.types import SOURCE_TYPES

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

#: What pydantic's types of errors mean to whoever writes a config.
_PLAIN = {
    "int_parsing": "a whole number is needed", "int_type": "a whole number is needed",
    "int_from_float": "a whole number is needed", "float_parsing": "a number is needed",
    "float_type": "a number is needed", "string_type": "a text is needed; put it in quotes",
    "bool_parsing": "true or false is needed", "bool_type": "true or false is needed",
    "path_type": "a path is needed", "list_type": "a list is needed: lines that begin with `- `",
    "model_type": "settings below it are needed, as in `key: value`",
    "model_attributes_type": "settings below it are needed, as in `key: value`",
    "dict_type": "settings below it are needed, as in `key: value`",
}  # fmt: skip


def explain(
    errors: Sequence["ErrorDetails"], model: type[BaseModel], path: Path, origins: Mapping[str, str]
) -> Iterator[str]:
    """Yield a line for each setting: where it was given, its key, what is wrong with it and what would be right.

    `model` are all settings, `path` the config file, `origins` where each override was given, by its key.
    """
    first: dict[str, ErrorDetails] = {}
    for error in errors:  # of a setting that may be one of several types, there is an error for each of them
        first.setdefault(_key(error["loc"]), error)
    for key, error in first.items():
        given = [o for other, o in origins.items() if f"{key}.".startswith(f"{other}.") or other.startswith(f"{key}.")]
        yield f"{given[-1] if given else path}: {key}{': ' if key else ''}{_what(error, model)}"


def _key(location: tuple[int | str, ...]) -> str:
    """Return the key at this place of a validation error, which also names types of sources and of values."""
    return ".".join(str(part) for part in location if part not in SOURCE_TYPES and "[" not in str(part))


def _what(error: "ErrorDetails", model: type[BaseModel]) -> str:
    kind, location = error["type"], error["loc"]
    if kind == "extra_forbidden":
        return _no_such_setting(str(location[-1]), list(_section(location[:-1], model).model_fields))
    if kind == "missing":
        return "is needed, and is not set"
    if kind in ("literal_error", "union_tag_invalid"):
        return _not_one_of(error)
    if kind == "union_tag_not_found":
        return f"says no `type`; there are {', '.join(str(kind) for kind in SOURCE_TYPES)}"
    hidden = isinstance(error["input"], dict | list) or _is_secret(location, model)
    got = "" if hidden else f" (got {shown(repr(error['input']))})"
    plain = _PLAIN.get(kind, error["msg"].removeprefix("Value error, "))
    if kind == "string_type" and isinstance(error["input"], bool):
        plain = "a text is needed; put it in quotes: without them, YAML reads on, off, yes and no as true and false"
    if kind == "string_pattern_mismatch" and error.get("ctx", {}).get("pattern") == NAME_PATTERN:
        plain = "a name has up to 63 lower-case letters, digits, - and _, a letter or digit first"
    return f"{plain}{got}"


def _is_secret(location: tuple[int | str, ...], model: type[BaseModel]) -> bool:
    """Return whether the setting may hold a password, as a camera's address does."""
    field = _section(location[:-1], model).model_fields.get(str(location[-1])) if location else None
    return field is not None and field.annotation is SecretStr


def _no_such_setting(name: str, names: list[str]) -> str:
    return f"no such setting{meant(name, names)}; there are {', '.join(names)}"


def _not_one_of(error: "ErrorDetails") -> str:
    context = error.get("ctx", {})
    expected = str(context.get("expected") or context.get("expected_tags"))
    names = re.findall(r"'([^']*)'", expected)
    given = str(context.get("tag") or error["input"])
    return f"{shown(repr(given))} is none of {', '.join(names)}{meant(given, names)}"


def meant(given: str, names: Sequence[str]) -> str:
    """Return "; did you mean NAME?" where one of `names` is close to what was given, else nothing."""
    close = difflib.get_close_matches(given, names, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _section(location: tuple[int | str, ...], model: type[BaseModel]) -> type[BaseModel]:
    """Return the section of `model` at this place of a validation error."""
    section = model
    for part in location:
        field = section.model_fields.get(str(part))
        if part in SOURCE_TYPES:
            section = SOURCE_TYPES[part]
        elif field is not None and (below := section_of(field)) is not None:
            section = below
    return section
