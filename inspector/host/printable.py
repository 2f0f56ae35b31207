"""Owns how names and reasons from outside are shown: on one line, in characters that print as themselves. Pure.

A file may have any name: a line break in it must not forge a line of the log, an escape sequence must not control the
terminal, and a mark that reverses the reading direction must not hide the end of the name.
"""

import re

_NOT_PRINTABLE_IN_ASCII = re.compile(r"[^ -~]")


def printable(text: str) -> str:
    r"""Return the text with each character that does not print as itself escaped as in Python: \n, \x1b."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def printable_json(line: str) -> str:
    """Return a line of JSON with the same content in which every character prints as itself."""
    return line if line.isprintable() else _NOT_PRINTABLE_IN_ASCII.sub(_escaped_in_json, line)


def _escaped(one: str) -> str:
    return one.encode("unicode_escape").decode()


def _escaped_in_json(found: re.Match[str]) -> str:
    if found[0].isprintable():
        return found[0]
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
