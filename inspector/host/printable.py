"""Owns how names and reasons from outside are shown: on their own line, and as what they are. Pure.

A file may be called anything: a line break in its name must forge no line of a log, an escape sequence must not steer a
terminal, and a mark that turns the reading direction must not hide what a name ends with.
"""

import re

_NOT_PRINTABLE_IN_ASCII = re.compile(r"[^ -~]")


def printable(text: str) -> str:
    r"""The text with all that does not print as itself written as in Python: a line break as \n, ESC as \x1b."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def printable_json(line: str) -> str:
    """A line of JSON that says the same, and prints as it is."""
    return line if line.isprintable() else _NOT_PRINTABLE_IN_ASCII.sub(_escaped_in_json, line)


def _escaped(one: str) -> str:
    return one.encode("unicode_escape").decode()


def _escaped_in_json(found: re.Match[str]) -> str:
    if found[0].isprintable():
        return found[0]
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
