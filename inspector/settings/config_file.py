"""Owns which config file a command reads, the examples that ship with the package, and where relative paths lead."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from inspector.errors import ConfigError
from inspector.settings.section import no_path, section_of
from inspector.settings.sources.types import SOURCE_TYPES

#: The environment variable that names the config file; it is no setting.
VARIABLE = "INSPECTOR_CONFIG"
#: The config file of an installed line: see deploy/README.md.
INSTALLED = Path("/etc/strip-inspector.yaml")


def chosen(given: Path | None, variables: Mapping[str, str]) -> Path:
    """Return the config file to read: `given`, else INSPECTOR_CONFIG, else /etc/strip-inspector.yaml.

    Raise ConfigError if none of the three is there.
    """
    if given is not None:
        return given
    if named := variables.get(VARIABLE):
        return Path(named)
    if INSTALLED.exists():
        return INSTALLED
    raise ConfigError(f"no config file: write -c FILE, set {VARIABLE}, or install one as {INSTALLED}")


def examples() -> Path:
    """Return the folder of the example configs: in an installed package within it, in a checkout beside it."""
    package = Path(__file__).parent.parent
    return next(one for one in (package / "configs", package.parent / "configs") if one.is_dir())


def copy_examples(folder: Path) -> list[Path]:
    """Copy the example configs and the push client into `folder`; return the new files. Never overwrites.

    Raise ConfigError if the folder cannot be written.
    """
    new = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for example in sorted(one for one in examples().iterdir() if one.suffix in (".yaml", ".py")):
            if not (target := folder / example.name).exists():
                shutil.copyfile(example, target)
                new.append(target)
    except OSError as error:
        raise ConfigError(f"{error.filename or folder}: {error.strerror}; name a folder that you may write") from None
    return new


class Anchored(str):
    """A relative path of a config file, made absolute; `written` is the path in the file."""

    written = ""


def anchor(values: dict[str, Any], model: type[BaseModel], file: Path) -> None:
    """Make the relative paths in the `values` of a config file absolute, in place: they start at the folder of `file`.

    `model` says which values are paths.
    """
    for name, value in values.items():
        field = model.model_fields.get(name)
        if field is None:
            continue  # the settings refuse it
        if isinstance(value, str) and _is_relative_path(value, field):
            values[name] = anchored = Anchored(file.absolute().parent / value)
            anchored.written = value
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict) and (below := SOURCE_TYPES.get(str(part.get("type"))) or section_of(field)):
                anchor(part, below, file)


def check_anchored(values: object, file: Path) -> None:
    """Raise ConfigError if an anchored path does not exist, but would if it started at the working directory.

    Until version 0.1 it did: a line that is upgraded must not silently begin a new record elsewhere.
    """
    for key, path in _anchored(values, "", set()):
        before = Path.cwd() / path.written
        if not os.path.lexists(path) and os.path.lexists(before):
            raise ConfigError(
                f"{file}: {key}: {path.written}: a relative path counts from the config file's folder, and there is"
                f" no {path}; write {before} if that one is meant"
            )


def _anchored(values: object, key: str, seen: set[int]) -> Iterator[tuple[str, Anchored]]:
    """Yield the anchored paths and their keys. A YAML list may hold itself: each list is searched once."""
    if isinstance(values, Anchored):
        yield key, values
    elif isinstance(values, dict | list) and id(values) not in seen:
        seen.add(id(values))
        for name, value in values.items() if isinstance(values, dict) else enumerate(values):
            yield from _anchored(value, f"{key}.{name}" if key else str(name), seen)


def _is_relative_path(value: str, field: FieldInfo) -> bool:
    kinds = get_args(field.annotation) or (field.annotation,)
    literals = [literal for kind in kinds for literal in get_args(kind)]  # beside Path
    if Path not in kinds or value in literals or value == str(field.default) or not value:
        return False
    return "\0" not in value and not no_path(value) and not Path(value).is_absolute()
