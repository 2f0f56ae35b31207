"""Owns reading YAML that people write: what is no YAML, or gives one key twice, is refused, never guessed."""

from typing import Any

import yaml

from inspector.host.redaction import shown


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
    except (yaml.YAMLError, ValueError) as error:  # a ValueError: an impossible date
        raise ValueError(shown(" ".join(str(error).split()))) from None


class _Loader(yaml.SafeLoader):
    """YAML asks that no key comes twice, but its readers take the last one without a word."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.composer.ComposerError(None, None, f"{key.value!r} is there twice", key.start_mark)
            seen.add(key.value)
        return node
