"""Owns saying which labels are only what the inspector's model said: a figure by them is agreement with that model.

Who reads `98% right` must not take it for truth where an earlier model wrote the labels that it is counted by.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from trainer.data.manifest import RECORDED, Row


def count(rows: Iterable[Row]) -> int:
    """How many of the rows have a label that nobody has looked at since a model gave it."""
    return sum(row.source.startswith(RECORDED) for row in rows)


def figures(evaluated: Iterable[Row], validation: Iterable[Row]) -> dict[str, int]:
    """What an evaluation has to say of it: of what it counts, and of what its thresholds were chosen by."""
    return {"images": count(evaluated), "validation_images": count(validation)}


def lines(report: Mapping[str, Any]) -> list[str]:
    """The same in words, a line each; none where every label is a person's."""
    found = report.get("recorded") or {}
    by, chosen_by = found.get("images", 0), found.get("validation_images", 0)
    said = [f"{by} of the {report['images']} labels are an earlier model's own word: "
            "what is right by them agrees with that model, and may be wrong"] if by else []  # fmt: skip
    return said + (
        [f"so are {chosen_by} of the validation labels, by which thresholds are chosen"] if chosen_by else []
    )


def note(rows: Iterable[Row]) -> str:
    """What a command that learns from the rows has to say of it; "" where there is nothing to say."""
    rows = list(rows)
    found = {split: count(row for row in rows if row.split == split) for split in ("train", "val", "eval")}
    if not any(found.values()):
        return ""
    parts = ", ".join(f"{number} {split}" for split, number in found.items() if number)
    return (
        f"{sum(found.values())} of {len(rows)} labels are an earlier model's own word ({parts}): correct them in the "
        "manifest; till then what is right by them only agrees with that model"
    )
