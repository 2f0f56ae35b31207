"""Owns a section of settings: unknown keys refused, values frozen, names and paths checked."""

import os
import re
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic.fields import FieldInfo

#: What sources, recipes, alarms and rolls may be called: a word of a file name, a metric label and a config key.
NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"


class Section(BaseModel):
    """Settings that belong together: none but these, and none of them changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @field_validator("*")
    @classmethod
    def _can_be_said_to_the_system(cls, value: Any) -> Any:
        if isinstance(value, Path | str) and not _sayable(os.fspath(value)):
            raise ValueError("a NUL or half a character is in it: nothing can be called so")
        if isinstance(value, Path) and (wrong := no_path(os.fspath(value))):
            raise ValueError(f"{wrong}: write an absolute path, or one from the config file's folder")
        return value


def _sayable(text: str) -> bool:
    """Whether a file could have this name, or part of it."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def no_path(text: str) -> str:
    """Return why a path is none here as it stands, though a shell or Windows would take it; empty where it is one."""
    if text.startswith("~"):
        return "~ is a shell's word for a home folder, and nothing puts that in its place here"
    if re.search(r"\$\{?\w|%\w+%", text):
        return "variables of the environment are not put in their place here"
    if "\\" in text or re.match(r"[A-Za-z]:(/|$)", text):
        return "a path of Windows: this machine has it under another name, where the share is mounted"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text):  # of // a path keeps one
        return "a URL is no path: mount the share, and name the folder where it is mounted"
    return ""


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the settings that a setting holds: it is a section, or a list of them; None where it is neither."""
    kind = get_args(field.annotation)[0] if get_origin(field.annotation) is list else field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def differences(one: BaseModel, other: BaseModel, prefix: str = "") -> list[str]:
    """The keys in which two settings of the same kind differ."""
    keys = []
    for name in type(one).model_fields:
        ours, theirs = getattr(one, name), getattr(other, name)
        if isinstance(ours, BaseModel) and isinstance(theirs, BaseModel):
            keys += differences(ours, theirs, f"{prefix}{name}.")
        elif ours != theirs:
            keys.append(f"{prefix}{name}")
    return keys
