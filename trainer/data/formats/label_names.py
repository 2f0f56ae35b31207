"""Owns label names for classes that the data calls otherwise: with blanks, in Chinese, with accents."""

import re
import unicodedata
from collections.abc import Sequence

#: What a label may be called on the record, in metrics and file names.
LABEL_NAME = r"^[A-Za-z0-9_.-]{1,64}$"


def is_label_name(name: str) -> bool:
    """Whether a label may be called so."""
    return re.fullmatch(LABEL_NAME, name) is not None


def label_names(names: Sequence[str]) -> list[str]:
    """Return a label name for each of `names`, no two the same: itself if allowed, else as near as letters permit.

    `rolled in scale` is rolled_in_scale, `Kratzer grün` Kratzer_grun; what has no such letter is class_ and its place.
    """
    taken = {name for name in names if is_label_name(name)}
    return [name if is_label_name(name) else _unused(_near(name) or f"class_{place}", taken)
            for place, name in enumerate(names)]  # fmt: skip


def _unused(name: str, taken: set[str]) -> str:
    """Return the name, with a number behind it if it is taken, and take it."""
    found = next(one for n in range(1, len(taken) + 2) if (one := name if n == 1 else f"{name[:60]}_{n}") not in taken)
    taken.add(found)
    return found


def _near(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name)
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter))
    if any(letter.isalpha() and not letter.isascii() for letter in kept):
        return ""  # half a Chinese name is another name
    return re.sub(r"[^A-Za-z0-9.-]+", "_", kept).strip("_")[:64]
