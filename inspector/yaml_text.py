"""Owns reading YAML that people write: what is no YAML, is ambiguous or gives one key twice is refused, never guessed.

PyYAML reads YAML 1.1, in which `1:30` is 90, `010` is 8, a date is no text, and `on`, `off`, `yes` and `no` are truth
values. Here the first three are the text that was written. The last four are truth values as the value of a key, and
names in a list or as a key.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from inspector.errors import ConfigError
from inspector.host.redaction import shown


def read(path: Path, what: str) -> dict[str, Any]:
    """Return the keys and values of a YAML file.

    ConfigError names the file and says what is wrong; `what` says what kind of file is needed.
    """
    try:
        values = load(path.read_bytes().decode().removeprefix("\ufeff"))  # a byte order mark
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; {what}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}: not YAML: not UTF-8 text from line {line} on (UTF-16, Windows-1252?): save it as UTF-8"
        ) from None
    except ValueError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: holds no keys; {what}")
    return values


def assignment(text: str, origin: str, example: str) -> tuple[str, Any]:
    """Return the key and the value of an override such as `workers.count=4`, whose value is YAML.

    ConfigError names `origin`, where the override was given, and shows the `example`.
    """
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[\w.-]+", key) or not all(key.split(".")):
        raise ConfigError(f"{origin}: write it as key=value, for example {example}")
    try:
        return key, load(value)
    except ValueError as error:
        raise ConfigError(f"{origin}: the value is not YAML: {error}") from None


def load(text: str) -> Any:
    """Return the values of a YAML text.

    ValueError: in one line, without the text around it: a camera's credentials may be in there.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ValueError(shown(f"{error.problem}{where}")) from None
    except RecursionError:
        raise ValueError("too deeply nested") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(shown(" ".join(str(error).split()))) from None


_TAG = "tag:yaml.org,2002:"
#: YAML 1.1 calls these truth values. As a key or in a list they are names: NO may be a steel grade, or a country.
_SWITCHES = frozenset({"yes", "no", "on", "off"})
#: Numbers, by their first character: those of YAML 1.1 but for the base of 60 and octal ones with a leading zero.
_NUMBERS = {
    f"{_TAG}int": (r"[-+]?(?:0|0b[01_]+|0x[0-9a-fA-F_]+|[1-9][0-9_]*)", "-+0123456789"),
    f"{_TAG}float": (
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
}


class _Loader(yaml.SafeLoader):
    """Reads what YAML 1.1 reads otherwise than it looks as a text, and refuses a key that comes twice."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.composer.ComposerError(None, None, f"{key.value!r} is there twice", key.start_mark)
            seen.add(key.value)
            _take_as_name(key)
        return node

    def compose_sequence_node(self, anchor: Any) -> yaml.SequenceNode:
        node: yaml.SequenceNode = super().compose_sequence_node(anchor)
        for item in node.value:
            _take_as_name(item)
        return node


def _take_as_name(node: yaml.Node) -> None:
    if node.tag == f"{_TAG}bool" and node.value.lower() in _SWITCHES:
        node.tag = f"{_TAG}str"


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (*_NUMBERS, f"{_TAG}timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, (_pattern, _first) in _NUMBERS.items():
    _Loader.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern})$"), list(_first))
