"""Owns how text from outside reaches a page or a drawing: as what it is, on lines of its own."""

from inspector.host.printable import printable


def printable_lines(text: str) -> str:
    r"""Return the text with each character that cannot be printed, or would turn the text, as Python writes it (\x1b).

    A line break stays.
    """
    return "\n".join(map(printable, text.split("\n")))
