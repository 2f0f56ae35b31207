"""Owns HTML and SVG as text: what is put in is escaped, and only markup that was made here stays markup."""

from html import escape

#: Elements that have no end.
_VOID = ("img", "meta")


class Markup(str):
    """Text that is HTML or SVG. What comes from a record, a file or the wire is plain text, and never this."""

    __slots__ = ()


def tag(element: str, /, *content: str, **attributes: str | float | None) -> Markup:
    """An element. Plain text in it is escaped; an attribute is named `class_` or `stroke_width`, and left out if None.

    Numbers are written to hundredths: all of ours are lengths in px or shares in %.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{element}{told}>" if element in _VOID else f"<{element}{told}>{join(*content)}</{element}>")


def join(*parts: str) -> Markup:
    """Parts one after the other; plain text among them is escaped."""
    return Markup("".join(part if isinstance(part, Markup) else Markup(escape(printable(part))) for part in parts))


def printable(text: str) -> str:
    """A line break stays; any other character that cannot be printed, or would turn the text, is told by its number."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return escape(printable(value))
    return f"{value:.2f}".rstrip("0").rstrip(".")
