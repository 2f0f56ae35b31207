"""Owns how a page is made of a template: one HTML file with its style and pictures in it.

A page opens from a USB stick and prints on A4. It runs nothing and asks nothing of any other machine: its policy allows
neither scripts nor anything from outside. Whatever a template inserts is escaped, unless it is Markup.
"""

import base64

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from inspector.reports.printable import printable_lines


def render(template: str, **values: object) -> str:
    """Return the page that `templates/{template}` makes of the values. Raise UndefinedError if it needs another."""
    return _ENVIRONMENT.get_template(template).render(values)


def _harmless(value: object) -> object:
    return value if isinstance(value, Markup) else printable_lines(str(value))


def _data_uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


_ENVIRONMENT = Environment(
    loader=PackageLoader("inspector.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_harmless,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters["data_uri"] = _data_uri
