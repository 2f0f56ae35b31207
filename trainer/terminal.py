"""Owns text on a terminal: warnings on stderr, and names of files that hold what no terminal takes."""

import sys
from collections.abc import Iterable

PROGRAM = "trainer"


def warn(*notes: str) -> None:
    """Print each note that says anything as one line on stderr, after the name of the program."""
    for note in filter(None, notes):
        print(f"{PROGRAM}: {printable(note)}", file=sys.stderr)


def say(line: str) -> None:
    """Print a line on stderr, for whoever waits: stdout is for the result."""
    print(line, file=sys.stderr)


def warn_of_skipped(pictures: Iterable[str]) -> str:
    """Name each picture that could not be read on stderr; return what the summary says of them, "" if there is none."""
    skipped = list(pictures)
    warn(*(f"skipped {picture}" for picture in skipped))
    return f", {counted(len(skipped), 'picture')} skipped" if skipped else ""


def printable(text: str) -> str:
    """Escape bytes that are no UTF-8, and all else where there are line breaks: a file's name may hold both."""
    return text.encode("unicode_escape" if "\n" in text else "utf-8", "backslashreplace").decode()


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 row` or `2 rows`; `plural` is where it is no noun with an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"
