"""Owns the report of prepare on the pictures: splits, balance, sources, copies, sizes, gray levels; short and whole."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Column, Table

from trainer import terminal
from trainer.data.duplicates.overlapping_crops import TURNS
from trainer.data.manifest import SPLITS, Manifest
from trainer.data.pictures import Pictures
from trainer.data.prepare import Prepared
from trainer.data.records import unreviewed

#: Ratio of training pictures, the largest label to another, from which the other is named.
IMBALANCE = 3
#: Gray levels, standard deviation: less is a blank picture. Share of black or white pixels that is named.
BLANK, CLIPPED = 2.0, 0.05
_SHOWN = 3  # examples of each finding; --json has all


def figures(prepared: Prepared, written: Sequence[Path]) -> dict[str, Any]:
    """Return everything that was found, for --json; `written` are the manifests' paths."""
    pictures, plan = prepared.pictures, prepared.manifest
    counts = [{split: len(one.split(split)) for split in SPLITS} for one in prepared.manifests]
    return {
        "manifest": str(written[0]),
        "images": counts[0],
        "manifests": [{"path": str(path)} | count for path, count in zip(written, counts, strict=True)],
        "skipped": [{"path": skip.path, "reason": skip.reason} for skip in prepared.skipped],
        "notes": list(prepared.notes),
        "labels": [row | {"shown": prepared.shown[row["label"]]} for row in _labels(plan, pictures)],
        "sizes": dict(Counter(f"{pixels.shape[1]}x{pixels.shape[0]}" for pixels in pictures.pixels).most_common()),
        "overlaps": _overlaps(prepared),
        "copies": _copies(pictures),
        "blank": _where(pictures, lambda pixels: float(pixels.std()) < BLANK),
        "clipped": _where(pictures, lambda pixels: _clipped(pixels) > CLIPPED),
        "eval_seen_by_training": _seen(prepared),
        "recorded": unreviewed.note(plan.rows),
    }


def show(found: dict[str, Any]) -> None:
    """Print what a person needs: the counts, the table of labels, and what is wrong with the data."""
    console = Console(emoji=False, highlight=False, markup=False, soft_wrap=True)
    for one in found["manifests"]:
        console.print(f"{one['path']}: {', '.join(f'{one[split]} {split}' for split in SPLITS)} images")
    folds = len(found["manifests"])
    of_fold = f"; splits of fold 1 of {folds}" if folds > 1 else ""
    console.print(_table(found["labels"], f"median (5-95%){of_fold}"))
    for line in warnings(found):
        console.print(terminal.printable(line))


def warnings(found: dict[str, Any]) -> list[str]:
    """Return a line for each thing that is unusual."""
    pairs, groups, seen = found["overlaps"]["pairs"], found["overlaps"]["groups"], found["eval_seen_by_training"]
    same = [copy for copy in found["copies"] if copy["similarity"] == 1]
    near = [copy for copy in found["copies"] if copy["similarity"] < 1]
    twice = [copy for copy in found["copies"] if copy["labels"][0] != copy["labels"][1]]
    lines = [
        (len(pairs), terminal.counted(len(pairs), "pair overlaps", "pairs overlap")),
        (
            len(groups),
            f"{sum(groups.values())} images are of {terminal.counted(len(groups), 'source')}: "
            "overlapping crops, copies, given groups",
        ),
        (len(same), f"{terminal.counted(len(same), 'exact copy', 'exact copies')}: {_examples(_names(same))}"),
        (len(near), f"{terminal.counted(len(near), 'near copy', 'near copies')}: {_examples(_names(near))}"),
        (len(twice), f"{terminal.counted(len(twice), 'copy', 'copies')} under two labels: {_examples(_names(twice))}"),
        (len(found["sizes"]) > 1, f"{len(found['sizes'])} sizes: {_examples(found['sizes'])}"),
        (len(found["blank"]), f"{len(found['blank'])} blank: {_examples(found['blank'])}"),
        (len(found["clipped"]), f"{len(found['clipped'])} over {CLIPPED:.0%} clipped: {_examples(found['clipped'])}"),
        (len(found["skipped"]), f"{len(found['skipped'])} skipped"),
        (seen and seen["same_source"], seen and _of_seen(seen)),
        (found["recorded"], found["recorded"]),
    ]
    return [text for unusual, text in lines if unusual] + _of_balance(found["labels"])


