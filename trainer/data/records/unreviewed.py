"""Owns the unreviewed labels: those that only an earlier model gave. A figure by them is agreement with that model.

Who reads `98% right` must not take it for truth where a model wrote the labels that it is counted by.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from trainer.data.manifest import RECORDED, Row


def count(rows: Iterable[Row]) -> int:
    """Return how many of the rows have a label that nobody has reviewed since a model gave it."""
    return sum(row.source.startswith(RECORDED) for row in rows)


def figures(evaluated: Iterable[Row], validation: Iterable[Row]) -> dict[str, int]:
    """Return the part of a report: unreviewed labels of the evaluated rows, and of those that chose the thresholds."""
    return {"images": count(evaluated), "validation_images": count(validation)}


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return that part of a report as lines for a person; none where every label was reviewed."""
    found = report.get("recorded") or {}
    evaluated, chosen_by = found.get("images", 0), found.get("validation_images", 0)
    shown = [f"{evaluated} of the {report['images']} labels are an earlier model's own answer: "
            "what is right by them agrees with that model, and may be wrong"] if evaluated else []  # fmt: skip
    return shown + (
        [f"so are {chosen_by} of the validation labels, by which thresholds are chosen"] if chosen_by else []
    )


def note(rows: Iterable[Row]) -> str:
    """Return the warning of a command that learns from the rows; "" where every label was reviewed."""
    rows = list(rows)
    found = {split: count(row for row in rows if row.split == split) for split in ("train", "val", "eval")}
    if not any(found.values()):
        return ""
    parts = ", ".join(f"{number} {split}" for split, number in found.items() if number)
    return (
        f"{sum(found.values())} of {len(rows)} labels are an earlier model's own answer ({parts}): correct them in the "
        "manifest; till then what is right by them only agrees with that model"
    )
