"""Owns what is new since the last retraining: pictures by label and source, and labels that were changed since."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from trainer.data.manifest import SIMULATED, Row


def of(rows: Iterable[Row], before: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the counts of each label and source. `before`: the label of each picture at the last retraining.

    `changed` are pictures of before that have another label now.
    """
    total: Counter[tuple[str, str]] = Counter()
    new: Counter[tuple[str, str]] = Counter()
    changed: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row.path.startswith(SIMULATED):
            continue
        key = row.label, row.source
        total[key] += 1
        new[key] += row.path not in before
        changed[key] += before.get(row.path, row.label) != row.label
    return [
        {"label": label, "source": source, "pictures": count, "new": new[label, source],
         "changed": changed[label, source]}
        for (label, source), count in sorted(total.items())
    ]  # fmt: skip


def learned(rows: Iterable[Row]) -> dict[str, str]:
    """Return what the next retraining compares with: the label of each picture."""
    return {row.path: row.label for row in rows if not row.path.startswith(SIMULATED)}
