"""Owns a section of settings: unknown keys refused, values frozen, names and paths checked."""

import ast
import inspect
import os
import re
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, field_validator
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

#: Names of sources, recipes, alarms and rolls: each is part of a file name, a metric label and a config key.
NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"


class Section(BaseModel):
    """Settings that belong together. Unknown keys are refused, values are frozen.

    The docstring below a field is its help. Pydantic could read these itself, but whenever a process starts, for 60 ms:
    `helps` reads them when they are asked for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema of the section, with the help of each field as its description."""
        shown = handler(schema)
        for name, field in handler.resolve_ref_schema(shown).get("properties", {}).items():
            field.setdefault("description", helps(cls).get(name, ""))
        return shown

    @field_validator("*")
    @classmethod
    def _is_a_text_or_path_of_this_system(cls, value: Any) -> Any:
        if isinstance(value, Path | str) and not _is_encodable(os.fspath(value)):
            raise ValueError("a NUL or half a character is in it: nothing can be called so")
        if isinstance(value, Path) and (wrong := no_path(os.fspath(value))):
            raise ValueError(f"{wrong}: write an absolute path, or one from the config file's folder")
        return value


def _is_encodable(text: str) -> bool:
    """Return whether a file name may contain this text."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def no_path(text: str) -> str:
    """Return why a text is no path here, though a shell or Windows would take it; "" if it is one."""
    if text.startswith("~"):
        return "~ is a shell's word for a home folder, and nothing puts that in its place here"
    if re.search(r"\$\{?\w|%\w+%", text):
        return "variables of the environment are not put in their place here"
    if "\\" in text or re.match(r"[A-Za-z]:(/|$)", text):
        return "a path of Windows: this machine has it under another name, where the share is mounted"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text):  # of // a path keeps one
        return "a URL is no path: mount the share, and name the folder where it is mounted"
    return ""


def helps(section: type[BaseModel]) -> dict[str, str]:
    """Return the help of each field, on one line, by its name: the docstring below it, of the nearest class."""
    found: dict[str, str] = {}
    for owner in reversed([one for one in section.__mro__ if issubclass(one, BaseModel) and one is not BaseModel]):
        body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for field, below in pairwise(statements):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                text = below.value if isinstance(below, ast.Expr) else None
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    found[field.target.id] = " ".join(text.value.split())
    return found


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the section that a field holds, itself or in a list; None if it holds none."""
    kind = get_args(field.annotation)[0] if get_origin(field.annotation) is list else field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def differences(one: BaseModel, other: BaseModel, prefix: str = "") -> list[str]:
    """Return the keys in which two settings of the same class differ."""
    keys = []
    for name in type(one).model_fields:
        ours, theirs = getattr(one, name), getattr(other, name)
        if isinstance(ours, BaseModel) and isinstance(theirs, BaseModel):
            keys += differences(ours, theirs, f"{prefix}{name}.")
        elif ours != theirs:
            keys.append(f"{prefix}{name}")
    return keys