def _labels(plan: Manifest, pictures: Pictures) -> list[dict[str, Any]]:
    """Return of each label the rows of each split, the sources of its real pictures, and their gray levels."""
    rows = Counter((row.label, row.split) for row in plan.rows)
    sources: defaultdict[str, set[str | int]] = defaultdict(set)
    levels: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for index, (entry, pixels) in enumerate(zip(pictures.found, pictures.pixels, strict=True)):
        sources[entry.label].add(pictures.groups[index] or index)
        levels[entry.label].append((float(pixels.mean()), float(pixels.std())))
    return [
        {"label": label.name}
        | {split: rows[label.name, split] for split in SPLITS}
        | {"sources": len(sources[label.name])}
        | _levels(levels[label.name])
        for label in plan.labels
    ]


def _levels(each: list[tuple[float, float]]) -> dict[str, list[float] | None]:
    """Return the 5th, 50th and 95th percentile of the pictures' mean and standard deviation, None without any."""
    values = np.percentile(np.array(each), (5, 50, 95), axis=0).round(1) if each else None
    return {
        "gray_mean": None if values is None else values[:, 0].tolist(),
        "contrast": None if values is None else values[:, 1].tolist(),
    }


def _overlaps(prepared: Prepared) -> dict[str, Any]:
    found = prepared.pictures.found
    return {
        "pairs": [
            [found[entry.first].path, found[entry.second].path, round(entry.share, 4), TURNS[entry.turn]]
            for entry in prepared.pictures.overlaps
        ],
        "groups": prepared.groups,
    }


def _copies(pictures: Pictures) -> list[dict[str, Any]]:
    pairs = [(pictures.found[copy.first], pictures.found[copy.second], copy) for copy in pictures.copies]
    return [
        {"paths": [one.path, other.path], "labels": [one.label, other.label], "similarity": copy.similarity}
        for one, other, copy in pairs
    ]


def _seen(prepared: Prepared) -> dict[str, float] | None:
    """Return how many eval pictures share a source or pixels with training, the pairs, and the area's share."""
    if (seen := prepared.seen) is None:
        return None
    return {
        "eval_images": seen.held_out,
        "same_source": len(seen.same_source),
        "overlapping": len(seen.overlapping),
        "pairs": seen.pairs,
        "area_share": round(seen.area_share, 4),
    }


def _clipped(pixels: NDArray[np.uint8]) -> float:
    return float(((pixels == 0) | (pixels == 255)).mean())


def _where(pictures: Pictures, unusual: Any) -> list[str]:
    pairs = zip(pictures.found, pictures.pixels, strict=True)
    return [entry.path for entry, pixels in pairs if unusual(pixels)]


def _of_seen(seen: dict[str, Any]) -> str:
    return (
        f"of the {seen['eval_images']} eval images, training sees the source of {seen['same_source']}, pixels of "
        f"{seen['overlapping']} ({terminal.counted(seen['pairs'], 'pair')}), {seen['area_share']:.0%} of their area: "
        "`trainer eval` counts the others apart"
    )


def _of_balance(labels: list[dict[str, Any]]) -> list[str]:
    most = max(row["train"] for row in labels)
    few = [f"{row['label']} ({row['train']})" for row in labels if row["train"] * IMBALANCE < most]
    lines = [f"few training images, {most} of the largest label: {', '.join(few)}"] if few else []
    for split in ("val", "eval"):
        none = [row["label"] for row in labels if not row[split]]
        if none and len(none) < len(labels):
            lines.append(f"no {split} images, too few sources to share out: {', '.join(none)}")
    return lines


def _names(copies: list[dict[str, Any]]) -> list[str]:
    return [" = ".join(copy["paths"]) for copy in copies]


def _examples(names: Any) -> str:
    shown = list(names)
    return ", ".join(shown[:_SHOWN]) + (f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else "")


def _table(labels: list[dict[str, Any]], caption: str) -> Table:
    table = Table(Column("label", no_wrap=True), *SPLITS, "sources", "gray level", "contrast", caption=caption)
    for row in labels:
        ranges = ("–" if row[key] is None else "{1:.0f} ({0:.0f}-{2:.0f})".format(*row[key]) for key in
                  ("gray_mean", "contrast"))  # fmt: skip
        table.add_row(row["shown"], *(str(row[split]) for split in SPLITS), str(row["sources"]), *ranges)
    return table
